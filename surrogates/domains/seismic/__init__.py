"""Seismic imaging on the learning side: from gathers to velocity, and back."""
