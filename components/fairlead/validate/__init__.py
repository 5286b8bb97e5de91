"""A Dataset against a Schema."""
