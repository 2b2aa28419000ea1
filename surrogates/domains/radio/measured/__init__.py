"""Measured sectors: drawn campaigns, the process trained on them, and its scores on readings."""
