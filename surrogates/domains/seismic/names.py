"""Names of the variables and the axes that the pieces of this domain look for."""

VELOCITY, GATHER = "velocity_model", "shot_gather"
SHOT, TIME, RECEIVER = "shot", "time", "receiver"
DEPTH, LATERAL = "depth", "lateral"
FREQUENCY, SOURCES = "source_frequency", "source_lateral"
"""Variables that tell the source of each record, where records differ."""
