"""Raw files to a Dataset."""
