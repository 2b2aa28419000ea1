"""Errors of bundles and warnings of predictions."""


class BundleError(ValueError):
    """A bundle is damaged, unsafe or of another version; nothing of it was run."""


class OutOfRangeWarning(UserWarning):
    """An input lies outside what the surrogate saw in training: its answer is an extrapolation."""
