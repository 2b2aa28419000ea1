"""Ray tracing with Sionna RT: which backend computes it, which scenes it knows, and how a map is solved."""
