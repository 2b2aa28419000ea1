"""A trained surrogate as a folder: `bundle.yaml`, `weights.safetensors`, `card.md`; no code, no pickle."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from pydantic import JsonValue
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.files import new_folder_beside, replace_folder, write_atomic
from surrogates.data.batch import Batch
from surrogates.inference.card import card
from surrogates.inference.ensemble import (
    copy_members,
    in_turn,
    joint_manifest,
    members_of,
    mixture,
    require_fitting,
)
from surrogates.inference.errors import BundleError
from surrogates.inference.manifest import (
    CARD,
    DISTANCES,
    FORMAT_VERSION,
    MANIFEST,
    MAX_COORDINATE,
    WEIGHTS,
    Coordinate,
    Manifest,
    Scalar,
    read_manifest,
    refuse_huge_answer,
    sha256,
    write_manifest,
)
from surrogates.inference.neighbours import load_neighbours, save_neighbours
from surrogates.inference.threads import is_little, one_thread
from surrogates.inference.weights import load_pipeline, require_weights, save_weights
from surrogates.inference.zoo import locate
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Predictor
from surrogates.learning.distance import DISTANCE, Neighbours, watched
from surrogates.learning.members import Noise, summary
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.predictors import answered

CALIBRATE = "`surrogates calibrate RUN STORE` calibrates a bundle on your records."
CALIBRATIONS = "calibrations"
"""Where the provenance lists the calibrations after the first."""
PACKAGES = ("sciml-surrogates", "torch", "numpy", "xarray", "zarr")


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle: pipelines with their weights, their predictors, and the manifest.

    There is one pipeline, several where the bundle is an ensemble. The neighbours tell distances to the
    training data, of what the first network is given. The origin is the URL, with the commit if there is one,
    of a bundle that was fetched from another machine.
    """

    folder: Path
    manifest: Manifest
    parts: tuple[tuple[Pipeline, Predictor], ...]
    neighbours: Neighbours | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        """Refuse an ensemble only some of whose networks draw members."""
        if len({predictor.samples > 0 for _, predictor in self.parts}) > 1:
            raise BundleError(
                f"{self.folder}: some networks of the ensemble draw members and some do not; join bundles of "
                "one kind."
            )

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of a bundle that is no ensemble."""
        return self._only()[0]

    @property
    def predictor(self) -> Predictor:
        """The predictor of a bundle that is no ensemble."""
        return self._only()[1]

    @property
    def title(self) -> str:
        """The network's name, and how many there are."""
        name = str(self.manifest.pipeline.network["name"])
        return name if len(self.parts) == 1 else f"{name} x {len(self.parts)}"

    @property
    def parameters(self) -> int:
        """Number of parameters of all pipelines."""
        return sum(value.numel() for pipeline, _ in self.parts for value in pipeline.parameters())

    @property
    def outputs(self) -> list[VariableSpec]:
        """Specs of what `ask` answers, standard deviations aside."""
        return answered(self.parts[0][1], self.manifest.pipeline.targets)

    @property
    def device(self) -> torch.device:
        """Device of the pipelines."""
        return next(self.parts[0][0].parameters(), torch.empty(0)).device

    def to(self, device: torch.device) -> None:
        """Move the pipelines."""
        for pipeline, _ in self.parts:
            pipeline.to(device)

    @property
    def samples(self) -> int:
        """How many members an answer rests on if nothing else is asked for; 0 if its networks draw none."""
        return sum(predictor.samples for _, predictor in self.parts)

    def ask(
        self, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None, noise: Sequence[Noise] = ()
    ) -> Batch:
        """Return the targets in physical units, the mixture of all pipelines if there are several.

        Parameters
        ----------
        inputs
            Batch first.
        rng
            For predictors that draw, but no members.
        noise
            Of the members that are wanted, a few at a time; by default of as many as the predictors draw. The
            networks of an ensemble that draw none are one member each, if there is some.
        """
        if self.samples:
            drawn = [self.members(inputs, each) for each in noise or [self._noise(inputs)]]
            members = {name: torch.cat([each[name] for each in drawn], dim=1) for name in self._targets}
            return summary(members, self.manifest.pipeline.targets)
        answers = [predictor(pipeline, inputs, rng) for pipeline, predictor in self.parts]
        if len(answers) == 1:
            return answers[0]
        mixed = mixture(answers, self.manifest.pipeline.targets)
        return mixed | members_of(answers, self._targets) if noise else mixed

    def members(self, inputs: Mapping[str, Tensor], noise: Noise) -> Batch:
        """Return members of the targets, (batch, member, ...); the networks draw them in turn."""
        count = len(self.parts)
        drawn: list[Batch] = []
        for number, (pipeline, predictor) in enumerate(self.parts):
            own = [member for member in noise.members if member % count == number]
            drawn.append(predictor.members(pipeline, inputs, noise.of_members(own)) if own else {})
        if count == 1:
            return drawn[0]
        return in_turn(drawn, noise.members, self._targets)

    def _noise(self, inputs: Mapping[str, Tensor]) -> Noise:
        config = self.manifest.pipeline
        return Noise.of(inputs, config.inputs, config.record_dimension, self.samples)

    @property
    def _targets(self) -> list[str]:
        return [spec.name for spec in self.manifest.pipeline.targets]

    def ask_far(
        self, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None, noise: Sequence[Noise] = ()
    ) -> Batch:
        """Return the targets and, by the name `DISTANCE`, how far each record is from the training data.

        Raises
        ------
        BundleError
            When the bundle does not know it.
        """
        if self.neighbours is None:
            raise BundleError(f"{self.folder} does not know how far its training data are; {CALIBRATE}")
        with watched(self.parts[0][0]) as seen:
            answer = self.ask(inputs, rng, noise)
        features = self.neighbours.records.shape[1]
        if not seen or seen[0].shape[1] != features:
            found = seen[0].shape[1] if seen else 0
            raise BundleError(
                f"{self.folder}: its neighbours have {features} features, but the network is given {found}; "
                f"{CALIBRATE}"
            )
        return {**answer, DISTANCE: self.neighbours(seen[0])}

    def describe(self, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None) -> Tensor | None:
        """Return what `Neighbours` compares, (record, feature); None where no network is asked."""
        with torch.no_grad(), watched(self.parts[0][0]) as seen:
            self.ask(inputs, rng)
        return seen[0] if seen else None

    def predict(
        self,
        inputs: Mapping[str, Tensor],
        rng: torch.Generator | None = None,
        noise: Sequence[Noise] = (),
        *,
        far: bool = False,
    ) -> Batch:
        """Predict without gradients, and on one thread if there is little to do.

        Parameters
        ----------
        inputs, rng, noise
            As of `ask`.
        far
            Whether the distances to the training data are wanted as well.
        """
        with torch.inference_mode(), one_thread(where=self.is_little(inputs)):
            return self.ask_far(inputs, rng, noise) if far else self.ask(inputs, rng, noise)

    def is_little(self, inputs: Mapping[str, Tensor]) -> bool:
        """Whether one thread answers about as soon as several do."""
        return is_little(self._weights, self.manifest.pipeline, inputs)

    @cached_property
    def _weights(self) -> int:
        """Parameters of the largest pipeline."""
        return max(sum(value.numel() for value in pipeline.parameters()) for pipeline, _ in self.parts)

    @property
    def both_ways(self) -> bool:
        """Whether the inputs can be predicted as well."""
        return self.manifest.pipeline.both_ways

    def reversed(self) -> "Bundle":
        """Return the bundle of the other direction; it shares the weights with this one, but no neighbours.

        Raises
        ------
        ConfigError
            When the bundle knows only one direction.
        """
        turned = tuple((pipeline.reversed(), predictor) for pipeline, predictor in self.parts)
        pipeline = self.manifest.pipeline.reversed()
        manifest = self.manifest.model_copy(update={"pipeline": pipeline, "trust": None})
        return Bundle(self.folder, manifest, turned, origin=self.origin)

    def _only(self) -> tuple[Pipeline, Predictor]:
        if len(self.parts) > 1:
            raise BundleError(
                f"{self.folder} is an ensemble of {len(self.parts)}, and one network is needed here; take a "
                f"member: {', '.join(str(self.folder / name) for name in self.manifest.members)}."
            )
        return self.parts[0]


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
    _require_free(folder)
    with new_folder_beside(folder) as staging:
        save_weights(pipeline, staging / WEIGHTS)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            name=name,
            pipeline=pipeline.config,
            predictor=Predictor.resolved(predictor or {"name": "direct"}),
            ranges=dict(ranges or {}),
            coordinates=_coordinates(pipeline, coordinates or pipeline.context.shared),
            mask=pipeline.context.mask,
            specs=_other_specs(pipeline),
            scalars=_scalars(pipeline),
            stated={
                **pipeline.context.stated,
                **{name: value for name, (_, value) in pipeline.facts.items()},
            },
            metrics=dict(metrics or {}),
            provenance=dict(provenance or {}),
            versions=_versions(),
            files={WEIGHTS: sha256(staging / WEIGHTS)},
        )
        _write_text(manifest, staging)
        staging.chmod(0o755)
        replace_folder(staging, folder)
    return folder


