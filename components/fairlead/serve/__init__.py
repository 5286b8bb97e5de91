"""The predictor that KServe runs: one ModelBundle behind the V1 and the Open Inference (V2) protocol."""
