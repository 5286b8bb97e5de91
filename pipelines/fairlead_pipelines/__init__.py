"""Pipelines, one a file, wiring only."""
