"""What a run is: its configuration, its pieces, its data, its devices."""
