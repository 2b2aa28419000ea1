"""What networks are compared with: formulas, interpolators and the ray tracer itself."""
