"""Errors of a build, each one line."""


class BuildError(ValueError):
    """Stops a build; the message says what was found and what to do next."""
