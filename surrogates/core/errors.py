"""Errors that a user can correct; the command line prints them as one line."""


class ConfigError(ValueError):
    """A configuration names something that does not exist or a value that does not fit."""


class RegistryError(ConfigError):
    """A name is not registered, or is registered twice."""


class MissingExtraError(ImportError):
    """A package of one of our optional extras is not installed."""
