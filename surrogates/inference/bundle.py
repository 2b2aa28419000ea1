"""A trained surrogate as a folder: `bundle.yaml`, `weights.safetensors`, `card.md`; no code, no pickle."""

import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import torch
import xarray as xr
from pydantic import JsonValue

from surrogates.core.build import build, resolved
from surrogates.inference.card import card
from surrogates.inference.conformal import Calibration
from surrogates.inference.errors import BundleError
from surrogates.inference.manifest import (
    CARD,
    FORMAT_VERSION,
    MANIFEST,
    MAX_COORDINATE,
    WEIGHTS,
    Coordinate,
    Manifest,
    read_manifest,
    sha256,
    write_manifest,
)
from surrogates.inference.weights import load_pipeline, save_weights
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.protocols import Predictor

PACKAGES = ("sciml-surrogates", "torch", "numpy", "xarray", "zarr")


@dataclass(frozen=True)
class Bundle:
    """What `load_bundle` returns: a pipeline with its weights, how to ask it, and the manifest."""

    folder: Path
    manifest: Manifest
    pipeline: Pipeline
    predictor: Predictor


def save_bundle(
    folder: str | os.PathLike[str],
    pipeline: Pipeline,
    *,
    name: str = "surrogate",
    predictor: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    coordinates: Mapping[Any, xr.DataArray] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Write a bundle; it appears whole or not at all, and replaces one that was there.

    Parameters
    ----------
    folder
        Where to write.
    pipeline
        Trained, with the weights to keep.
    name
        For people: the experiment's or the model's.
    predictor
        Node of the registry `predictors`; `{"name": "direct"}` by default.
    metrics
        Scores, plain JSON values.
    ranges
        Smallest and largest training value of each input, in its spec's units.
    coordinates
        Of the training data; kept are short ones, of numbers or text, along dimensions of inputs or targets.
    provenance
        Data sets with fingerprint and split hash, seed, experiment, commit; plain JSON values.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        save_weights(pipeline, staging / WEIGHTS)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            name=name,
            pipeline=pipeline.config,
            predictor=resolved("predictors", predictor or {"name": "direct"}),
            ranges=dict(ranges or {}),
            coordinates=_coordinates(pipeline, coordinates or {}),
            metrics=dict(metrics or {}),
            provenance=dict(provenance or {}),
            versions=_versions(),
            files={WEIGHTS: sha256(staging / WEIGHTS)},
        )
        _write_text(manifest, staging)
        staging.chmod(0o755)
        _replace(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def load_bundle(folder: str | os.PathLike[str], device: str | torch.device = "cpu") -> Bundle:
    """Read a bundle that may come from a stranger.

    Only registered names are built; `bundle.yaml` is plain data; the weights are compared with the network
    before memory is taken, and with their hash.

    Raises
    ------
    BundleError
        Names the rule that the bundle breaks.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        if sha256(folder / name) != expected:
            raise BundleError(
                f"{folder / name} does not have the hash in {MANIFEST}. Fetch the bundle again."
            )
    pipeline = load_pipeline(manifest.pipeline, folder / WEIGHTS)
    try:
        predictor = cast(Predictor, build("predictors", manifest.predictor))
    except ValueError as error:
        raise BundleError(f"The bundle cannot be built: {error}") from None
    return Bundle(folder, manifest, pipeline.to(device), predictor)


def update_metrics(folder: str | os.PathLike[str], metrics: Mapping[str, Any]) -> None:
    """Replace the scores in a bundle's manifest and card."""
    _update(Path(folder), {"metrics": dict(metrics)})


def update_calibration(folder: str | os.PathLike[str], calibration: Mapping[str, Calibration]) -> None:
    """Replace the calibration of the intervals in a bundle's manifest and card."""
    _update(Path(folder), {"calibration": dict(calibration)})


def _update(folder: Path, fields: Mapping[str, Any]) -> None:
    manifest = read_manifest(folder).model_copy(update=fields)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as staging:
        _write_text(manifest, Path(staging))
        for name in (MANIFEST, CARD):
            (Path(staging) / name).replace(folder / name)


def _write_text(manifest: Manifest, folder: Path) -> None:
    write_manifest(manifest, folder / MANIFEST)
    (folder / CARD).write_text(card(manifest), encoding="utf-8")


def _replace(staging: Path, folder: Path) -> None:
    """Put the finished folder in place; what was there is moved aside, since folders do not overwrite."""
    for path in staging.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    if folder.exists():
        if not (folder / MANIFEST).is_file():
            raise BundleError(f"{folder} exists and is no bundle; choose another folder or remove it.")
        aside = staging.with_suffix(".old")
        folder.rename(aside)
        staging.rename(folder)
        shutil.rmtree(aside)
    else:
        staging.rename(folder)


def _coordinates(pipeline: Pipeline, given: Mapping[Any, xr.DataArray]) -> dict[str, Coordinate]:
    config = pipeline.config
    dims = {dim for spec in (*config.inputs, *config.targets) for dim in spec.dims} - {
        config.record_dimension
    }
    kept = {}
    for dim in sorted(dims & {str(name) for name in given}):
        coordinate = given[dim]
        if (
            coordinate.dims == (dim,)
            and coordinate.dtype.kind in "fiuUTO"
            and coordinate.size <= MAX_COORDINATE
        ):
            attributes: dict[str, JsonValue] = {
                key: value for key, value in coordinate.attrs.items() if isinstance(value, str)
            }
            kept[dim] = Coordinate(values=coordinate.values.tolist(), attributes=attributes)
    return kept


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
