"""Importers of data sets that come as a folder of files in a published layout."""

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from datasets.factory.errors import BuildError
from datasets.factory.mapping import SplitMapping
from datasets.factory.recipe import Recipe
from datasets.store.specs import Split


class FolderImport(Recipe):
    """Reads records from the files of a folder; an import is a recipe that reads instead of simulating.

    A subclass says which files are its own (`patterns`), and which records share an area (`areas`).

    Attributes
    ----------
    patterns
        Shell patterns of its files, relative to the folder.
    layout
        What is expected there, for messages.
    """

    patterns: ClassVar[tuple[str, ...]]
    layout: ClassVar[str]

    folder: str = Field(description="Where the files lie; no part of what the store says about itself.")
    listing: str = Field("", description="SHA-256 of names and sizes of the files; found by itself.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the areas for validation.")
    test: float = Field(0.1, ge=0, lt=1, description="Share of the areas for the test.")

    @model_validator(mode="before")
    @classmethod
    def _know_the_files(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "folder" not in given or given.get("listing"):
            return given
        folder = Path(str(given["folder"]))
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}; expected {cls.layout}")
        if not (files := cls._files(folder)):
            raise ValueError(f"{folder} holds none of the files of '{cls.name}'; expected {cls.layout}")
        return given | {"folder": str(folder), "listing": _listing(folder, files)}

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> Self:
        SplitMapping(validation=self.validation, test=self.test)
        return self

    def areas(self) -> np.ndarray:
        """Return the area of each record, shape (records,)."""
        raise NotImplementedError(f"{type(self).__name__} does not define areas()")

    def config(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"folder"})

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

    def prepare(self) -> None:
        folder = Path(self.folder)
        if _listing(folder, self._files(folder)) != self.listing:
            raise BuildError(
                f"The files in {folder.absolute()} are not those that the import began with. Run the command "
                "in their folder, bring the old files back, or import into another `out=`."
            )

    @classmethod
    def _files(cls, folder: Path) -> list[Path]:
        return sorted({path for pattern in cls.patterns for path in folder.glob(pattern)})


def _listing(folder: Path, files: list[Path]) -> str:
    """Hash names and sizes: contents of a million pictures take too long to read twice."""
    lines = (f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
