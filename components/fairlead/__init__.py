"""Kubeflow Pipelines components that take a model from raw data to a verified endpoint."""

__version__ = "0.1.0"
