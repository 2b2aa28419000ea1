"""From records in stores to batches of tensors."""
