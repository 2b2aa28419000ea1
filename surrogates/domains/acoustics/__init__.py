"""Acoustics: sound in rooms."""
