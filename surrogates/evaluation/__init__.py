"""Scores with intervals, baselines beside the model, reports and claims."""
