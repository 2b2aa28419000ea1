"""Time-varying wireless channels: 3GPP models and paths of a ray tracer."""
