"""What is killed: a build, and what the command line does, each tiny."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from datasets.factory.recipe import Recipe
from datasets.store.specs import Split, VariableSpec


class Waves(Recipe):
    """Records that a network can learn: a wave and its derivative."""

    name, title, license = "tests/waves", "Waves", "CC0-1.0"
    samples: int = Field(8, gt=0, description="Number.")

    def records(self):
        return self.samples

    def unit_records(self):
        return 2

    def records_per_shard(self):
        return 4

    def specs(self):
        dims = {"dims": ("sample", "y", "x"), "shape": (8, 8)}
        return [
            VariableSpec(name="height", units="m", long_name="height", **dims),
            VariableSpec(name="slope", units="1", long_name="slope", **dims),
        ]

    def splits(self):
        labels = np.array([0, 0, 0, 1, 0, 0, 2, 2] * (self.samples // 8 + 1), np.int8)[: self.samples]
        return [Split(labels=labels, keeps_whole="none", description="fixed")]

    def simulate(self, indices, rngs):
        phase = np.stack([rng.uniform(0, 6, (8, 8)) for rng in rngs])
        return {"height": np.sin(phase), "slope": np.cos(phase)}


class Heights(Waves):
    """One variable in two shard rows."""

    name, title = "tests/heights", "Heights"

    def unit_records(self):
        return 4

    def specs(self):
        return super().specs()[:1]

    def simulate(self, indices, rngs):
        return {"height": super().simulate(indices, rngs)["height"]}


class Untested(Waves):
    """No test subset: a run with these makes no report."""

    name, title = "tests/untested", "Untested"

    def splits(self):
        (split,) = super().splits()
        return [Split(labels=np.minimum(split.labels, 1), keeps_whole="none", description="fixed")]


def build_untested(url: str) -> None:
    """Build waves without a test subset."""
    from datasets.factory.build import build as build_store

    build_store(Untested(), url, workers=0, progress=False)


def extend(url: str) -> None:
    """Extend a store of six heights to twelve, or resume that."""
    from datasets.factory.extend import extend as extend_store

    extend_store(url, 12, workers=0, progress=False, recipe_class=Heights)


def build(url: str) -> None:
    """Build the waves, or resume their build."""
    from datasets.factory.build import build as build_store

    build_store(Waves(), url, workers=0, progress=False)


def build_heights(url: str) -> None:
    """Build the heights alone, or resume their build."""
    from datasets.factory.build import build as build_store

    build_store(Heights(), url, workers=0, progress=False)


def command(*arguments: str) -> Any:
    """Call the command line."""
    from surrogates.cli.main import main

    main([*arguments])


def plain_command(*arguments: str) -> Any:
    """Call the command line, with empty pictures: to draw them takes longer than all else."""
    from matplotlib.figure import Figure

    def save(_: Figure, file: Path | BytesIO, **__: Any) -> None:
        file.write_bytes(b"") if isinstance(file, Path) else file.write(b"")

    Figure.savefig = save
    command(*arguments)


def build_with_workers(url: str) -> None:
    """Build the waves by two worker processes."""
    from datasets.factory.build import build as build_store

    build_store(Waves(), url, workers=2, progress=False)


def build_in_slices(url: str) -> None:
    """Build the waves slice by slice, and finalise."""
    from datasets.factory.build import build as build_store
    from datasets.factory.build import finalise

    for number in (1, 2):
        build_store(Waves(), url, workers=0, slice=(number, 2), progress=False)
    finalise(url)
