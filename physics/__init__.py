"""Solvers: arrays in, arrays out; no Zarr, no learning."""
