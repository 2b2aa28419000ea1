"""Channel state information: simulated benchmarks and importers of measured logs."""
