"""Channel state information on the learning side: the next channel from the past ones."""
