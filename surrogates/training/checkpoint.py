"""State files, written atomically."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic

FORMAT_VERSION = 1


def save_atomic(state: dict[str, Any], path: Path) -> None:
    """Write a state to a temporary file beside ``path`` and replace ``path`` atomically.

    A process killed at any moment leaves the previous file or the new one.

    Raises
    ------
    OSError
        When it cannot be written, as on a full disk; the previous file is as it was.
    """
    content = io.BytesIO()  # torch hides the system's error when it writes to a file itself
    torch.save({"format_version": FORMAT_VERSION, **state}, content)
    try:
        write_atomic(path, content.getbuffer())
    except OSError as error:
        before = "the previous one is intact" if path.exists() else "there is none before it"
        raise OSError(
            f"cannot write the checkpoint {path} ({error.strerror or error}); {before}: make room and resume "
            f"with run={path.parent.parent}"
        ) from error


def load_state(path: Path) -> dict[str, Any]:
    """Read a state: only tensors and plain values, never code.

    Raises
    ------
    ConfigError
        When there is none, it is damaged, or another version wrote it.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        there = sorted(file.stem for file in path.parent.glob("*.ckpt"))
        found = (
            f"this run has {', '.join(there)}" if there else "it was stopped before its first; start it anew"
        )
        raise ConfigError(f"no checkpoint {path}; {found}") from None
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ConfigError(
            f"the checkpoint {path} cannot be read ({error}); resume from another one"
        ) from None
    version = state.get("format_version") if isinstance(state, dict) else None
    if version != FORMAT_VERSION:
        raise ConfigError(
            f"the checkpoint {path} has format {version}, expected {FORMAT_VERSION}; "
            "start a new run with init= from this run's bundle"
        )
    return state
