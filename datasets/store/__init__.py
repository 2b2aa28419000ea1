"""Zarr v3 stores: layout, checks, statistics, readers."""
