"""The images that components run in, by the name of their Dockerfile target."""

from __future__ import annotations

from fairlead import __version__

REGISTRY = "fairlead"
TABULAR = f"{REGISTRY}/python-tabular:{__version__}"
TORCH = f"{REGISTRY}/python-torch:{__version__}"
SPARK = f"{REGISTRY}/python-spark:{__version__}"
PREDICTOR = f"{REGISTRY}/predictor:{__version__}"
MLFLOW = f"{REGISTRY}/mlflow:{__version__}"
