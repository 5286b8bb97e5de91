"""A trained model against test data, thresholds and the model it is to replace."""
