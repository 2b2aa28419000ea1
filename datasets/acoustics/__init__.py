"""Sound in rooms: simulated data sets."""
