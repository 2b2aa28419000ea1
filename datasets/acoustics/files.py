"""The files that a configuration of a room names: found, hashed, and named relative to one folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from datasets.acoustics.materials import path_of
from datasets.factory.sources import find_sources


def gather(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a user typed with the files of mesh and walls as sources.

    Parameters
    ----------
    given
        Keys of the recipe; `mesh` and `walls` name files relative to the current folder.

    Raises
    ------
    BuildError
        If there is no such file.
    """
    walls, mesh = given.get("walls") or {}, given.get("mesh") or ""
    if not isinstance(walls, dict) or not isinstance(mesh, str | Path):
        return given
    walls = {name: _number(value) for name, value in walls.items()}
    paths = [str(mesh)] if mesh else []
    paths += [path for value in walls.values() if (path := path_of(value)) is not None]
    if not paths:
        return given | {"walls": walls}
    names = list(dict.fromkeys(paths))
    folder, sources = find_sources(tuple(names), Path())
    if len(sources) != len(names):
        raise ValueError(
            f"mesh, walls: {len(names)} files expected, found {len(sources)}; name each by itself"
        )
    found = dict(zip(names, (source.path for source in sources), strict=True))
    renamed = {
        name: value.replace(path, found[path], 1) if (path := path_of(value)) else value
        for name, value in walls.items()
    }
    return given | {
        "files": sources,
        "folder": str(folder),
        "mesh": found[str(mesh)] if mesh else "",
        "walls": renamed,
    }


def _number(value: Any) -> Any:
    """Return the number that a text is: YAML takes 1e4 for a word."""
    with suppress(TypeError, ValueError):
        return float(value)
    return value
