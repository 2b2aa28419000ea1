"""Scores with intervals, and baselines beside the model."""
