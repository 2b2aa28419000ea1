"""Hydra configuration groups, shipped as `surrogates.conf`."""
