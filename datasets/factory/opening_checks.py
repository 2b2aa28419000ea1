"""What HDF5 files and Zarr stores of strangers may not hold: other files, code, sizes beyond all memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets.factory.errors import BuildError
from datasets.factory.limits import one_line_of, read_bytes, read_json, require_most, require_regular
from surrogates.core.optional import require

FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset"}
PLUGINS = {307: "bzip2", 32001: "blosc", 32015: "zstd"}
"""Filters that come with the NetCDF library; any other would be looked for in folders of plug-ins."""
CODECS = frozenset(
    (
        *("blosc", "zstd", "gzip", "zlib", "bz2", "lzma", "lz4", "crc32", "crc32c", "adler32", "fletcher32"),
        *("bytes", "transpose", "sharding_indexed", "shuffle", "delta", "fixedscaleoffset", "scale_offset"),
        *("quantize", "bitround", "packbits", "astype", "cast_value", "vlen-utf8", "pcodec", "zfpy"),
    )
)
"""Codecs that make numbers, or text of UTF-8, of bytes; Python objects come of none of them."""
_DEPTH, _MEMBERS = 64, 100_000
_METADATA = 1 << 24
_META = (".zarray", "zarr.json")


def require_plain_hdf5(path: Path, most: int) -> None:
    """Refuse an HDF5 file that leads to other files, needs other filters, or has chunks that are too large.

    Parameters
    ----------
    path
        The file.
    most
        Most bytes of a chunk.

    Raises
    ------
    BuildError
        Names the file, the path inside it and what is there.
    """
    h5py = require("h5py", f"Reading {path}")
    with one_line_of(path, "expected a whole HDF5 file; fetch it again"), h5py.File(path, "r") as file:
        for count, dataset in enumerate(_datasets(h5py, path, file, ()), 1):
            if count > _MEMBERS:
                raise BuildError(f"{path} has more than {_MEMBERS:,} arrays; take a part of it")
            _require_plain_dataset(h5py, f"{path}: '{dataset.name}'", dataset, most)


def _datasets(h5py: Any, path: Path, group: Any, above: tuple[int, ...]) -> Iterator[Any]:
    address = h5py.h5o.get_info(group.id).addr
    if address in above or len(above) > _DEPTH:
        raise BuildError(f"{path}: the groups at '{group.name[:80]}' have no end; write the file again")
    for name in group:
        link = group.get(name, getlink=True)
        where = f"{path}: '{group.name.rstrip('/')}/{name}'"
        if isinstance(link, h5py.ExternalLink):
            raise BuildError(
                f"{where} is a link to another file, {link.filename}; copy its content into one file by "
                "`h5repack`, or h5py's `copy(..., expand_external=True)`"
            )
        if isinstance(link, h5py.SoftLink):
            continue
        member = group.get(name)
        if isinstance(member, h5py.Group):
            yield from _datasets(h5py, path, member, (*above, address))
        elif isinstance(member, h5py.Dataset):
            yield member


def _require_plain_dataset(h5py: Any, where: str, dataset: Any, most: int) -> None:
    how = dataset.id.get_create_plist()
    if how.get_external_count():
        name = how.get_external(0)[0].decode("utf-8", "replace")
        raise BuildError(f"{where} is stored in another file, {name}; write its values into this one")
    if how.get_layout() == h5py.h5d.VIRTUAL:
        raise BuildError(f"{where} is a view of other files; write its values into this one by `h5repack`")
    for number in range(how.get_nfilters()):
        code = how.get_filter(number)[0]
        if code not in FILTERS and code not in PLUGINS:
            raise BuildError(
                f"{where} is packed by the filter {code}, expected one of "
                f"{', '.join((*FILTERS.values(), *PLUGINS.values()))}; pack it again by `h5repack -f GZIP=1`"
            )
    if how.get_layout() == h5py.h5d.CHUNKED:
        size = math.prod(how.get_chunk()) * dataset.id.get_type().get_size()
        require_most(f"a chunk of {where}", size, most)


def require_plain_zarr(path: Path, most: int) -> None:
    """Refuse a Zarr store with other things than files, with code in it, or with impossible chunks.

    Parameters
    ----------
    path
        The folder.
    most
        Most bytes of a chunk.

    Raises
    ------
    BuildError
        Names the file of the metadata and what is there.
    """
    root = path.resolve()
    for each in path.rglob("*"):
        if each.is_symlink() and not each.resolve().is_relative_to(root):
            raise BuildError(f"{each} is a link to something outside of {path}; copy its content there")
        if each.is_dir():
            continue
        require_regular(each)
        if each.name in _META:
            with one_line_of(each, "expected metadata of Zarr; fetch the store again"):
                _require_plain_array(each, most)


def _require_plain_array(path: Path, most: int) -> None:
    if (size := require_regular(path).st_size) > _METADATA:
        raise BuildError(
            f"{path} has {size:,} bytes, at most {_METADATA:,} expected of metadata; fetch it again"
        )
    about = read_json(read_bytes(path).decode("utf-8"), path)
    if not isinstance(about, dict):
        raise BuildError(f"{path} holds no metadata of Zarr; fetch the store again")
    if about.get("node_type") == "group":
        return
    grid = about.get("chunk_grid", {}).get("configuration", {})
    chunks, shape = about.get("chunks", grid.get("chunk_shape")), about.get("shape")
    for name, lengths, least in (("shape", shape, 0), ("chunks", chunks, 1)):
        if not isinstance(lengths, list) or not all(type(each) is int and each >= least for each in lengths):
            raise BuildError(
                f"{path} has {name} {json.dumps(lengths)[:80]}, expected numbers of at least {least}; write "
                "the store again"
            )
    for codec in _codecs(about):
        name = str(codec.get("id", codec.get("name"))).removeprefix("numcodecs.")
        if name not in CODECS:
            raise BuildError(
                f"{path} is packed by '{name[:80]}', which may run code or is not known; write the array as "
                "numbers, packed by zstd, blosc or gzip"
            )
    require_most(f"a chunk of {path}", math.prod(chunks) * _item_size(about), most)


def _codecs(about: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the codecs of an array, those inside of shards included."""
    found = [about.get("compressor"), *(about.get("filters") or []), *(about.get("codecs") or [])]
    codecs = [each for each in found if each is not None]
    inner = [each["configuration"] for each in codecs if each.get("name") == "sharding_indexed"]
    return codecs + [codec for each in inner for codec in _codecs(each)]


def _item_size(about: dict[str, Any]) -> int:
    """Return the bytes of a value, 1 if its type does not say."""
    import numpy as np

    stated = about.get("dtype", about.get("data_type"))
    try:
        return np.dtype(stated).itemsize if isinstance(stated, str) else 1
    except TypeError:
        return 1
