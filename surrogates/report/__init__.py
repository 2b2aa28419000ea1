"""Pages and pictures of runs, sweeps and results."""
