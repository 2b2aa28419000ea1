"""Paths of a command line that lie on this machine's disk."""

from pathlib import Path

import typer

from datasets.store.urls import local_path


def local(text: str) -> Path:
    """Return the path that was typed; refuse a URL, which would become a folder of its name."""
    path = local_path(text)
    if path is None:
        raise typer.BadParameter(f"{text} is a URL; expected a path on this machine's disk")
    return path
