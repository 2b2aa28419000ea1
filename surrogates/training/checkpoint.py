"""State files that are whole or absent, whatever happens while they are written."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from surrogates.core.errors import ConfigError

FORMAT_VERSION = 1


def save_atomic(state: dict[str, Any], path: Path) -> None:
    """Write a state next to its place, bring it to the disk, and put it in place in one step.

    A process killed at any moment leaves the previous file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.part")
    with staging.open("wb") as file:
        torch.save({"format_version": FORMAT_VERSION, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    staging.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_state(path: Path) -> dict[str, Any]:
    """Read a state: tensors and plain values alone, never code.

    Raises
    ------
    ConfigError
        When there is none, it is damaged, or another version wrote it.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        there = sorted(file.stem for file in path.parent.glob("*.ckpt"))
        raise ConfigError(f"no checkpoint {path}; this run has {', '.join(there) or 'none'}") from None
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ConfigError(
            f"the checkpoint {path} cannot be read ({error}); resume from another one"
        ) from None
    if state.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"the checkpoint {path} has format {state.get('format_version')}, expected {FORMAT_VERSION}; "
            "start a new run with init= from this run's bundle"
        )
    return state
