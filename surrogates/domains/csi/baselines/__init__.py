"""Baselines of channel prediction: linear prediction in time, by antenna, by vector and by filter."""
