"""URLs of stores: a path on this machine's disk or any other fsspec URL."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.store.errors import ContractError

_REMOTE = re.compile(r"([A-Za-z][\w+.-]*)(://|::)")


def local_path(url: str) -> Path | None:
    """Return the folder of a store on this machine's disk (`~` is home), or None for any other URL."""
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    found = _REMOTE.match(url)
    if found and (found[2] == "://" or _is_protocol(found[1])):
        return None
    return at_home(url)


def at_home(path: str | Path) -> Path:
    """Return a path in which a leading `~` is home; a name such as `~x` of nobody stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  (`Path.expanduser` raises for such a name)


def _is_protocol(name: str) -> bool:
    from fsspec import available_protocols

    return name in available_protocols()


def require_protocol(url: str) -> None:
    """Refuse a URL that begins with a protocol that nobody knows.

    Raises
    ------
    ContractError
        Names the common ones.
    """
    from fsspec import available_protocols

    protocol, separator, _ = url.partition("://")
    if separator and "::" not in protocol and protocol not in available_protocols():
        raise ContractError(
            f"{url} begins with '{protocol}://', a protocol that fsspec does not know; expected a path, or a "
            "URL that begins with s3://, gs:// or https://, say"
        )


def normalise(url: str) -> str:
    """Return a local URL as the plain path that Zarr writes atomically (`~` is home), any other as it is."""
    folder = local_path(url)
    return url if folder is None else str(folder)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what a file system says of a URL into one line; of a path on this machine's disk nothing changes.

    Raises
    ------
    ContractError
        When the URL ends behind its protocol, nothing lies there, or the server does not answer or refuses.
    ImportError
        When the package that knows the protocol is not installed.
    """
    protocol, separator, place = url.partition("://")
    if separator and not place.strip("/") and protocol != "file":
        raise ContractError(f"{url} names no place behind '{protocol}://'; expected a bucket or server")
    try:
        yield
    except (ContractError, ImportError):
        raise
    except Exception as error:  # each file system has its own
        if local_path(url) is not None:
            raise
        require_protocol(url)
        if isinstance(error, FileNotFoundError):
            raise ContractError(f"nothing lies at {url}; check the address") from None
        said = " ".join(str(error).split()) or "no reason given"
        raise ContractError(
            f"{url} cannot be read ({type(error).__name__}: {said}); check the address, the network and your "
            "rights"
        ) from error
