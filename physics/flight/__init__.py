"""Flight of multirotors: dynamics, control, wind, and the paths that they are told to fly."""
