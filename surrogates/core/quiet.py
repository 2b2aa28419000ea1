"""Suppression of libraries' log messages."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(*packages: str) -> Iterator[None]:
    """Suppress all but critical messages of packages' loggers; errors are still raised."""
    known = [name for name in logging.Logger.manager.loggerDict if name.startswith(packages)]
    loggers = [logging.getLogger(name) for name in known]  # many have a level of their own
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