def save_ensemble(
    folder: str | os.PathLike[str],
    sources: Sequence[str | os.PathLike[str]],
    *,
    name: str = "ensemble",
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Write a bundle that holds copies of others; it appears whole or not at all.

    Parameters
    ----------
    folder
        Where to write.
    sources
        Folders of two or more bundles that predict the same from the same.
    name
        For people.
    provenance
        Plain JSON values.

    Raises
    ------
    BundleError
        When a source is no sound bundle, or the sources do not fit together.
    """
    folder = Path(folder)
    require_fitting({str(source): read_manifest(Path(source)) for source in sources})
    _require_free(folder)
    with new_folder_beside(folder) as staging:
        hashes = copy_members([Path(source) for source in sources], staging)
        members = [read_manifest(staging / label) for label in hashes]
        _write_text(joint_manifest(members, hashes, name, provenance or {}), staging)
        staging.chmod(0o755)
        replace_folder(staging, folder)
    return folder


def join(bundles: Sequence[Bundle]) -> Bundle:
    """Return several loaded bundles as one ensemble, not calibrated."""
    require_fitting({str(bundle.folder): bundle.manifest for bundle in bundles})
    hashes = {f"member-{number}": "" for number in range(1, len(bundles) + 1)}
    manifest = joint_manifest([bundle.manifest for bundle in bundles], hashes, "ensemble", {})
    origins = ", ".join(bundle.origin for bundle in bundles if bundle.origin)
    return Bundle(bundles[0].folder, manifest, tuple(bundle.parts[0] for bundle in bundles), origin=origins)


def load_bundle(path: str | os.PathLike[str], device: str | torch.device = "cpu") -> Bundle:
    """Read a bundle, or an ensemble of some, that may come from a stranger.

    Only registered names are built; `bundle.yaml` is plain data; the weights are compared with the network
    before memory is taken, and with their hash.

    Parameters
    ----------
    path
        The bundle's folder, a run's, `zoo:NAME`, or a URL.
    device
        Where its networks go.

    Raises
    ------
    BundleError
        Names the rule that the bundle breaks.
    """
    found = locate(path)
    folder = found.folder
    try:
        return replace(_load(folder, device), origin=found.origin)
    except BundleError as error:
        said = str(error) if str(folder) in str(error) else f"{folder}: {error}"
        raise BundleError(said.replace(str(folder), found.origin) if found.origin else said) from None


def _load(folder: Path, device: str | torch.device) -> Bundle:
    manifest = read_manifest(folder)
    if manifest.members:
        inner = {name: read_manifest(folder / name) for name in manifest.members}
        require_fitting({MANIFEST: manifest.model_copy(update={"members": {}}), **inner})
        members = [_load_member(folder / name, each, device) for name, each in inner.items()]
        return Bundle(folder, manifest, tuple(members), load_neighbours(folder, manifest))
    member = _load_member(folder, manifest, device)
    return Bundle(folder, manifest, (member,), load_neighbours(folder, manifest))


def _load_member(folder: Path, manifest: Manifest, device: str | torch.device) -> tuple[Pipeline, Predictor]:
    require_weights(manifest.pipeline, folder / WEIGHTS, manifest.context)
    for name, expected in manifest.files.items():
        if sha256(folder / name) != expected:
            raise BundleError(
                f"{folder / name} does not have the hash in {MANIFEST}. Fetch the bundle again."
            )
    pipeline = load_pipeline(manifest.pipeline, folder / WEIGHTS, manifest.context)
    try:
        for given, own in zip(_specs(manifest.pipeline), _specs(pipeline.config), strict=True):
            if given.any_length != own.any_length:
                raise BundleError(
                    f"{given.name!r} has any_length {list(given.any_length)}, but the transform "
                    f"'{manifest.pipeline.transform['name']}' takes {list(own.any_length)}. Fetch the bundle "
                    "again."
                )
        predictor = Predictor.build(manifest.predictor, pipeline.context)
        for spec in answered(predictor, manifest.pipeline.targets):
            refuse_huge_answer(spec)
    except ValueError as error:
        raise BundleError(f"The bundle cannot be built: {error}") from None
    return pipeline.to(device), predictor


def _specs(config: PipelineConfig) -> list[VariableSpec]:
    return [*config.inputs, *config.targets]


def update_metrics(folder: str | os.PathLike[str], metrics: Mapping[str, Any]) -> None:
    """Replace the scores in a bundle's manifest and card."""
    _update(Path(folder), {"metrics": dict(metrics)})


def update_calibration(
    folder: str | os.PathLike[str],
    calibration: Mapping[str, Calibration],
    *,
    neighbours: Neighbours | None = None,
    trust: Calibration | None = None,
    note: Mapping[str, Any] | None = None,
) -> None:
    """Replace the calibration of intervals and trust in a bundle's manifest and card.

    Parameters
    ----------
    folder
        Of the bundle; at any moment it holds the old calibration or the new one.
    calibration
        Of the targets, by name.
    neighbours, trust
        What tells distances to the training data, and how far the calibrating records were.
    note
        Plain JSON values about the calibration, to be appended to those of earlier ones.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    files = {name: each for name, each in manifest.files.items() if not name.startswith(DISTANCES)}
    if neighbours is not None:
        files |= save_neighbours(neighbours, folder)
    before = manifest.provenance.get(CALIBRATIONS, [])
    history = [*(before if isinstance(before, list) else []), *([dict(note)] if note else [])]
    told = {CALIBRATIONS: history} if history else {}
    _write_text(
        manifest.model_copy(
            update={
                "calibration": dict(calibration),
                "trust": trust,
                "files": files,
                "provenance": {**manifest.provenance, **told},
            }
        ),
        folder,
    )
    for path in folder.glob(f"{DISTANCES}*"):
        if path.name not in files:
            path.unlink()


def _update(folder: Path, fields: Mapping[str, Any]) -> None:
    manifest = read_manifest(folder).model_copy(update=fields)
    _write_text(manifest, folder)


def _write_text(manifest: Manifest, folder: Path) -> None:
    write_manifest(manifest, folder / MANIFEST)
    write_atomic(folder / CARD, card(manifest))


def _require_free(folder: Path) -> None:
    """Refuse to replace a folder that is no bundle."""
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder} exists and is no bundle; choose another folder or remove it.")


def _coordinates(pipeline: Pipeline, given: Mapping[Any, xr.DataArray]) -> dict[str, Coordinate]:
    config = pipeline.config
    specs = (*config.inputs, *config.targets)
    free = {dim for spec in specs for dim in spec.any_length}
    dims = {dim for spec in specs for dim in spec.dims} - {config.record_dimension} - free
    kept = {}
    for dim in sorted(dims & {str(name) for name in given}):
        coordinate = given[dim]
        if (
            coordinate.dims == (dim,)
            and (coordinate.dtype.kind in "fiuUT" or all(isinstance(each, str) for each in coordinate.values))
            and coordinate.size <= MAX_COORDINATE
        ):
            attributes: dict[str, JsonValue] = {
                key: value for key, value in coordinate.attrs.items() if isinstance(value, str)
            }
            kept[dim] = Coordinate(values=coordinate.values.tolist(), attributes=attributes)
    return kept


def _other_specs(pipeline: Pipeline) -> list[VariableSpec]:
    """Return the specs of the variables of a batch that are neither input nor target."""
    own = {*pipeline.input_names, *pipeline.target_names}
    return [spec for name, spec in pipeline.context.specs.items() if name not in own]


def _scalars(pipeline: Pipeline) -> dict[str, Scalar]:
    """Return the numbers that all records of the training data share."""
    found = {}
    for name, array in pipeline.context.shared.items():
        if array.ndim == 0 and array.dtype.kind in "fiu" and np.isfinite(float(array)):
            attributes: dict[str, JsonValue] = {
                str(key): value for key, value in array.attrs.items() if isinstance(value, str)
            }
            found[name] = Scalar(value=float(array), attributes=attributes)
    return found


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
