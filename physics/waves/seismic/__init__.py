"""Acoustic waves under the ground: shots, and the gathers that receivers record."""
