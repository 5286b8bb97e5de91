"""A model in MLflow's registry: registered as candidate, promoted to champion, and fetched for comparison."""
