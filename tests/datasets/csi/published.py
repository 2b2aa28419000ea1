"""Writers of folders in the published layout of CSI-RRG."""

from pathlib import Path

import torch
from torch import Tensor

SHAPES = {"H_U_hist.pt": (32, 16, 300), "H_U_pred.pt": (32, 4, 300), "H_D_pred.pt": (32, 4, 300)}


def tensors(records: int, seed: int = 0) -> dict[str, Tensor]:
    """Random channels by file."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(records, *shape, dtype=torch.complex64, generator=generator)
        for name, shape in SHAPES.items()
    }


def write(folder: Path, channels: dict[str, Tensor]) -> Path:
    """Write the files of a scenario."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in channels.items():
        torch.save(values, folder / name)
    return folder
