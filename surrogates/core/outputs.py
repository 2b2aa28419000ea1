"""Files that a command writes: on this machine's disk, or at any other fsspec URL."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from datasets.store import urls
from datasets.store.urls import explained, filesystem, local_path, require_new
from surrogates.core.files import replacing, require_writable


def require_output(url: str, suffixes: Sequence[str], what: str = "the output", *, new: bool = True) -> None:
    """Refuse an output that cannot be written, before any work.

    Parameters
    ----------
    url
        Path or URL of a file or store.
    suffixes
        Ends that its name may have.
    what
        Names it in a message.
    new
        Whether nothing may lie there yet.

    Raises
    ------
    ValueError
        For another suffix, a URL in memory, which would end with the command, or one that cannot be written.
    OSError
        When something lies there that may not, or the path cannot be written.
    """
    path = local_path(url)
    name = PurePosixPath(url) if path is None else path
    if name.suffix not in suffixes:
        raise ValueError(f"{what} is {name.name}; expected a name that ends in {' or '.join(suffixes)}.")
    if url.startswith("memory://"):
        raise ValueError(f"{what} is {url}, which ends with this command; give a path or a bucket.")
    if path is None:
        (require_new if new else urls.require_writable)(url)
        return
    if new and path.exists():
        raise FileExistsError(f"{path} exists; remove it or choose another name.")
    require_writable(path)


@contextmanager
def written(url: str) -> Iterator[Path]:
    """Yield a path to write a file to; it appears at a path or URL when the block ends.

    When the block raises, nothing appears.

    Raises
    ------
    ContractError
        When a server does not take the file.
    """
    path = local_path(url)
    if path is not None:
        with replacing(path) as staging:
            yield staging
        return
    with tempfile.TemporaryDirectory() as folder:
        staging = Path(folder) / PurePosixPath(url).name
        yield staging
        with explained(url, "written"):
            system, place = filesystem(url)
            system.put_file(str(staging), place)
