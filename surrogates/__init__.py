"""Surrogates: load a trained bundle, predict in physical units."""
