"""Flights of uncrewed aerial vehicles: simulated, and read from the logs of others."""
