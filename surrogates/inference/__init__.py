"""Bundles (a trained surrogate on disk) and `Surrogate` (prediction in physical units)."""
