"""What HDF5 files and Zarr arrays of strangers may not hold: other files, code, sizes beyond all memory."""

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from datasets.store.errors import ContractError
from datasets.store.plain_folder import METADATA
from datasets.store.unpacking import PACKERS, RATIO, unpacked_size

MOST = 1 << 30
"""Bytes of a chunk, unpacked, where no key says otherwise."""
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
SUMS = frozenset(("fletcher32", "crc32", "crc32c", "adler32"))
"""Codecs that add a checksum, which may stand behind what is packed."""
_DEPTH, _MEMBERS = 64, 100_000
_ABSENT = (1 << 64) - 1


def require_plain_hdf5(h5py: Any, path: Path, most: int = MOST) -> None:
    """Refuse an HDF5 file that leads to other files, needs other filters, or has chunks that are too large.

    Parameters
    ----------
    h5py
        The library, which is optional.
    path
        The file.
    most
        Most bytes of a chunk, as stated and as unpacked.

    Raises
    ------
    ContractError
        Names the file, the path inside it and what is there.
    """
    with h5py.File(path, "r") as file:
        for count, dataset in enumerate(_datasets(h5py, path, file, ()), 1):
            if count > _MEMBERS:
                raise ContractError(f"{path} has more than {_MEMBERS:,} arrays; take a part of it")
            _require_plain_dataset(h5py, f"{path}: '{dataset.name}'", dataset, most)


