"""URLs of stores: a path on this machine's disk or any other fsspec URL."""

from pathlib import Path

from datasets.store.errors import ContractError


def local_path(url: str) -> Path | None:
    """Return the folder of a store on this machine's disk, or None for any other URL."""
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    return None if "://" in url or "::" in url else Path(url).expanduser()


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
