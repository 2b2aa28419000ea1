"""The data contract: Zarr v3 stores that xarray opens, their layout, checks, statistics and fast reader.

Import from the sub-modules (`datasets.store.layout`, `datasets.store.specs`, ...).
"""
