"""The files that an import reads: found by pattern, known by content."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler

from datasets.factory.errors import BuildError
from datasets.factory.limits import require_regular
from datasets.store.urls import at_home, local_copy, matching


class Source(BaseModel):
    """A file, or a folder of Zarr, that records come from.

    Attributes
    ----------
    path
        Relative to the folder of the import, so that a store tells nothing of the machine; or a URL.
    sha256
        Hash of the content; None behind a URL.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    sha256: str | None = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return what a user types: a path, from which a recipe makes the source."""
        return {"type": "string", "description": "Path of a file."}

    def path_in(self, folder: Path) -> str:
        """Return the path of the source, or of a copy of a file at a URL; refuse one that does not exist."""
        if self.sha256 is None:
            is_store = self.path.rstrip("/").endswith(".zarr")
            return self.path if is_store else str(local_copy(self.path))
        if not (folder / self.path).exists():
            raise BuildError(
                f"The source '{self.path}' is not in {folder.absolute()}. Run the command in the folder of "
                "the sources, or repeat the command that began the store, which resumes its build."
            )
        return str(folder / self.path)

    def require_unchanged(self, folder: Path) -> None:
        """Refuse a source whose content is not what it was when the import began."""
        if self.sha256 is not None and digest(Path(self.path_in(folder))) != self.sha256:
            raise BuildError(
                f"The source '{self.path}' in {folder.absolute()} has changed since the import began. Bring "
                "the old file back, or import into another `out=`."
            )


def one_or_several(schema: dict[str, Any]) -> None:
    """Say in the JSON schema of a list that one item may stand for itself."""
    several = {key: schema.pop(key) for key in ("type", "items", "minItems", "maxItems") if key in schema}
    schema["anyOf"] = [several["items"], several]


def find_sources(patterns: tuple[str, ...] | str, folder: Path) -> tuple[Path, tuple[Source, ...]]:
    """Find files in the order of their patterns, those of one pattern by name.

    Parameters
    ----------
    patterns
        Paths, shell patterns (``**`` too) or URLs.
    folder
        What they are relative to.

    Returns
    -------
    folder, sources
        The innermost folder that holds all files, and the files.

    Raises
    ------
    BuildError
        When nothing matches a pattern.
    """
    found: list[str] = []
    for pattern in (patterns,) if isinstance(patterns, str) else patterns:
        matches = matching(pattern) if "://" in pattern else _matches(pattern, folder)
        if not matches:
            raise BuildError(f"No file matches '{pattern}' in {folder.absolute()}.")
        found += matches
    if not found:
        raise BuildError("`files:` names no file.")
    local = [Path(path).parent for path in found if "://" not in path]
    common = Path(os.path.commonpath(local)) if local else folder
    return common, tuple(_source(path, common) for path in found)


def _matches(pattern: str, folder: Path) -> list[str]:
    path = folder / at_home(pattern)
    if path.exists():  # even if its name holds the characters of a pattern
        return [str(path.resolve())]
    base = Path(path.anchor) if at_home(pattern).is_absolute() else folder
    return sorted(str(found.resolve()) for found in base.glob(str(path.relative_to(base))))


def _source(path: str, folder: Path) -> Source:
    if "://" in path:
        return Source(path=path)
    return Source(path=Path(path).relative_to(folder).as_posix(), sha256=digest(Path(path)))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files in a folder."""
    if not path.is_dir():
        status = require_regular(path)
        return _digest(path.absolute(), status.st_mtime_ns, status.st_size)
    whole = hashlib.sha256()
    for each in sorted(each for each in path.rglob("*") if each.is_file()):
        whole.update(f"{each.relative_to(path).as_posix()} {digest(each)}\n".encode())
    return whole.hexdigest()


@lru_cache(maxsize=4096)
def _digest(path: Path, *state: int) -> str:
    """Hash a file once per state (time of change, size): a build looks at its sources more than once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
