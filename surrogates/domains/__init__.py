"""What each domain adds on the learning side: transforms, baselines, metrics, pictures."""
