"""Where a store lies: on this machine's disk or behind any other fsspec URL."""

from pathlib import Path


def local_path(url: str) -> Path | None:
    """Return the folder of a store on this machine's disk, None for every other URL."""
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    return None if "://" in url or "::" in url else Path(url).expanduser()


def normalise(url: str) -> str:
    """Return a local URL as the plain path that Zarr writes atomically (`~` is home), any other as it is."""
    folder = local_path(url)
    return url if folder is None else str(folder)
