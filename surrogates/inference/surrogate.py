"""A trained surrogate: `xarray.Dataset` in, `xarray.Dataset` out, in physical units."""

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.core.registry import current_name, resolve
from surrogates.core.registry import names as registered
from surrogates.experiment.devices import choose_device
from surrogates.inference.attributes import check_attributes, check_facts
from surrogates.inference.bundle import Bundle, join, load_bundle
from surrogates.inference.errors import BundleError
from surrogates.inference.grid import check_grid
from surrogates.inference.manifest import MANIFEST
from surrogates.inference.outputs import GRID_MAPPING, check_interval, specs_of, with_interval
from surrogates.inference.past import latest
from surrogates.inference.precision import check_precision
from surrogates.inference.reading import Inputs
from surrogates.inference.resampling import resampled
from surrogates.inference.sinks import Outline, Part, in_memory, on_disk, require_store
from surrogates.inference.tiling import Axis, axes_of, blend
from surrogates.learning.answers import LEVELS, beside
from surrogates.learning.layout import field_dims
from surrogates.learning.tile import Reader, Tile

CELLS_PER_BATCH = 1 << 20
SEED = 0


def load(path: str | Path | Sequence[str | Path], device: str = "auto") -> "Surrogate":
    """Open a trained surrogate.

    Parameters
    ----------
    path
        A run's folder or a bundle's; several become one ensemble.
    device
        `auto` takes an accelerator when there is one; otherwise a torch device such as `cpu` or `cuda:1`.

    Raises
    ------
    BundleError
        When there is no bundle, or it breaks a rule.
    """
    if not isinstance(path, str | Path):
        return Surrogate(join([load(each, device).bundle for each in path]))
    folder = Path(path)
    if not folder.exists():
        raise BundleError(f"There is nothing at {folder}; expected the folder of a run or of a bundle.")
    if not (folder / MANIFEST).exists() and (folder / "bundle").is_dir():
        folder = folder / "bundle"
    return Surrogate(load_bundle(folder, choose_device(device)))


