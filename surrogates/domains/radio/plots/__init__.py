"""Pictures of radio maps and of measured sites."""
