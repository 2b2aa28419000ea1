"""Tensors in files of ``torch.save``: sizes are checked before they are mapped, and no code in them runs.

Such a file is a ZIP archive of a pickle and of the tensors' bytes. It is read by torch's restricted
unpickler, which knows tensors and plain values only.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

from datasets.factory.errors import BuildError
from datasets.factory.limits import one_line_of, require_regular

if TYPE_CHECKING:
    from torch import Tensor

MOST_PICKLED = 1 << 16
"""Most bytes of the pickle that describes one tensor."""
_ADVICE = "fetch it again"


def mapped_tensor(path: Path) -> Tensor:
    """Return the one tensor of a file, mapped into memory.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    BuildError
        If it is no such file, is packed, is a pickle by itself, holds anything but one dense tensor, or is
        cut off.
    """
    require_regular(path)
    if not is_zipfile(path):
        with path.open("rb") as file:
            pickled = file.read(1) == b"\x80"
        found = "a Python pickle by itself, which may run code," if pickled else "no ZIP archive"
        raise BuildError(
            f"{path} is {found} where a tensor of torch.save was expected; save it again by torch.save of "
            "torch 1.6 or later, or fetch it again"
        )
    _check_members(path)
    import torch

    with one_line_of(path, "it holds more than one tensor of numbers, or is damaged; fetch it again"):
        try:
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except UnpicklingError:  # whose own text advises to run what the file names
            raise BuildError(
                f"{path} is a pickle of other things than one tensor of numbers, which may run code and is "
                "not read; save the tensor alone by torch.save, or fetch the file again"
            ) from None
    if not isinstance(found, torch.Tensor):
        raise BuildError(f"{path} holds a {type(found).__name__}, one tensor expected; {_ADVICE}")
    if found.layout != torch.strided or found.is_quantized:
        raise BuildError(f"{path} holds a sparse or quantised tensor, a dense one expected; {_ADVICE}")
    held = found.untyped_storage().nbytes()
    if not found.is_contiguous() or found.nbytes > held:
        raise BuildError(
            f"{path} states a tensor of {tuple(found.shape)}, {found.nbytes:,} bytes, but holds {held:,} "
            "bytes, or in another order; save it again by torch.save(tensor.contiguous())"
        )
    return found


def _check_members(path: Path) -> None:
    """Refuse packed members, and a long pickle."""
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
    except (BadZipFile, NotImplementedError, OSError) as error:
        raise BuildError(f"{path} cannot be read ({error}); {_ADVICE}") from None
    for member in members:
        if member.compress_type != ZIP_STORED or member.file_size != member.compress_size:
            raise BuildError(
                f"{path} holds packed data ('{member.filename}'), which torch.save does not write"
            )
        if member.filename.endswith("data.pkl") and member.file_size > MOST_PICKLED:
            raise BuildError(
                f"{path} has a pickle of {member.file_size:,} bytes, at most {MOST_PICKLED:,} expected for "
                "one tensor"
            )
