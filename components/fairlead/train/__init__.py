"""A Dataset to a ModelBundle."""
