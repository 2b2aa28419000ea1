"""Velocity models and shot gathers: simulated, and read from the files of others."""
