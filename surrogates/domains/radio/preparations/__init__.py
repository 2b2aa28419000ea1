"""Preparations of batches of radio maps: masks, drawn and held-out cells, symmetries."""
