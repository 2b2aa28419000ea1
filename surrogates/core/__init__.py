"""Lowest layer: registry, building of named pieces, texts of errors."""
