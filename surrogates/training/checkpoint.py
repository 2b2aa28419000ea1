"""State files, written atomically."""

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

import torch

from surrogates.core.errors import ConfigError
from surrogates.core.files import FULL, write_atomic

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
        _, remedy = FULL.get(error.errno or 0, ("", "make room"))
        before = "the previous one is intact" if path.exists() else "there is none before it"
        raise OSError(
            f"cannot write the checkpoint {path} ({error.strerror or error}); {before}: {remedy} and resume "
            f"with {_resuming(path)}"
        ) from error


@contextmanager
def full_disk_explained(run: Path) -> Iterator[None]:
    """Say of a full disk whether a run has a checkpoint to resume from, and what to do.

    Raises
    ------
    OSError
        In one line; others as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        found, remedy = FULL[error.errno]
        saved = (run / "checkpoints" / "last.ckpt").exists()
        state = "its last checkpoint is intact" if saved else "it has no checkpoint yet and begins anew"
        raise OSError(
            f"{found} {error.filename or run}; the run {run} stopped, {state}: {remedy} and resume with "
            f"{quote(f'run={run}')}"
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
            f"this run has {', '.join(there)}"
            if there
            else f"it was stopped before its first; begin it in its folder with {_resuming(path)}"
        )
        raise ConfigError(f"no checkpoint {path}; {found}") from None
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ConfigError(
            f"the checkpoint {path} cannot be read ({error}); delete it, and begin the run again in its "
            f"folder with {_resuming(path)}"
        ) from None
    version = state.get("format_version") if isinstance(state, dict) else None
    if version != FORMAT_VERSION:
        raise ConfigError(
            f"the checkpoint {path} has format {version}, expected {FORMAT_VERSION}; "
            f"start a new run, from these weights with {quote(f'init={path.parent.parent}')}"
        )
    return state


def _resuming(path: Path) -> str:
    """Return the override that resumes the run of a checkpoint."""
    return quote(f"run={path.parent.parent}")
