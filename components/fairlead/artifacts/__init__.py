"""What flows between stages: Dataset, Schema, Report and ModelBundle, their files and their checks."""
