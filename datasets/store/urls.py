"""URLs of stores and files: a path on this machine's disk or any other fsspec URL."""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from datasets.store.errors import ContractError

_REMOTE = re.compile(r"([A-Za-z][\w+.-]*)(://|::)")
_PASSWORD = re.compile(r"([\w+.-]+)://[^/@]*:[^/@]*@([^/]*)")
HUB = "hf://"
"""How names of repositories on the Hugging Face Hub begin."""
CONNECTIONS = 64
"""Connections to a server at once."""
PROBE = ".writable"
"""End of the name of the empty file that tells whether something can be written beside a URL."""
EXAMPLES = "s3://, gs:// or https://"
CREDENTIALS = (
    "give them as the file system takes them: its own environment variables, such as AWS_PROFILE, or "
    "FSSPEC_PROTOCOL_OPTION, such as FSSPEC_S3_KEY"
)


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
            f"URL that begins with {EXAMPLES}, say"
        )


def require_address(url: str) -> None:
    """Refuse a URL that ends behind its protocol, or holds a password, which would be written into files.

    Raises
    ------
    ContractError
        Says what to give instead; does not repeat the password.
    """
    protocol, separator, place = url.partition("://")
    if separator and not place.strip("/") and protocol != "file":
        raise ContractError(f"{url} names no place behind '{protocol}://'; expected a bucket or server")
    if found := _PASSWORD.search(url):
        raise ContractError(
            f"the URL of {found[1]}://{found[2]} holds a password, which would be written into files; leave "
            f"it out and {CREDENTIALS}"
        )


def normalise(url: str) -> str:
    """Return a local URL as the plain path that Zarr writes atomically (`~` is home), any other as it is."""
    folder = local_path(url)
    return url if folder is None else str(folder)


def filesystem(url: str, storage_options: Mapping[str, object] | None = None) -> tuple[Any, str]:
    """Return the fsspec file system of a URL of another machine, and the path there.

    It forgets the listings that it keeps: other processes write too.
    """
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url, **(storage_options or {}))
    system.invalidate_cache()
    return system, path


def connected(url: str, storage_options: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Return options of a file system that is asked much, and asked again by `patience`.

    s3fs would open ten connections, and botocore wait for minutes for a server that hangs.
    """
    from fsspec.config import conf

    options: dict[str, Any] = dict(storage_options or {})
    if not url.startswith("s3://"):
        return options
    ours = {"max_pool_connections": CONNECTIONS, "retries": {"max_attempts": 0}}
    users = conf.get("s3", {}).get("config_kwargs") or {}
    return options | {"config_kwargs": {**ours, **users, **(options.get("config_kwargs") or {})}}


@cache
def local_copy(url: str) -> Path:
    """Return a copy of the file at a URL of another machine, which lasts as long as this process.

    Raises
    ------
    ContractError, ImportError
        As `explained`.
    """
    folder = Path(tempfile.mkdtemp(prefix="surrogates-file-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / (PurePosixPath(urlsplit(url).path).name or "file")
    with explained(url):
        system, path = filesystem(url)
        system.get_file(path, str(copy))
    return copy


def matching(url: str) -> list[str]:
    """Return the sorted URLs that a pattern with `*` matches; a URL without one stands alone."""
    if "*" not in url:
        return [url]
    with explained(url):
        system, path = filesystem(url)
        return sorted(str(system.unstrip_protocol(each)) for each in system.glob(path))


def require_writable(url: str, storage_options: Mapping[str, object] | None = None) -> None:
    """Refuse a URL of another machine at which nothing can be written, before any work.

    An empty file is written beside it and removed.

    Parameters
    ----------
    url
        Where something shall be written.
    storage_options
        For fsspec.

    Raises
    ------
    ContractError
        When its bucket does not exist, may not be written to, or its server does not answer.
    ImportError
        When the package that knows the protocol is not installed.
    """
    if url.startswith(HUB):
        raise ContractError(
            f"{url} is a repository, to which `surrogates push` writes bundles; give a bucket"
        )
    with explained(url, "written"):
        system, path = filesystem(url.rstrip("/"), storage_options)
        system.pipe_file(f"{path}{PROBE}", b"")
        with suppress(FileNotFoundError):  # another process that tries the same has removed it
            system.rm_file(f"{path}{PROBE}")


def require_new(url: str) -> None:
    """Refuse a URL of another machine at which something lies, or nothing can be written.

    Raises
    ------
    ContractError, ImportError
        As `require_writable`.
    FileExistsError
        When something lies there.
    """
    require_writable(url)
    with explained(url, "written"):
        system, path = filesystem(url)
        found = system.exists(path)
    if found:
        raise FileExistsError(f"{url} exists; remove it or choose another name.")


@contextmanager
def explained(url: str, done: Literal["read", "written"] = "read") -> Iterator[None]:
    """Turn what a file system says of a URL into one line; of a path on this machine's disk nothing changes.

    Parameters
    ----------
    url
        What the block reads or writes.
    done
        What is done to it.

    Raises
    ------
    ContractError
        When the URL ends behind its protocol, nothing lies there, or the server does not answer or refuses.
    ImportError
        When the package that knows the protocol is not installed.
    """
    require_address(url)
    try:
        yield
    except (ContractError, ImportError):
        raise
    except Exception as error:  # each file system has its own
        if local_path(url) is not None:
            raise
        require_protocol(url)
        cause = _cause(error)
        raise ContractError(_said_of(url, done, cause)) from cause


def _cause(error: Exception) -> BaseException:
    """Return an error, or why a file seems not to be there, as when the server does not answer."""
    cause = error.__cause__
    if not isinstance(error, FileNotFoundError) or cause is None or isinstance(cause, FileNotFoundError):
        return error
    refused = getattr(cause, "status", 404) not in (404, 410)
    return cause if refused or isinstance(cause, OSError) else error


def _said_of(url: str, done: str, error: BaseException) -> str:
    """Return what an error of a file system means for whoever typed a URL."""
    said = " ".join(str(error).split()) or "no reason given"
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError):
        lacking = f"nothing lies at {url}; check the address"
        return lacking if done == "read" else f"{url} cannot be written: its bucket or folder does not exist"
    if "credential" in f"{kind} {said}".lower():
        return f"{url} cannot be {done} without credentials ({kind}: {said}); {CREDENTIALS}"
    if isinstance(error, NotImplementedError):
        return f"{url} cannot be {done}: its server is only read; give a bucket or a path"
    return f"{url} cannot be {done} ({kind}: {said}); check the address, the network and your rights"
