"""Waves: equations, sources, receivers."""
