"""`bundle.yaml`: read as plain data, checked strictly, before anything else of a bundle is touched."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Self

import xarray as xr
import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from datasets.store.specs import VariableSpec
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.plain import read_text, read_yaml, require_small
from surrogates.core.text import brief, listing
from surrogates.data.window import HORIZON, step_of, window_dimension
from surrogates.inference.errors import BundleError
from surrogates.learning.conformal import Calibration
from surrogates.learning.context import Context, masks_of
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transform import Transform

FORMAT_VERSION = 2
MANIFEST, WEIGHTS, CARD = "bundle.yaml", "weights.safetensors", "card.md"
DISTANCES = "distance-"
"""How the name of the file begins that tells distances to the training data."""
MAX_VARIABLES = 1000
MAX_INTEGER = 1 << 24  # constructors make lists of such lengths before any limit on parameters can act
MAX_COORDINATE = 1 << 14
MAX_WINDOW = 1 << 18
MAX_MEMBERS = 256
MAX_BYTES = 1 << 34  # of all files: 16 GiB
MAX_CELLS = 1 << 28  # of one record of one variable: 1 GiB as float32
PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib", ".npy", ".npz", ".dill", ".pt2"}


class Coordinate(BaseModel):
    """Values along one dimension of the training data, e.g. the instants of a predicted series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: list[float | str] = Field(max_length=MAX_COORDINATE)
    attributes: dict[str, JsonValue] = {}


