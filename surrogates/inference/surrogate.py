"""A trained surrogate: `xarray.Dataset` in, `xarray.Dataset` out, in physical units."""

import html
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import xarray as xr

from datasets.store.checks import require_plain_index
from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.core.registry import current_name, resolve
from surrogates.core.registry import names as registered
from surrogates.experiment.devices import choose_device
from surrogates.inference.asking import POINTS_PER_BATCH, Asking, batch_size_of, generator, levels_of
from surrogates.inference.attributes import check_attributes, check_facts
from surrogates.inference.bundle import Bundle, join, load_bundle
from surrogates.inference.drawing import Drawing, check_samples
from surrogates.inference.example import read_example
from surrogates.inference.function import Function
from surrogates.inference.grid import check_fixed, check_grid
from surrogates.inference.outputs import (
    GRID_MAPPING,
    TRUST,
    check_interval,
    check_trust,
    member_coordinate,
    specs_of,
    trust_spec,
    with_interval,
    with_trust,
)
from surrogates.inference.past import latest
from surrogates.inference.precision import check_precision
from surrogates.inference.reading import Inputs
from surrogates.inference.resampling import resampled
from surrogates.inference.sinks import Outline, Portion, in_memory, in_store, require_store
from surrogates.inference.tiling import Axis, axes_of
from surrogates.inference.turning import other_way, turned, turned_outline, turned_portions
from surrogates.learning.answers import LEVELS
from surrogates.learning.conformal import Calibration
from surrogates.learning.directions import turns_of
from surrogates.learning.layout import field_dims


def load(path: str | Path | Sequence[str | Path], device: str = "auto") -> "Surrogate":
    """Open a trained surrogate.

    Parameters
    ----------
    path
        A run's folder, a bundle's, `zoo:NAME`, `hf://OWNER/NAME[@REVISION]` or the URL of a bundle's folder;
        several become one ensemble.
    device
        `auto` takes an accelerator when there is one; otherwise a torch device such as `cpu` or `cuda:1`.

    Raises
    ------
    BundleError
        When there is no bundle, or it breaks a rule.
    """
    if not isinstance(path, str | Path):
        return Surrogate(join([load(each, device).bundle for each in path]))
    return Surrogate(load_bundle(path, choose_device(device)))


