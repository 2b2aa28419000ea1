"""Errors of a build, each one line."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote

_FULL = (errno.ENOSPC, errno.EDQUOT)


class BuildError(ValueError):
    """Stops a build; the message says what was found and what to do next."""


def is_full_disk(number: int | None) -> bool:
    """Return whether an error number means that the disk or the quota is full."""
    return number in _FULL


@contextmanager
def explain_full_disk(url: str) -> Iterator[None]:
    """Turn a full disk into one line; finished units are kept."""
    try:
        yield
    except OSError as error:
        if is_full_disk(error.errno):
            raise full_disk(url) from error
        raise


def full_disk(url: str) -> BuildError:
    """Return the error of a full disk."""
    return BuildError(
        f"No space is left on the device of {url}. Finished units are kept: free some space, then run "
        f"`{resume_command(url)}`."
    )


def resume_command(url: str) -> str:
    """Return the command that resumes a build."""
    return f"surrogates data resume {quote(url)}"
