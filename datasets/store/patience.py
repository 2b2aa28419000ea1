"""Ask a server again that does not answer: it may be gone for a while, and then work goes on."""

import errno
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from datasets.store.errors import ContractError

Answer = TypeVar("Answer")

PATIENCE = 60.0
"""Seconds for which a server may fail to answer."""
FIRST = 2.0
"""The same of a server that has not answered this process yet: its address may be wrong."""
LASTING = (
    *(FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError, IsADirectoryError),
    *(ValueError, TypeError, LookupError, AttributeError, ImportError, NotImplementedError),
)
"""Errors after which asking again is useless."""
REFUSALS = {
    *(errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.EMSGSIZE, errno.ENAMETOOLONG, errno.ENOTEMPTY),
    *(errno.ENOSPC, errno.EDQUOT),
}
"""Numbers of system errors that mean the same."""

_answered: set[str] = set()


class Unanswered(ContractError):
    """A server has not answered for as long as one waits for it."""


class Patience:
    """How long to wait after each failure of a server.

    Parameters
    ----------
    url
        What is asked for.
    new
        Whether to wait no longer than `FIRST` for a server that has not answered yet.
    """

    def __init__(self, url: str, *, new: bool = False) -> None:
        self._url, self._server = url, _server(url)
        unknown = new and self._server not in _answered
        self._limit = FIRST if unknown else PATIENCE
        self._since = time.monotonic() if unknown else None  # of others from the first failure
        self._pauses = pauses()

    def answered(self) -> None:
        """Note that the server has answered."""
        _answered.add(self._server)

    def after(self, error: Exception) -> float:
        """Return the seconds to wait before one asks again.

        Raises
        ------
        Unanswered
            When the server was silent for too long.
        Exception
            The error itself, where asking again is useless or the server has never answered.
        """
        if not may_pass(error):
            raise error
        pause = next(self._pauses)
        if self._since is None:  # what failed may have been on its way for long
            self._since = time.monotonic()
        if time.monotonic() - self._since + pause <= self._limit:
            return pause
        if self._limit < PATIENCE:
            raise error
        said = " ".join(str(error).split()) or "no reason given"
        raise Unanswered(
            f"{self._url} has not answered for {self._limit:.0f} s ({type(error).__name__}: {said}); check "
            "the network and the server, then resume"
        ) from error


def patiently(url: str, ask: Callable[[], Answer]) -> Answer:
    """Return what a server answers; ask again while it does not.

    Raises
    ------
    Unanswered
        When it has not answered for a minute.
    """
    patience = Patience(url)
    while True:
        try:
            answer = ask()
        except Exception as error:  # each file system has its own
            pause = patience.after(error)
        else:
            patience.answered()
            return answer
        time.sleep(pause)


def may_pass(error: Exception) -> bool:
    """Return whether an error may be gone when one asks again."""
    if isinstance(error, LASTING) or (isinstance(error, OSError) and error.errno in REFUSALS):
        return False
    if "credential" in f"{type(error).__name__} {error}".lower():
        return False
    status = getattr(error, "status", None)  # of aiohttp; 408 and 429 ask for patience
    return not (isinstance(status, int) and 400 <= status < 500 and status not in (408, 429))


def pauses() -> Iterator[float]:
    """Yield the seconds to wait between attempts: twice as long each time, up to five."""
    pause = 0.1
    while True:
        yield pause
        pause = min(2 * pause, 5.0)


def _server(url: str) -> str:
    """Return protocol and bucket or host of a URL."""
    return "/".join(url.split("/", 3)[:3])