def _datasets(h5py: Any, path: Path, group: Any, above: tuple[int, ...]) -> Iterator[Any]:
    address = h5py.h5o.get_info(group.id).addr
    if address in above or len(above) > _DEPTH:
        raise ContractError(f"{path}: the groups at '{group.name[:80]}' have no end; write the file again")
    for name in group:
        link = group.get(name, getlink=True)
        where = f"{path}: '{group.name.rstrip('/')}/{name}'"
        if isinstance(link, h5py.ExternalLink):
            raise ContractError(
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
        raise ContractError(f"{where} is stored in another file, {name}; write its values into this one")
    if how.get_layout() == h5py.h5d.VIRTUAL:
        raise ContractError(f"{where} is a view of other files; write its values into this one by `h5repack`")
    codes = [how.get_filter(number)[0] for number in range(how.get_nfilters())]
    known = FILTERS | PLUGINS
    for code in codes:
        if code not in known:
            raise ContractError(
                f"{where} is packed by the filter {code}, expected one of "
                f"{', '.join(known.values())}; pack it again by `h5repack -f GZIP=1`"
            )
    if how.get_layout() == h5py.h5d.CHUNKED:
        _require_size(
            f"a chunk of {where}", math.prod(how.get_chunk()) * dataset.id.get_type().get_size(), most
        )
        if packer := _packer(where, [known[code] for code in codes]):
            _require_bounded_hdf5(where, dataset, packer, most)


def _require_bounded_hdf5(where: str, dataset: Any, packer: str, most: int) -> None:
    """Refuse a chunk that unpacks to more than it may: the library would follow it to its end."""
    if RATIO.get(packer, most + 1) * dataset.id.get_storage_size() <= most:
        return
    suspects = []

    def look(chunk: Any) -> None:
        if not chunk.filter_mask and RATIO.get(packer, most + 1) * chunk.size > most:
            suspects.append(chunk.chunk_offset)

    dataset.id.chunk_iter(look)
    for offset in suspects:
        packed = dataset.id.read_direct_chunk(offset)[1]
        found = unpacked_size(packer, _reader(BytesIO(packed), 0, len(packed)), most)
        _require_size(f"a chunk of {where}", found, most, "once unpacked")


def require_plain_zarr(path: Path, most: int = MOST) -> None:
    """Refuse a Zarr store with code in it, with impossible chunks, or with chunks that unpack without end.

    Parameters
    ----------
    path
        The folder, of plain files.
    most
        Most bytes of a chunk, as stated and as unpacked.

    Raises
    ------
    ContractError
        Names the file and what is there.
    """
    for each in (*path.rglob(".zarray"), *path.rglob("zarr.json")):
        about = _metadata(each)
        if about.get("node_type") == "group":
            continue
        try:
            _require_plain_array(each, about, most)
            _require_bounded_zarr(each.parent, about, most)
        except (AttributeError, LookupError, TypeError) as error:
            raise _unread(each, error) from None


def _metadata(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except RecursionError:
        raise ContractError(f"{path} is JSON nested too deeply; fetch the store again") from None
    except ValueError as error:
        raise _unread(path, error) from None
    if not isinstance(found, dict):
        raise ContractError(f"{path} holds no metadata of Zarr; fetch the store again")
    return found


def _unread(path: Path, error: Exception) -> ContractError:
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return ContractError(f"{path} cannot be read ({said}), expected metadata of Zarr; fetch the store again")


def _require_plain_array(path: Path, about: Mapping[str, Any], most: int) -> None:
    grid = about.get("chunk_grid", {}).get("configuration", {})
    chunks, shape = about.get("chunks", grid.get("chunk_shape")), about.get("shape")
    for name, lengths, least in (("shape", shape, 0), ("chunks", chunks, 1)):
        if not isinstance(lengths, list) or not all(type(each) is int and each >= least for each in lengths):
            raise ContractError(
                f"{path} has {name} {json.dumps(lengths)[:80]}, expected numbers of at least {least}; write "
                "the store again"
            )
    for codec in _codecs(about):
        if (name := _name(codec)) not in CODECS:
            raise ContractError(
                f"{path} is packed by '{name[:80]}', which may run code or is not known; write the array as "
                "numbers, packed by zstd, blosc or gzip"
            )
    _require_size(f"a chunk of {path}", math.prod(chunks) * _item_size(about), most)


def _codecs(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the codecs of an array, those inside of shards included."""
    codecs = _own_codecs(about)
    inner = [each["configuration"] for each in codecs if each.get("name") == "sharding_indexed"]
    return codecs + [codec for each in inner for codec in _codecs(each)]


def _own_codecs(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the codecs of an array, in the order in which they pack."""
    found = [*(about.get("filters") or []), about.get("compressor"), *(about.get("codecs") or [])]
    return [each for each in found if each is not None]


def _name(codec: Mapping[str, Any]) -> str:
    return str(codec.get("id", codec.get("name"))).removeprefix("numcodecs.")


def _item_size(about: Mapping[str, Any]) -> int:
    """Return the bytes of a value, 1 if its type does not say."""
    stated = about.get("dtype", about.get("data_type"))
    try:
        return np.dtype(stated).itemsize if isinstance(stated, str) else 1
    except TypeError:
        return 1


def _require_bounded_zarr(folder: Path, about: Mapping[str, Any], most: int) -> None:
    codecs = _own_codecs(about)
    if [_name(each) for each in codecs] == ["sharding_indexed"]:
        _require_bounded_shards(folder, about, codecs[0]["configuration"], most)
    elif packer := _packer(str(folder), [_name(each) for each in codecs]):
        for path in _chunk_files(folder):
            _require_bounded(path, 0, path.stat().st_size, packer, most)


def _require_bounded_shards(
    folder: Path, about: Mapping[str, Any], inner: Mapping[str, Any], most: int
) -> None:
    packer = _packer(str(folder), [_name(each) for each in inner["codecs"]])
    if packer is None:
        return
    shard = about["chunk_grid"]["configuration"]["chunk_shape"]
    count = math.prod(-(-whole // part) for whole, part in zip(shard, inner["chunk_shape"], strict=True))
    sums = sum(_name(each) in SUMS for each in inner["index_codecs"])
    for path in _chunk_files(folder):
        size, length = path.stat().st_size, 16 * count
        if length > size:
            continue  # told when it is read
        with path.open("rb") as file:
            file.seek(size - length - 4 * sums if inner.get("index_location", "end") == "end" else 0)
            index = struct.iter_unpack("<QQ", file.read(length))
        for start, stored in index:
            if start != _ABSENT:
                _require_bounded(path, start, stored, packer, most)


def _chunk_files(folder: Path) -> Iterator[Path]:
    return (each for each in folder.rglob("*") if each.is_file() and each.name not in METADATA)


def _require_bounded(path: Path, start: int, stored: int, packer: str, most: int) -> None:
    if RATIO.get(packer, most + 1) * stored <= most:
        return
    with path.open("rb") as file:
        found = unpacked_size(packer, _reader(file, start, min(stored, most)), most)
    _require_size(f"a chunk of {path}", found, most, "once unpacked")


def _reader(file: IO[bytes], start: int, size: int) -> Callable[[int], bytes]:
    """Return what reads the first bytes of a chunk, all for -1."""

    def read(length: int) -> bytes:
        file.seek(start)
        return file.read(size if length < 0 else min(length, size))

    return read


def _packer(where: str, names: list[str]) -> str | None:
    """Return what packs a chunk; only checksums may follow, so that what is stored can be judged."""
    packers = [name for name in names if name in PACKERS]
    if not packers:
        return None
    behind = names[names.index(packers[0]) + 1 :]
    if any(name not in SUMS for name in behind):
        raise ContractError(
            f"{where} is packed by {', '.join(names)}, expected one packing codec and at most a checksum "
            "behind it; write it again"
        )
    return packers[0]


def _require_size(name: str, found: int, most: int, what: str = "") -> None:
    if found > most:
        raise ContractError(
            f"{name} has {found:,} bytes{what and ' '}{what}, at most {most:,} expected; write it in smaller "
            "chunks, or raise `most_bytes` where an importer reads it"
        )
