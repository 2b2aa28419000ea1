"""Importers of data sets that come as a folder of files in a published layout."""

import hashlib
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from datasets.factory.errors import BuildError
from datasets.factory.formats import matching
from datasets.factory.limits import require_regular
from datasets.factory.mapping import SplitMapping
from datasets.factory.recipe import Recipe
from datasets.store.specs import Split
from datasets.store.urls import at_home


class FolderImport(Recipe):
    """Reads records from the files of a folder; an import is a recipe that reads instead of simulating.

    A subclass says which files are its own (`patterns`).

    Attributes
    ----------
    patterns
        Shell patterns of its files, relative to the folder.
    layout
        What is expected there, for messages.
    """

    reads_files: ClassVar[bool] = True
    patterns: ClassVar[tuple[str, ...]]
    layout: ClassVar[str]

    folder: str = Field(description="Folder of the files, or one of them; the store does not record it.")
    listing: str = Field("", description="SHA-256 of names and sizes of the files; found by itself.")

    @model_validator(mode="before")
    @classmethod
    def _know_the_files(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if given.get("listing"):  # a store that is resumed names no folder
            return given if "folder" in given else given | {"folder": str(cls._known(given["listing"]))}
        if "folder" not in given:
            return given
        path = at_home(str(given["folder"]))
        if not path.is_dir() and os.path.lexists(path):
            require_regular(path)
        if not path.exists():
            raise ValueError(f"there is no file or folder {path}; expected {cls.layout}")
        if not (files := cls._files(path)):
            raise ValueError(f"{path} holds none of the files of '{cls.name}'; expected {cls.layout}")
        return given | {"folder": str(path), "listing": _listing(path, files)}

    @classmethod
    def _known(cls, listing: str) -> Path:
        """Return the file of the current folder that an import began with, or else the folder."""
        files = cls._files(Path())
        return next((path for path in files if _listing(path, [path]) == listing), Path())

    def config(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"folder"})

    def prepare(self) -> None:
        path = Path(self.folder)
        if _listing(path, self._files(path)) != self.listing:
            raise BuildError(
                f"The files in {path.absolute()} are not those that the import began with. Run the command "
                "in their folder, bring the old files back, or import into another `out=`."
            )

    @classmethod
    def _files(cls, path: Path) -> list[Path]:
        if path.is_file():
            return [path]
        return matching(path, cls.patterns)


class AreaImport(FolderImport):
    """Reads records that belong to areas, which are kept apart in training and test (`areas`)."""

    validation: float = Field(0.1, ge=0, lt=1, description="Share of the areas for validation.")
    test: float = Field(0.1, ge=0, lt=1, description="Share of the areas for the test.")

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> Self:
        SplitMapping(validation=self.validation, test=self.test)
        return self

    def areas(self) -> np.ndarray:
        """Return the area of each record, shape (records,)."""
        raise NotImplementedError(f"{type(self).__name__} does not define areas()")

    def splits(self) -> list[Split]:
        """Return the split by area, and the one by file, in which areas of the test are seen in training."""
        areas, files = self.areas(), np.arange(self.records())
        return [
            SplitMapping(validation=self.validation, test=self.test, keeps_whole=whole).draw(
                name, groups, self.seed, number
            )
            for number, (name, whole, groups) in enumerate(
                [("split", "area", areas), ("split_by_file", "none", files)]
            )
        ]


def _listing(path: Path, files: list[Path]) -> str:
    """Hash names and sizes: contents of a million pictures take too long to read twice."""
    folder = path.parent if path.is_file() else path
    lines = (f"{file.relative_to(folder).as_posix()} {_size(file)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder of Zarr."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