class Scalar(BaseModel):
    """A number that all records of the training data share, e.g. the carrier frequency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: FiniteFloat
    attributes: dict[str, JsonValue] = {}


class Manifest(BaseModel):
    """Everything about a bundle except its weights, as plain JSON values.

    Attributes
    ----------
    pipeline, predictor
        Registered names with their arguments, and the specs of inputs and targets; of the first member where
        the bundle is an ensemble.
    members
        SHA-256 of each member's `bundle.yaml`, by the name of its folder, where the bundle is an ensemble.
    ranges
        Smallest and largest training value of each input, in the units of its spec.
    coordinates
        Of the dimensions that all records share, by dimension.
    mask, specs
        Spec of the cells that counted in training, one or one of each target by target, and of the other
        variables of a batch.
    scalars
        Numbers that all records share, with their attributes, by name.
    stated
        Numbers that the training data did not tell, as the configuration stated them.
    calibration
        How far off each target was on the validation split, for intervals.
    trust
        What trust falls with, of the records of the validation split.
    metrics
        Scores on the test split.
    provenance
        Data sets with fingerprint and split hash, seed, experiment, commit, licence.
    versions
        Packages that made the bundle.
    files
        SHA-256 of each file that belongs to the bundle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int
    name: str = Field(min_length=1, max_length=200)
    pipeline: PipelineConfig
    predictor: dict[str, JsonValue] = {"name": "direct"}
    members: dict[str, str] = Field(default={}, max_length=MAX_MEMBERS)
    ranges: dict[str, tuple[float, float]] = {}
    coordinates: dict[str, Coordinate] = {}
    mask: VariableSpec | Mapping[str, VariableSpec] | None = None
    specs: list[VariableSpec] = Field(default=[], max_length=MAX_VARIABLES)
    scalars: dict[str, Scalar] = Field(default={}, max_length=MAX_VARIABLES)
    stated: dict[str, FiniteFloat] = Field(default={}, max_length=MAX_VARIABLES)
    calibration: dict[str, Calibration] = {}
    trust: Calibration | None = None
    metrics: dict[str, JsonValue] = {}
    provenance: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}
    files: dict[str, str]

    @property
    def context(self) -> Context:
        """The context of training."""
        config = self.pipeline
        coordinates = {
            dim: xr.DataArray(each.values, dims=dim, name=dim, attrs=each.attributes)
            for dim, each in self.coordinates.items()
        }
        scalars = {
            name: xr.DataArray(each.value, attrs=each.attributes) for name, each in self.scalars.items()
        }
        return Context.of(
            config.inputs,
            config.targets,
            self.mask,
            specs={spec.name: spec for spec in self.specs},
            shared=coordinates | scalars,
            record_dimension=config.record_dimension,
            source="the training data",
            stated=self.stated,
        )

    @field_validator("files", "members")
    @classmethod
    def _only_names(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            if name in ("", ".", "..") or {*"/\\:"} & {*name} or not name.isprintable() or len(name) > 200:
                raise ValueError(
                    f"the file {brief(name)!r} leaves the bundle's folder; only plain names are allowed"
                )
        return files

    @model_validator(mode="after")
    def _weights_or_members(self) -> Self:
        if not self.members and WEIGHTS not in self.files:
            raise ValueError(f"the file {WEIGHTS!r} is not listed")
        if self.members and not all(name.startswith(DISTANCES) for name in self.files):
            raise ValueError("an ensemble has files of its own; they belong to its members")
        told = any(name.startswith(DISTANCES) for name in self.files)
        if not told and (self.trust or any(table.distant for table in self.calibration.values())):
            raise ValueError(f"the file '{DISTANCES}...', which tells distances, is not listed")
        return self


def read_manifest(folder: Path) -> Manifest:
    """Read and check `bundle.yaml`; check the hash and path of every file of the bundle.

    Raises
    ------
    BundleError
        Says which rule is broken; nothing was built or run.
    """
    refuse_unsafe_files(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder} has no {MANIFEST}, so it is no bundle. `surrogates train` makes one.")
    try:
        text = read_text(path)
    except ConfigError as error:
        raise BundleError(f"{error} Fetch the bundle again.") from None
    manifest = parse_manifest(text)
    for name in manifest.files:
        if not (folder / name).is_file():
            raise BundleError(f"{folder} lacks the file {name!r} that its {MANIFEST} lists.")
    for name, expected in manifest.members.items():
        if not (folder / name / MANIFEST).is_file():
            raise BundleError(f"{folder} lacks the member {name!r} that its {MANIFEST} lists.")
        if sha256(folder / name / MANIFEST) != expected:
            raise BundleError(f"{folder / name / MANIFEST} does not have the hash in {folder / MANIFEST}.")
    return manifest


def parse_manifest(text: str) -> Manifest:
    """Turn YAML into a checked manifest; strings such as `${oc.env:HOME}` stay strings."""
    try:
        require_small(text, aliases=False)
        data = read_yaml(text)
        if not isinstance(data, dict):
            found = "nothing" if data is None else type(data).__name__
            raise BundleError(f"{MANIFEST} holds {found}, expected a mapping. Fetch the bundle again.")
        data = TypeAdapter(dict[str, JsonValue]).validate_python(data)
    except ConfigError as error:
        raise BundleError(f"{MANIFEST} is no plain YAML: {_first_line(error)}") from None
    except ValidationError as error:
        raise BundleError(f"{MANIFEST} holds more than plain values: {_first_line(error)}") from None
    data = _of_version_1(data) if data.get("format_version") == 1 else data
    version = data.get("format_version")
    if version != FORMAT_VERSION:
        raise BundleError(
            f"The bundle has format_version {version!r}; this release reads {FORMAT_VERSION}. Use the "
            "release of sciml-surrogates that wrote it, or train again."
        )
    try:
        manifest = validate(Manifest, data, MANIFEST)
    except ValueError as error:
        raise BundleError(str(error)) from None
    own = {spec.name for spec in (*manifest.pipeline.inputs, *manifest.pipeline.targets)}
    others = {spec.name: spec for spec in (*manifest.specs, *masks_of(manifest.mask))}
    _refuse_huge(manifest.pipeline, [spec for name, spec in others.items() if name not in own])
    targets = {spec.name for spec in manifest.pipeline.answered}
    if unknown := manifest.calibration.keys() - targets:
        raise BundleError(
            f"{MANIFEST} calibrates {listing(unknown)}; the bundle's targets are {listing(targets)}."
        )
    nodes = manifest.pipeline.network, manifest.pipeline.transform, manifest.pipeline.head, manifest.predictor
    for node in nodes:
        _refuse_huge_integers(node, str(node.get("name")), _facts(manifest.pipeline.transform))
    return manifest


def _of_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """Upgrade a manifest of the previous release, whose pipeline had a distribution instead of a head."""
    pipeline = data.get("pipeline")
    if isinstance(pipeline, dict):
        distribution = pipeline.get("distribution")
        kept = {key: value for key, value in pipeline.items() if key != "distribution"}
        data = {**data, "pipeline": {**kept, "head": {"name": distribution or "point"}}}
    return {**data, "format_version": FORMAT_VERSION}


def refuse_unsafe_files(folder: Path) -> None:
    """Refuse links, which may lead out of the folder, pipes, formats that can run code, and too much."""
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; expected a bundle.")
    size = 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BundleError(f"{path} is a symbolic link; a bundle holds its files itself.")
        if not (path.is_file() or path.is_dir()):
            raise BundleError(f"{path} is neither a file nor a folder; a bundle holds nothing else.")
        size += path.stat().st_size
        if size > MAX_BYTES:
            raise BundleError(
                f"{path} makes the bundle larger than {MAX_BYTES} bytes; at most so many are read."
            )
        if path.suffix.lower() in PICKLES:
            raise BundleError(
                f"{path} may hold a pickle, which runs code when read; weights belong in {WEIGHTS}. "
                "Remove the file if you trust the rest."
            )


def sha256(path: Path) -> str:
    """Hash of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write `bundle.yaml` in the order of the fields."""
    values: Mapping[str, Any] = manifest.model_dump(mode="json")
    write_atomic(
        path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    )


def _refuse_huge(config: PipelineConfig, others: Sequence[VariableSpec]) -> None:
    specs = [*config.inputs, *config.targets, *others]
    if len(specs) > MAX_VARIABLES:
        raise BundleError(f"The bundle has {len(specs)} variables; at most {MAX_VARIABLES} are allowed.")
    names = [spec.name for spec in specs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BundleError(f"The bundle describes {listing(twice)} twice.")
    for name in (*names, *(dim for spec in specs for dim in spec.dims)):
        if name in ("", ".", "..") or "/" in name or not name.isprintable():
            raise BundleError(f"{name!r} cannot be a name; variables and dimensions have names without '/'.")
    for spec in specs:
        if len(spec.dims) != len(spec.shape) + (config.record_dimension in spec.dims):
            raise BundleError(
                f"Variable {spec.name!r} has the dimensions {spec.dims} for the shape {spec.shape} without "
                f"{config.record_dimension!r}, along which records lie."
            )
        if prod(spec.shape) > MAX_CELLS or any(length < 1 for length in spec.shape):
            raise BundleError(
                f"Variable {spec.name!r} has the shape {spec.shape}; 1 to {MAX_CELLS} cells are allowed."
            )
        along = window_dimension(spec)
        if along is None:
            continue
        length = dict(zip(reversed(spec.dims), reversed(spec.shape), strict=False)).get(along, 1)
        if length > MAX_WINDOW:
            raise BundleError(
                f"Variable {spec.name!r} has windows of {length} samples; at most {MAX_WINDOW} are allowed."
            )
        try:
            step_of(spec)
        except ConfigError as error:
            raise BundleError(f"{MANIFEST}: {error}") from None
    _refuse_other_lengths([*config.inputs, *config.targets])


def _refuse_other_lengths(specs: Sequence[VariableSpec]) -> None:
    """Refuse a dimension of two lengths, windows aside."""
    lengths: dict[str, int] = {}
    for spec in specs:
        for dim, length in zip(reversed(spec.dims), reversed(spec.shape), strict=False):
            if dim != window_dimension(spec) and lengths.setdefault(dim, length) != length:
                raise BundleError(
                    f"The dimension {dim!r} is {lengths[dim]} long, but {length} in {spec.name!r}."
                )


def refuse_huge_answer(spec: VariableSpec) -> None:
    """Refuse a target whose whole forecast is larger than a variable, or looks further than a coordinate."""
    lengths = zip(reversed(spec.dims), reversed(spec.shape), strict=False)
    ahead = dict(lengths).get(HORIZON, 1)
    if prod(spec.shape) > MAX_CELLS or ahead > MAX_COORDINATE:
        raise BundleError(
            f"The bundle answers {spec.name!r} in the shape {spec.shape}; up to {MAX_CELLS} cells and "
            f"{MAX_COORDINATE} samples ahead are allowed."
        )


def _facts(transform: Mapping[str, Any]) -> list[str]:
    """Return the names of a transform's facts, numbers that are no sizes."""
    try:
        return Transform.fact_names(transform)
    except (ValueError, ImportError):
        return []  # the name is refused when the pipeline is built


def _refuse_huge_integers(value: Any, where: str, facts: Collection[str] = ()) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in facts:
                _refuse_huge_integers(inner, f"{where}.{key}", facts)
    elif isinstance(value, list):
        for inner in value:
            _refuse_huge_integers(inner, where, facts)
    elif isinstance(value, int | float | str) and _is_huge(value):
        raise BundleError(
            f"The argument {where} is {value}; integers up to {MAX_INTEGER} are allowed in a bundle."
        )


def _is_huge(value: float | str) -> bool:
    """Return whether a constructor may take a value as an integer beyond the bound."""
    try:
        number = float(value)
    except ValueError:
        return False
    return number.is_integer() and abs(number) > MAX_INTEGER


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
