"""Where bundles lie: those that ship with the package with their cards, and all that a path or URL names."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.store.units import display
from datasets.store.urls import local_path
from surrogates.core.text import listing, nearest
from surrogates.inference.errors import BundleError

if TYPE_CHECKING:
    from surrogates.inference.manifest import Manifest

FOLDER = Path(__file__).parents[1] / "zoo"
PREFIX = "zoo:"
MANIFEST, BUNDLE = "bundle.yaml", "bundle"
ALL = "all"
ERRORS = ("rmse", "mae")
UNCALIBRATED = ("gaussian", "member")
"""Words in the names of metrics of coverage by a network's own intervals."""
LEVEL = 0.9
"""Level of the intervals of a coverage metric that names none."""


@dataclass(frozen=True)
class Located:
    """A bundle's folder on this machine's disk, and the URL that it came from, if it was fetched."""

    folder: Path
    origin: str = ""


@dataclass(frozen=True)
class Card:
    """Row of a bundle in a list.

    Attributes
    ----------
    name
        Name after `zoo:`.
    inputs, targets
        Variables with their units, as displayed; a network of both directions has its inputs among its
        targets.
    data
        The recipe of the training data, and its parameters.
    errors
        Scores of the network on the test subset: `target`, `metric`, `value`, `units`.
    coverage
        Share of the test subset inside calibrated intervals: `target`, `level`, `value`.
    size
        The experiment's size: `tiny`, `small`.
    bytes
        Size of all files.
    command
        Command that made the bundle.
    note
        What a user should know beside the scores.
    """

    name: str
    inputs: list[str]
    targets: list[str]
    data: str
    errors: list[dict[str, Any]]
    coverage: list[dict[str, Any]]
    size: str
    bytes: int
    command: str
    note: str


def names() -> list[str]:
    """Return the names of the bundles, sorted."""
    return sorted(path.parent.relative_to(FOLDER).as_posix() for path in FOLDER.glob(f"*/*/{MANIFEST}"))


def folder_of(name: str) -> Path:
    """Return the folder of a bundle.

    Raises
    ------
    BundleError
        When there is no such bundle; names the nearest.
    """
    known = names()
    if name not in known:
        ends = [each for each in known if each.partition("/")[2] == name]
        hint = f" Did you mean '{ends[0]}'?" if ends else nearest(name, known)
        raise BundleError(f"There is no bundle '{name}' in the zoo.{hint} It has: {listing(known)}.")
    return FOLDER / name


def is_bare(path: str | os.PathLike[str]) -> bool:
    """Return whether a path names a bundle without its run: of the zoo, or of another machine."""
    return os.fspath(path).startswith(PREFIX) or local_path(os.fspath(path)) is None


def locate(path: str | os.PathLike[str]) -> Located:
    """Return where the bundle lies that a path names, and where it came from.

    Parameters
    ----------
    path
        `zoo:NAME`, a run's folder, the bundle's own, or its URL, of which a copy is fetched.

    Raises
    ------
    BundleError
        When the path does not exist, or the URL shows no bundle.
    """
    name = os.fspath(path)
    if name.startswith(PREFIX):
        return Located(folder_of(name.removeprefix(PREFIX)))
    folder = local_path(name)
    if folder is None:
        from surrogates.inference.fetching import fetch

        return Located(*fetch(name))
    return Located(_bundle_in(folder))


def located(path: str | os.PathLike[str]) -> Path:
    """Return the folder of the bundle that a path names, as `locate`."""
    return locate(path).folder


def _bundle_in(folder: Path) -> Path:
    """Return the folder of a bundle, which may lie in a run's."""
    if not folder.exists():
        hint = nearest(f"{PREFIX}{folder}", [f"{PREFIX}{name}" for name in names()], cutoff=0.8)
        raise BundleError(
            f"There is nothing at {folder}; expected the folder of a run or of a bundle, or {PREFIX}NAME of "
            f"`surrogates zoo`.{hint}"
        )
    if not (folder / MANIFEST).exists() and (folder / BUNDLE).is_dir():
        return folder / BUNDLE
    return folder


def cards() -> list[Card]:
    """Return the card of every bundle."""
    return [card_of(name) for name in names()]


def card_of(name: str) -> Card:
    """Return the card of one bundle."""
    from surrogates.inference.manifest import read_manifest

    folder = folder_of(name)
    manifest = read_manifest(folder)
    config, about = manifest.pipeline, manifest.provenance
    return Card(
        name=name,
        inputs=[_with_units(spec.name, spec.display_units or spec.units) for spec in config.inputs],
        targets=[_with_units(spec.name, spec.display_units or spec.units) for spec in config.answered],
        data=str(about.get("recipe", "")),
        errors=[
            {**_of(row, "target", "metric", "value"), "units": display(str(row["units"])) or "1"}
            for row in _scores(manifest)
            if row["metric"] in ERRORS
        ],
        coverage=[
            {**_of(row, "target", "value"), "level": float(level[1]) if level else LEVEL}
            for row in _scores(manifest)
            if "coverage" in row["metric"] and not any(each in row["metric"] for each in UNCALIBRATED)
            for level in [re.search(r"level=([\d.]+)", row["metric"])]
        ],
        size=str(about.get("size", "")),
        bytes=sum(path.stat().st_size for path in folder.iterdir()),
        command=str(about.get("command", "")),
        note=str(about.get("note", "")),
    )


def _with_units(name: str, units: str) -> str:
    return f"{name} ({display(units) or '1'})"


def _scores(manifest: "Manifest") -> list[dict[str, Any]]:
    """Return the network's scores of what it answers, over all records."""
    metrics: dict[str, Any] = dict(manifest.metrics)
    answered = {spec.name for spec in manifest.pipeline.answered}
    rows = [row for row in metrics["rows"] if row["target"] in answered]
    return [row for row in rows if row["method"] == metrics["model"] and row["group"] == ALL]


def _of(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys}
