"""Transforms of a radio link to channels of networks, and what they share."""