class Surrogate:
    """A bundle that can be asked.

    Parameters
    ----------
    bundle
        As `load_bundle` returns it.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    @property
    def inputs(self) -> dict[str, VariableSpec]:
        """What `predict` expects: names, dimensions, units."""
        return {spec.name: spec for spec in self.bundle.manifest.pipeline.inputs}

    @property
    def outputs(self) -> dict[str, VariableSpec]:
        """What `predict` returns."""
        return {spec.name: spec for spec in self.bundle.outputs}

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores of the bundle on its test split, baselines included."""
        return dict(self.bundle.manifest.metrics)

    @property
    def record_dimension(self) -> str:
        """Name of the dimension along which examples are independent."""
        return self.bundle.manifest.pipeline.record_dimension

    def reversed(self) -> "Surrogate":
        """Return the surrogate of the other direction, of a network that was trained both ways.

        Raises
        ------
        ConfigError
            When this one knows one direction alone.
        """
        return Surrogate(self.bundle.reversed())

    def predict(
        self,
        ds: xr.Dataset,
        batch_size: int | None = None,
        device: str | None = None,
        interval: float | None = None,
        out: str | Path | None = None,
    ) -> xr.Dataset:
        """Predict the outputs; equal inputs give equal answers.

        A surrogate that was trained both ways answers its inputs where `ds` holds its outputs alone.

        Parameters
        ----------
        ds
            Holds the inputs by name; dimensions in any order, units converted where UDUNITS can. Without the
            record dimension it is one example. Other variables are ignored. Fields on a plane or in space may
            be larger than those of training: they are predicted in overlapping tiles of that size, blended.
            Of a longer past than a forecast needs, the last samples are taken, of a padded record the last
            before its `length`. Where a specification says how (`surrogates.inference.resampling`), inputs
            with another even step than in training are resampled.
        batch_size
            Examples at a time, by default as many as make about a million cells, and one tile of a larger
            field. Only these are read from a data set that lies on disk.
        device
            Move the surrogate there first, e.g. `cuda`.
        interval
            Level of the interval around each target, e.g. 0.9, as the validation split calibrated it.
        out
            A new Zarr store to write to part by part, for predictions that do not fit into memory.

        Returns
        -------
        xr.Dataset
            The outputs with units, long and standard names, and coordinates: those of `ds` that fit, and of
            the training data for dimensions that `ds` lacks. Beside each target `<target>_standard_deviation`
            or `<target>_quantile` (along the dimension `quantile`) where the surrogate predicts one, and with
            `interval` also `<target>_lower` and `<target>_upper`. With `out` the opened store.

        Raises
        ------
        ContractError
            Names the variable and what was found and expected.
        BundleError
            When an interval is asked for and the bundle is not calibrated.

        Warns
        -----
        OutOfRangeWarning
            When an input leaves the range of training.
        """
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; expected at least 1.")
        if device is not None:
            self.bundle.to(choose_device(device))
        if not isinstance(ds, xr.Dataset):
            raise TypeError(
                f"predict takes an xarray.Dataset with the inputs by name, found {type(ds).__name__}."
            )
        if self._is_the_other_way(ds):
            return self.reversed().predict(ds, batch_size, interval=interval, out=out)
        calibration = self.bundle.manifest.calibration
        if interval is not None:
            check_interval(interval, calibration, self.outputs)
        if out is not None:
            require_store(Path(out))
        ds = latest(ds, self.inputs.values(), self.record_dimension)
        check_attributes(ds, self.inputs.values())
        for pipeline, _ in self.bundle.parts:
            check_facts(ds, pipeline, stacklevel=3)
        ds = resampled(ds, self.bundle.manifest.coordinates, self.inputs.values())
        check_grid(ds, self.bundle.manifest.coordinates, self.inputs.values())
        free = {n for part, _ in self.bundle.parts for n in part.transform.offset_free}
        check_precision(ds, [spec for spec in self.inputs.values() if spec.name in free])
        inputs = self._inputs(ds)
        axes = self._axes(inputs)
        parts = self._batches(inputs, batch_size) if axes is None else self._tiles(inputs, axes)
        if interval is not None:
            parts = ((places, with_interval(part, calibration, interval)) for places, part in parts)
        head = next(parts)
        outline = self._outline(ds, inputs, set(head[1]), interval, axes)
        parts = chain([head], parts)
        if inputs.single:
            parts = map(self._without_record, parts)
        whole = in_memory(outline, parts) if out is None else on_disk(Path(out), outline, parts)
        inputs.warn_out_of_range(stacklevel=2)
        return whole

    def _is_the_other_way(self, ds: xr.Dataset) -> bool:
        """Whether a data set lacks an input, but holds all that the other direction asks for."""
        return (
            self.bundle.both_ways
            and not all(name in ds.variables for name in self.inputs)
            and all(name in ds.variables for name in self.outputs)
        )

    def __getattr__(self, name: str) -> Any:
        """Return what a domain can do with a surrogate: `surrogate.seismic.invert(...)`."""
        if hasattr(type(self), name):  # a property asked for what is not there: let it say so itself
            return object.__getattribute__(self, name)
        if not name.startswith("_"):
            domain, _, verb = current_name("verbs", name).partition("/")
            if domain in registered("verbs"):
                accessor = cast(Callable[[Surrogate], Any], resolve("verbs", domain))(self)
                return getattr(accessor, verb) if verb else accessor
        raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        """Return the attributes with the domains that have verbs."""
        return [*super().__dir__(), *registered("verbs")]

    def _inputs(self, ds: xr.Dataset) -> Inputs:
        manifest = self.bundle.manifest
        positions = {name for pipeline, _ in self.bundle.parts for name in pipeline.transform.positions}
        return Inputs(ds, manifest.pipeline.inputs, self.record_dimension, manifest.ranges, positions)

    def _axes(self, inputs: Inputs) -> tuple[Axis, ...] | None:
        """The tiles of a field that is larger than the window of training, None for any other."""
        windows = {
            dim: length
            for spec in self.inputs.values()
            for dim, length in zip(field_dims(spec, self.record_dimension), spec.shape, strict=True)
        }
        parts = [pipeline for pipeline, _ in self.bundle.parts]
        axes = axes_of(parts[0].layout.grid, windows, inputs.sizes)
        if axes and any(part.transform.needs_whole_field for part in parts):
            return tuple(replace(axis, window=axis.field) for axis in axes)
        return axes

    def _outline(
        self,
        ds: xr.Dataset,
        inputs: Inputs,
        names: set[str],
        interval: float | None,
        axes: Sequence[Axis] | None,
    ) -> Outline:
        """What the whole prediction looks like."""
        specs = specs_of(self.outputs, names, interval, len(self._levels))
        sizes = {self.record_dimension: inputs.records}
        for spec in specs.values():
            sizes |= zip(field_dims(spec, self.record_dimension), spec.shape, strict=True)
        sizes |= {axis.dim: axis.field for axis in axes or ()}
        chunks = {self.record_dimension: 1 if axes else self._batch_size()}
        chunks |= {axis.dim: axis.window for axis in axes or ()}
        if inputs.single:
            specs = {
                name: spec.model_copy(update={"dims": field_dims(spec, self.record_dimension)})
                for name, spec in specs.items()
            }
        systems = {name: ds[name] for name in self._grid_mappings() if name in ds.variables}
        offered = {str(name): coordinate for name, coordinate in inputs.ds.coords.items()}
        title = f"Prediction of {self.bundle.manifest.name}"
        return Outline(
            specs,
            sizes,
            chunks,
            self._trained_coordinates() | offered | systems | self._quantiles(),
            {"title": title, "source": "sciml-surrogates"},
        )

    def _without_record(self, part: Part) -> Part:
        places, values = part
        (axis,) = {spec.dims.index(self.record_dimension) for spec in self.outputs.values()}
        return places, {name: np.take(value, 0, axis=axis) for name, value in values.items()}

    def _batches(self, inputs: Inputs, size: int | None) -> Iterator[Part]:
        """Predict a few examples at a time."""
        rng, size = self._generator(), size or self._batch_size()
        for start in range(0, max(inputs.records, 1), size):
            place = {self.record_dimension: slice(start, min(start + size, inputs.records))}
            yield place, self._ask(inputs.read(place, self.bundle.device), rng)

    def _tiles(self, inputs: Inputs, axes: Sequence[Axis]) -> Iterator[Part]:
        """Predict one tile after the other; only its inputs are read, and what its transform asks for."""
        rng, device = self._generator(), self.bundle.device
        names, field = list(self.inputs), tuple(axis.field for axis in axes)
        names_beside = {each for name in self.outputs for each in beside(name)}
        specs = specs_of(self.outputs, names_beside, None, len(self._levels))
        for record in range(inputs.records):
            place = {self.record_dimension: slice(record, record + 1)}

            def reader(name: str, window: tuple[slice, ...], place: dict[str, slice] = place) -> Tensor:
                places = place | {axis.dim: cut for axis, cut in zip(axes, window, strict=True)}
                return inputs.read(places, device, [name])[name]

            def ask(window: tuple[slice, ...], reader: Reader = reader) -> dict[str, np.ndarray]:
                return self._ask(Tile(names, window, field, reader), rng)

            for band, values in blend(ask, axes, specs):
                yield place | {axes[0].dim: band}, values

    def _ask(self, inputs: Mapping[str, Tensor], rng: torch.Generator) -> dict[str, np.ndarray]:
        """Targets, and what is predicted beside them, as arrays."""
        answer = self.bundle.predict(inputs, rng)
        names = [part for name in self.outputs for part in (name, *beside(name)) if part in answer]
        return {name: answer[name].cpu().numpy() for name in names}

    def _generator(self) -> torch.Generator:
        return torch.Generator(device=self.bundle.device).manual_seed(SEED)

    def _batch_size(self) -> int:
        cells = max(prod(spec.shape) for spec in (*self.inputs.values(), *self.outputs.values()))
        return max(1, CELLS_PER_BATCH // max(cells, 1))

    def _grid_mappings(self) -> set[str]:
        """Names of the variables that hold the outputs' coordinate reference systems (CF)."""
        return {
            str(s.attributes[GRID_MAPPING]) for s in self.outputs.values() if GRID_MAPPING in s.attributes
        }

    @property
    def _levels(self) -> tuple[float, ...]:
        """Levels of the quantiles beside each target."""
        return self.bundle.parts[0][0].head.levels

    def _trained_coordinates(self) -> dict[str, xr.DataArray]:
        known = self.bundle.manifest.coordinates
        return {dim: xr.DataArray(c.values, dims=dim, attrs=c.attributes) for dim, c in known.items()}

    def _quantiles(self) -> dict[str, xr.DataArray]:
        """Coordinate of the levels, where there are quantiles."""
        if not self._levels:
            return {}
        return {LEVELS: xr.DataArray(list(self._levels), dims=LEVELS, attrs={"units": "1"})}

    def __repr__(self) -> str:
        manifest = self.bundle.manifest
        about = f"{self.bundle.title}, {self.bundle.parameters:,} parameters"
        lines = [f"<Surrogate '{manifest.name}': {about}>"]
        for title, specs in (("Inputs", self.inputs), ("Outputs", self.outputs)):
            lines.append(f"{title}:")
            lines += [f"    {_describe(spec)}" for spec in specs.values()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, *_ = repr(self).splitlines()
        rows = [
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in (kind, *_cells(spec))) + "</tr>"
            for kind, specs in (("input", self.inputs), ("output", self.outputs))
            for spec in specs.values()
        ]
        titles = "".join(f"<th>{title}</th>" for title in ("", "variable", "dimensions", "units", "meaning"))
        return f"<p><b>{html.escape(head.strip('<>'))}</b></p><table><tr>{titles}</tr>{''.join(rows)}</table>"


def _cells(spec: VariableSpec) -> Sequence[str]:
    return spec.name, ", ".join(spec.dims), display(spec.units) or "1", spec.long_name


def _describe(spec: VariableSpec) -> str:
    name, dims, units, meaning = _cells(spec)
    return f"{name} ({dims}) [{units}]  {meaning}".rstrip()
