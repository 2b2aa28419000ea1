"""What can go wrong with a bundle, and what a prediction warns about."""


class BundleError(ValueError):
    """A bundle is damaged, unsafe or of another version; nothing of it was run."""


class OutOfRangeWarning(UserWarning):
    """An input lies outside what the surrogate saw in training: its answer is an extrapolation."""
