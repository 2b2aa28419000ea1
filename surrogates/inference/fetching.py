"""Bundles of other machines: their files are copied into a plain folder, which is then read as any other."""

import atexit
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from fsspec.callbacks import Callback

from datasets.store.urls import HUB, explained, filesystem
from surrogates.core.errors import ConfigError
from surrogates.core.optional import explain_missing
from surrogates.core.plain import MAX_BYTES as MAX_MANIFEST
from surrogates.core.plain import read_text
from surrogates.core.progress import Progress
from surrogates.core.text import printable
from surrogates.inference.errors import BundleError
from surrogates.inference.manifest import MANIFEST, MAX_BYTES, PICKLES, Manifest, parse_manifest


class Remote(Protocol):
    """A bundle of another machine."""

    @property
    def origin(self) -> str:
        """Its URL, with the commit if there is one."""
        ...

    def sizes(self, names: Iterable[str]) -> Mapping[str, int]:
        """Return the bytes of files that are not here yet; raise BundleError when one does not exist."""
        ...

    def get(self, name: str, path: Path, most: int, shown: Progress | None) -> None:
        """Copy a file of at most so many bytes to a path, and count them."""
        ...


def fetch(url: str) -> tuple[Path, str]:
    """Return the folder of a copy of the bundle at a URL, and its URL, on the hub with the commit.

    The copy lasts as long as this process, and holds the files themselves, no links.

    Only what `bundle.yaml` lists is copied, after its size is told.

    Raises
    ------
    BundleError
        When there is no bundle, it breaks a rule, or its server does not answer.
    MissingExtraError
        When the package that knows the protocol is not installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="surrogates-bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with _refused(url):
            remote = _remote(url)
            return _copied(remote, folder), remote.origin
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _remote(url: str) -> Remote:
    if url.startswith(HUB):
        from surrogates.inference.hub import Repository

        return Repository.of(url)
    return _Folder(url)


@contextmanager
def _refused(url: str) -> Iterator[None]:
    """Name the URL in what is said of a bundle, and the line to install where a package is missing."""
    try:
        yield
    except ImportError as error:
        cause = error if isinstance(error, ModuleNotFoundError) else error.__cause__
        if isinstance(cause, ModuleNotFoundError):
            raise explain_missing(cause, f"Reading {url}") from error
        raise
    except ValueError as error:  # of the contract, a manifest or the bundle
        said = str(error)
        raise BundleError(said if url in said else f"{url}: {said}") from error


def _copied(remote: Remote, folder: Path) -> Path:
    """Copy the files of a bundle into a folder, manifests first."""
    manifest = _manifest(remote, folder, MANIFEST)
    names = list(manifest.files)
    for member in manifest.members:
        (folder / member).mkdir()
        inner = _manifest(remote, folder, f"{member}/{MANIFEST}")
        names += [f"{member}/{name}" for name in inner.files]
    for name in names:
        if PurePosixPath(name).suffix.lower() in PICKLES:
            raise BundleError(f"{MANIFEST} lists {name}, which may hold a pickle; nothing was fetched.")
    sizes = remote.sizes(names)
    if (whole := sum(sizes.values())) > MAX_BYTES:
        raise BundleError(f"it has {whole} bytes; at most {MAX_BYTES} are read.")
    origin = printable(remote.origin)
    told = f"fetching {whole / 1e6:.3g} MB" if sizes else "taken from the cache"
    print(f"{origin}: {told}", file=sys.stderr, flush=True)
    with Progress(whole, "byte", label=origin, shown=bool(sizes)) as shown:
        for name in names:
            remote.get(name, folder / name, MAX_BYTES, shown)
    return folder


def _manifest(remote: Remote, folder: Path, name: str) -> Manifest:
    remote.get(name, folder / name, MAX_MANIFEST, None)
    try:
        return parse_manifest(read_text(folder / name))
    except ConfigError as error:
        raise BundleError(str(error).replace(f"{folder}/", "")) from None


class _Folder:
    """A folder at an fsspec URL, which need not list its files."""

    def __init__(self, url: str) -> None:
        self.origin = url.rstrip("/")
        with explained(self.origin):
            self._system, self._root = filesystem(self.origin)

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        return {name: int(self._about(name).get("size") or 0) for name in names}

    def get(self, name: str, path: Path, most: int, shown: Progress | None) -> None:
        about = self._about(name)
        if (about.get("size") or 0) > most:
            raise BundleError(f"{name} has {about['size']} bytes; at most {most} are read.")
        counted = _Counted(name, most, shown)
        with explained(f"{self.origin}/{name}"):
            self._system.get_file(self._path(name), str(path), callback=counted)

    def _about(self, name: str) -> Mapping[str, Any]:
        try:
            with explained(f"{self.origin}/{name}"):
                return dict(self._system.info(self._path(name)))
        except ValueError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            said = "it has no" if PurePosixPath(name).name == MANIFEST else f"it lacks {name}, listed in its"
            raise BundleError(
                f"{said} {MANIFEST}; give the folder of a bundle, such as RUN/bundle, and check the address"
            ) from None

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


class _Counted(Callback):
    """Counts bytes as they come, and stops at a bound, whatever size a server has stated."""

    def __init__(self, name: str, most: int, shown: Progress | None) -> None:
        super().__init__()
        self._name, self._most, self._shown = name, most, shown

    def relative_update(self, inc: int = 1) -> None:
        """Count bytes."""
        super().relative_update(inc)
        if self.value > self._most:
            raise BundleError(f"{self._name} has more than {self._most} bytes; at most so many are read.")
        if self._shown is not None:
            self._shown.advance(inc)