class Surrogate:
    """A loaded bundle, which predicts.

    Parameters
    ----------
    bundle
        As `load_bundle` returns it.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    @property
    def inputs(self) -> dict[str, VariableSpec]:
        """Specs of what `predict` expects: names, dimensions, units."""
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

    def example(self) -> xr.Dataset:
        """Return a few records of the test subset, inputs and targets, to try a bundle of the zoo with.

        Raises
        ------
        BundleError
            When the bundle holds none.
        """
        return read_example(self.bundle)[0]

    def reversed(self) -> "Surrogate":
        """Return the surrogate of the other direction, of a network that was trained both ways.

        Raises
        ------
        ConfigError
            When this one knows only one direction.
        """
        return Surrogate(self.bundle.reversed())

    def predict(
        self,
        ds: xr.Dataset,
        batch_size: int | None = None,
        device: str | None = None,
        interval: float | None = None,
        out: str | Path | None = None,
        trust: bool = False,
        samples: int | None = None,
        seed: int = 0,
    ) -> xr.Dataset:
        """Predict the outputs; equal inputs give equal answers.

        A surrogate that was trained both ways answers its inputs if `ds` holds only its outputs.

        Parameters
        ----------
        ds
            Holds the inputs by name; dimensions in any order, units converted where UDUNITS can. Without the
            record dimension it is one example. Other variables are ignored. Fields on a plane or in space may
            be larger than those of training: they are predicted in overlapping tiles of that size, blended.
            Of a longer past than a forecast needs, the last samples are taken, of a padded record the last
            before its `length`. Cells that run the other way than in training, such as a `y` that descends,
            are turned, and the prediction is turned back. A dimension that a spec lists in `any_length`, such
            as `point`, may have any length, and its coordinates the record dimension or not. Where a
            specification says how (`surrogates.inference.resampling`), inputs with another even step than in
            training are resampled.
        batch_size
            Examples at a time, by default as many as make about a million cells, and one tile of a larger
            field. Only these are read from a data set that lies on disk.
        device
            Move the surrogate there first, e.g. `cuda`.
        interval
            Level of the interval around each target, e.g. 0.9, as the validation split calibrated it.
        out
            Path or URL of a new Zarr store to write to in portions, for predictions that do not fit into
            memory.
        trust
            Whether the score `trust` of each record is wanted: the share of held-out records with at least as
            much doubt, which is the predicted deviation, wider with the distance to the training data, or
            that distance alone: 1 like these, 0 unlike. Of a larger field it is that of its least trusted
            tile.
        samples
            How many members of each prediction are wanted, equally likely answers whose cells vary together.
            Of an ensemble whose networks draw none each network is one member. Mean and standard deviation
            are then those of these members, of such an ensemble those of the whole mixture.
        seed
            Of the members, 0 or more. A member depends only on the seed, its number and the identity of its
            record, a hash of the record's inputs: not on batch size, order, tiles, device, or the units and
            types that the inputs are given in. Records with equal inputs have equal members.

        Returns
        -------
        xr.Dataset
            The outputs with units, long and standard names, and coordinates: those of `ds` that fit, and of
            the training data for dimensions that `ds` lacks, and those of the points. Cells that an input
            covers, such as those under a building, are NaN. Beside each target
            `<target>_standard_deviation` or `<target>_quantile` (along the dimension `quantile`) where the
            surrogate predicts one, and with `interval` also `<target>_lower` and `<target>_upper`, of a
            complex target `<target>_radius`: the disc about the prediction that holds the truth. With `trust`
            the variable `trust` along the record dimension, with `samples` `<target>_member` along the
            dimension `member`. With `out` the opened store.

        Raises
        ------
        ContractError
            Names the variable and what was found and expected.
        BundleError
            When an interval or trust is asked for and the bundle is not calibrated, or members of one that
            draws none.

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
        if self._is_reversed(ds):
            return self.reversed().predict(
                ds, batch_size, interval=interval, out=out, trust=trust, samples=samples, seed=seed
            )
        check_samples(self.bundle, samples, seed, interval)
        calibration = {n: t for n, t in self.bundle.manifest.calibration.items() if n in self.outputs}
        if interval is not None:
            check_interval(interval, calibration, self.outputs)
        scored = check_trust(self.bundle.manifest.trust, self.outputs) if trust else None
        stretched = (
            calibration if interval is not None and any(t.distant for t in calibration.values()) else {}
        )
        if out is not None:
            require_store(str(out))
        dims = self._turned_dims(ds)
        ds, inputs = self.checked(turned(ds, dims), list(self.inputs.values()))
        axes = self._axes(inputs)
        drawing = self._drawing(self.bundle.samples if samples is None else samples, seed)
        asking = Asking(self.bundle, drawing, stretched, scored, members=samples is not None)
        portions = (
            asking.batches(inputs, batch_size)
            if axes is None
            else asking.tiles(inputs, axes, batch_size or self.batch_size)
        )
        if interval is not None:
            turns = turns_of(self.outputs.values())
            portions = (
                (slices, with_interval(each, calibration, interval, turns)) for slices, each in portions
            )
        if scored is not None:
            portions = ((slices, with_trust(each, scored)) for slices, each in portions)
        head = next(portions)
        outline = self._outline(ds, inputs, set(head[1]), interval, axes, scored, samples or 0)
        portions = chain([head], portions)
        if inputs.single:
            portions = map(self._without_record, portions)
        if dims:
            outline = turned_outline(outline, dims)
            portions = turned_portions(portions, outline, dims)
        whole = in_memory(outline, portions) if out is None else in_store(str(out), outline, portions)
        inputs.warn_out_of_range(stacklevel=2)
        return whole

    def _turned_dims(self, ds: xr.Dataset) -> frozenset[str]:
        """Return the dimensions that are turned; none where an input is a location in the field."""
        if any(pipeline.transform.positions for pipeline, _ in self.bundle.parts):
            return frozenset()
        return other_way(ds, self.bundle.manifest.coordinates, self.inputs.values())

    def _is_reversed(self, ds: xr.Dataset) -> bool:
        """Return whether a data set lacks an input but holds all inputs of the other direction."""
        return (
            self.bundle.both_ways
            and not all(name in ds.variables for name in self.inputs)
            and all(name in ds.variables for name in self.outputs)
        )

    def __getattr__(self, name: str) -> Any:
        """Return the verbs of a domain: `surrogate.seismic.invert(...)`."""
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

    def checked(self, ds: xr.Dataset, specs: Sequence[VariableSpec]) -> tuple[xr.Dataset, Inputs]:
        """Return a data set in which these inputs fit, and the inputs, of which nothing is read yet."""
        manifest = self.bundle.manifest
        require_plain_index(ds)
        ds = latest(ds, specs, self.record_dimension)
        check_attributes(ds, specs)
        for pipeline, _ in self.bundle.parts:
            check_facts(ds, pipeline, stacklevel=4)
        ds = resampled(ds, manifest.coordinates, specs)
        transforms = [pipeline.transform for pipeline, _ in self.bundle.parts]
        check_fixed(ds, manifest.coordinates, {dim for each in transforms for dim in each.fixed})
        check_grid(ds, manifest.coordinates, specs)
        free = {name for each in transforms for name in each.offset_free}
        check_precision(ds, [spec for spec in specs if spec.name in free])
        positions = {name for each in transforms for name in each.positions}
        return ds, Inputs(ds, specs, self.record_dimension, manifest.ranges, positions)

    def as_function(
        self, inputs: str | Sequence[str], outputs: str | Sequence[str], at: xr.Dataset | None = None
    ) -> Function:
        """Return a plain function of arrays with derivatives, for optimisers and sensitivity analysis.

        Parameters
        ----------
        inputs
            Names of the inputs that vary; a point holds their values, flattened one after the other, of
            complex ones the real and the imaginary part of each in turn.
        outputs
            Names of what is returned: targets, or `<target>_standard_deviation`.
        at
            One record with all other inputs, as `predict` takes it; not needed if all inputs vary.

        Returns
        -------
        Function
            `f(x)`, `f.gradient(x)`, `f.jacobian(x)`: physical units in and out, for one point or several.

        Raises
        ------
        ConfigError
            For a name that is not known, and for integer or bool inputs.
        ContractError
            When `at` does not fit the surrogate.
        """
        varying = [inputs] if isinstance(inputs, str) else list(inputs)
        wanted = [outputs] if isinstance(outputs, str) else list(outputs)
        return Function(self, varying, wanted, at)

    def _axes(self, inputs: Inputs) -> tuple[Axis, ...] | None:
        """Return the tiles of a field larger than the window of training, or None."""
        windows = {
            dim: length
            for spec in self.inputs.values()
            for dim, length in zip(field_dims(spec, self.record_dimension), spec.shape, strict=True)
        }
        pipelines = [pipeline for pipeline, _ in self.bundle.parts]
        axes = axes_of(pipelines[0].layout.grid, windows, inputs.sizes)
        if axes and any(pipeline.transform.needs_whole_field for pipeline in pipelines):
            return tuple(replace(axis, window=axis.field) for axis in axes)
        return axes

    def _outline(
        self,
        ds: xr.Dataset,
        inputs: Inputs,
        names: set[str],
        interval: float | None,
        axes: Sequence[Axis] | None,
        trust: Calibration | None,
        samples: int,
    ) -> Outline:
        """Return the layout of the whole prediction."""
        specs = specs_of(self.outputs, names, interval, len(levels_of(self.bundle)), samples)
        if trust is not None:
            specs[TRUST] = trust_spec(self.record_dimension, trust)
        sizes = {self.record_dimension: inputs.records}
        for spec in specs.values():
            sizes |= zip(field_dims(spec, self.record_dimension), spec.shape, strict=True)
            sizes |= {dim: inputs.sizes[dim] for dim in spec.any_length}
        sizes |= {axis.dim: axis.field for axis in axes or ()}
        chunks = {self.record_dimension: 1 if axes else max(1, self.batch_size // max(1, samples))}
        chunks |= {axis.dim: axis.window for axis in axes or ()}
        chunks |= {dim: POINTS_PER_BATCH for spec in specs.values() for dim in spec.any_length}
        if inputs.single:
            specs = {
                name: spec.model_copy(update={"dims": field_dims(spec, self.record_dimension)})
                for name, spec in specs.items()
            }
        systems = {name: ds[name] for name in self._grid_mappings() if name in ds.variables}
        offered = {str(name): coordinate for name, coordinate in inputs.ds.coords.items()}
        offered |= {name: inputs.ds[name] for name in inputs.at_points}
        title = f"Prediction of {self.bundle.manifest.name}"
        return Outline(
            specs,
            sizes,
            chunks,
            self._trained_coordinates() | offered | systems | self._quantiles() | member_coordinate(samples),
            {"title": title, "source": "sciml-surrogates", **self._origin},
        )

    @property
    def _origin(self) -> dict[str, str]:
        """Attribute that names the bundle if it came from another machine."""
        return {"bundle": self.bundle.origin} if self.bundle.origin else {}

    def _without_record(self, portion: Portion) -> Portion:
        slices, values = portion
        (axis,) = {spec.dims.index(self.record_dimension) for spec in self.outputs.values()}
        return slices, {name: np.take(value, 0, axis=axis) for name, value in values.items()}

    def _drawing(self, samples: int, seed: int) -> Drawing:
        """Return what is drawn for a prediction with some members of each record."""
        grid = self.bundle.parts[0][0].layout.grid
        return Drawing(samples, seed, list(self.inputs.values()), self.record_dimension, grid)

    def generator(self) -> torch.Generator:
        """Return the generator of a prediction's draws; a new one for each keeps equal answers equal."""
        return generator(self.bundle)

    @property
    def batch_size(self) -> int:
        """Examples that are predicted at a time, as many as make about a million cells."""
        return batch_size_of(self.bundle)

    def _grid_mappings(self) -> set[str]:
        """Names of the variables that hold the outputs' coordinate reference systems (CF)."""
        return {
            str(s.attributes[GRID_MAPPING]) for s in self.outputs.values() if GRID_MAPPING in s.attributes
        }

    def _trained_coordinates(self) -> dict[str, xr.DataArray]:
        known = self.bundle.manifest.coordinates
        return {dim: xr.DataArray(c.values, dims=dim, attrs=c.attributes) for dim, c in known.items()}

    def _quantiles(self) -> dict[str, xr.DataArray]:
        """Coordinate of the levels, if there are quantiles."""
        levels = list(levels_of(self.bundle))
        return {LEVELS: xr.DataArray(levels, dims=LEVELS, attrs={"units": "1"})} if levels else {}

    def __repr__(self) -> str:
        manifest = self.bundle.manifest
        about = f"{self.bundle.title}, {self.bundle.parameters:,} parameters"
        lines = [f"<Surrogate '{manifest.name}': {about}>", *self._origin.values()]
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
