"""A Dataset to Datasets: splits."""
