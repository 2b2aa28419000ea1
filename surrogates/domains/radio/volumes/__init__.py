"""Volumes of radio maps: gain, delay and direction of arrival on planes of height."""
