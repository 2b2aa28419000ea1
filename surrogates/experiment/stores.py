"""The stores of a run: open and compare them, and describe their examples."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import xarray as xr

from datasets.store.layout import Store, open_store
from datasets.store.repeated import repeated
from datasets.store.specs import VariableSpec
from datasets.store.statistics import Moments
from datasets.store.units import display
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.index import ExampleIndex, require_dimension
from surrogates.data.source import Source
from surrogates.data.window import Window, known_name, step_of
from surrogates.experiment.config import DatasetConfig, TaskConfig
from surrogates.learning.context import AGREE, EVEN
from surrogates.learning.layout import CODES
from surrogates.learning.normaliser import MinMax, Normaliser
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.transforms import Stack, layout_moments, merged


class CopiesWarning(UserWarning):
    """Records that a network is judged by stand among those that it learns."""


def require_variable(name: str, specs: Mapping[str, VariableSpec], where: str, url: str) -> None:
    """Refuse a name of which a store has no variable.

    Raises
    ------
    ConfigError
        With the nearest name, and all that there are.
    """
    if name not in specs:
        raise ConfigError(
            f"{where}: no variable '{name}' in {url}.{nearest(name, specs)} It has {listing(specs)}."
        )


def open_complete(dataset: DatasetConfig) -> Store:
    """Open a store, and refuse one whose build is not finished."""
    return open_store(dataset.url, storage_options=dataset.storage_options or None).require_complete()


def require_apart(stores: Sequence[Store], records: Sequence[np.ndarray]) -> None:
    """Refuse a record that is given twice: it would count double, or be trained on and scored.

    Parameters
    ----------
    stores
        Of one run; the same record of two is found by its statistics, whatever their addresses.
    records
        Those of each store that are used.
    """
    pairs = combinations(zip(stores, records, strict=True), 2)
    for (first, known), (other, own) in pairs:
        both = (
            np.intersect1d(known, own)
            if first.fingerprint == other.fingerprint
            else repeated(first, other, known, own)[1]
        )
        if both.size:
            raise ConfigError(
                f"dataset: {first.url} and {other.url} give {both.size} records twice; name a store once, or "
                f"let `select` choose other records of each, without record {both[0]} of the second"
            )


def require_same_cells(
    stores: Sequence[Store], coordinates: Sequence[Mapping[str, xr.DataArray]], names: Sequence[str]
) -> None:
    """Refuse stores whose cells lie otherwise to each other: a network takes all for those of the first.

    Parameters
    ----------
    stores, coordinates
        Of one run, and what the examples of each share; where they begin is free, and numbers without units
        are indices.
    names
        Variables that the run reads.
    """
    specs = [stores[0].specs[stored] for stored in map(known_name, names) if stored in stores[0].specs]
    dims = {dim for spec in specs for dim in spec.dims}
    first, *others = coordinates
    for store, other in zip(stores[1:], others, strict=True):
        for dim in sorted(dims & first.keys() & other.keys()):
            one, two = first[dim], other[dim]
            indices = one.dtype.kind in "fiu" and not (one.attrs.get("units") and two.attrs.get("units"))
            if not indices and not _alike(one, two, EVEN):
                raise ConfigError(
                    f"dataset: coordinate '{dim}' is {_ends(two)} in {store.url}, but {_ends(one)} in "
                    f"{stores[0].url}; give stores of the same cells, or interpolate one to the other"
                )


def _ends(coordinate: xr.DataArray) -> str:
    """Return the first cells of a coordinate, its last one and its units."""
    cells = [f"{cell:g}" if coordinate.dtype.kind in "fiu" else str(cell) for cell in coordinate.values]
    shown = cells if len(cells) < 5 else [*cells[:2], "...", cells[-1]]
    return f"{', '.join(shown)} {display(str(coordinate.attrs.get('units', '')))}".rstrip()


def warn_of_copies(stores: Sequence[Store], learned: ExampleIndex, judged: ExampleIndex) -> None:
    """Warn of records of validation and test that stand in training too, as when a file was imported twice.

    Parameters
    ----------
    stores
        Of one run.
    learned, judged
        Examples of training, and those of validation and test.
    """
    for number, store in enumerate(stores):
        known = learned.of_store(number)
        ones, others = repeated(store, store, known, np.setdiff1d(judged.of_store(number), known))
        if len(others):
            warnings.warn(
                f"{store.url}: {len(others)} records of validation and test stand in training too, such as "
                f"record {others[0]}, a copy of {ones[0]}: scores of them tell memory, not skill; leave them "
                "out with `select`, or make the store again without copies",
                CopiesWarning,
                stacklevel=2,
            )


def require_values(stores: Sequence[Store], index: ExampleIndex, task: TaskConfig, subset: str) -> None:
    """Refuse inputs and targets of which a subset knows no value, and targets that are the same throughout.

    The stores' statistics tell; a variable that a preparation makes, or that the records share, passes.
    """
    counted = [(store, index.of_store(number)) for number, store in enumerate(stores)]
    used = [(store, records) for store, records in counted if len(records)]
    for name in [*task.inputs, *task.targets] if used else []:
        stored = known_name(name) if name not in stores[0].specs else name
        spec = stores[0].specs.get(stored)
        if (
            spec is None
            or np.dtype(spec.dtype).kind not in "fiuc"
            or spec.statistics_mask not in (None, task.mask_of(name))
        ):
            continue
        known = merged([store.statistics(stored, records) for store, records in used])
        where = f"'{stored}' in the {subset} subset of {listing(store.url for store, _ in used)}"
        if not known.count.any():
            raise ConfigError(
                f"{where} has no value (all are NaN); name another variable, split or selection"
            )
        constant = np.nanmin(known.minimum) == np.nanmax(known.maximum)
        if name in task.targets and subset == "train" and constant and not task.preparations:
            raise ConfigError(
                f"the target {where} is {np.nanmax(known.maximum):g} throughout, so there is nothing to "
                "learn; name another target, split or selection"
            )


def shared_coordinates(store: Store) -> dict[str, xr.DataArray]:
    """Return the coordinates that all records share."""
    coordinates = store.dataset().coords
    return {str(name): c for name, c in coordinates.items() if store.record_dimension not in c.dims}


def shared_fields(
    stores: Sequence[Store], records: Sequence[np.ndarray] | None = None
) -> tuple[dict[str, xr.DataArray], dict[str, str]]:
    """Return the values that all records of all stores share, and why other names have no single value.

    These are scalars, coordinates and fields without the record dimension; tables, whose rows records refer
    to, are none. A number of the records that is the same in all of them counts as a scalar.

    Parameters
    ----------
    stores
        Of one run.
    records
        Those of each store that are used; all by default.

    Returns
    -------
    fields, unlike
        By name; a coordinate that lies elsewhere in another store, at the same spacing, is that of the first.
    """
    chosen = [np.arange(store.records) for store in stores] if records is None else records
    first, *others = [_fields_of(*each) for each in zip(stores, chosen, strict=True)]
    fields, unlike = dict(first[0]), dict(first[1])
    for store, (found, apart) in zip(stores[1:], others, strict=True):
        unlike |= apart
        for name in fields.keys() & found.keys():
            if not _alike(fields[name], found[name]):
                unlike[name] = f"is not the same in {stores[0].url} and {store.url}"
        fields = {name: value for name, value in fields.items() if name in found}
    return {name: value for name, value in fields.items() if name not in unlike}, unlike


def _fields_of(store: Store, records: np.ndarray) -> tuple[dict[str, xr.DataArray], dict[str, str]]:
    dataset, record = store.dataset(), store.record_dimension
    tables = {str(spec.attributes.get("instance_dimension")) for spec in store.specs.values()}
    fields = {
        str(name): value
        for name, value in dataset.variables.items()
        if record not in value.dims and not tables & set(map(str, value.dims))
    }
    arrays, unlike = {name: dataset[name] for name in fields}, dict[str, str]()
    for name, spec in store.specs.items():
        codes = np.dtype(spec.dtype).kind not in "fiu" or any(key in spec.attributes for key in CODES)
        if spec.shape or codes or not len(records):
            continue
        known = store.statistics(name, records)
        low, high = float(known.minimum), float(known.maximum)
        if not (np.isfinite(low) and np.isfinite(high)):
            continue
        if low == high:
            arrays[name] = xr.DataArray(low, attrs={"units": spec.units})
        else:
            ends = f"{low:g} to {high:g} {display(spec.units)}".rstrip()
            unlike[name] = f"varies from {ends} over the records of {store.url}"
    return arrays, unlike


def _alike(one: xr.DataArray, two: xr.DataArray, tolerance: float = AGREE) -> bool:
    """Return whether two stores agree in a field; their coordinates may begin at different values."""
    if one.dims != two.dims or one.shape != two.shape or one.attrs.get("units") != two.attrs.get("units"):
        return False
    first, second = one.values, two.values
    if first.dtype.kind not in "fiu":
        return bool(np.array_equal(first, second))
    if one.dims == (one.name,):
        first, second = np.diff(first), np.diff(second)
    return bool(np.allclose(first, second, rtol=tolerance, atol=0.0, equal_nan=True))


def common_specs(stores: Sequence[Store], window: Window | None) -> dict[str, VariableSpec]:
    """Return the specs that all stores share; a variable that differs between stores is refused when used."""
    for store in stores:
        require_dimension(store, window)
    first, *others = ({**store.shared_specs, **store.specs} for store in stores)
    common = {name: spec for name, spec in first.items() if all(name in other for other in others)}
    for store, other in zip(stores[1:], others, strict=True):
        for name, spec in common.items():
            _same(spec, other[name], stores[0].url, store.url)
    found = [_examples_of(store, list(common), window) for store in stores]
    for store, specs in zip(stores[1:], found[1:], strict=True):
        for name, spec in specs.items():
            if step_of(spec) != step_of(found[0][name]):
                raise ConfigError(
                    f"variable '{name}' has a sample every {step_of(spec):g} in {store.url}, but every "
                    f"{step_of(found[0][name]):g} in {stores[0].url}; stores of one run must agree"
                )
    return found[0]


def _examples_of(store: Store, names: list[str], window: Window | None) -> dict[str, VariableSpec]:
    """Return the specs of a store's variables as examples show them, those of the horizon included."""
    offered = Source(store, names, window).offered(names)
    source = Source(store, offered, window)
    return {name: source.spec(name) for name in offered}


def _same(one: VariableSpec, two: VariableSpec, first: str, second: str) -> None:
    if one.dims != two.dims:
        what, found, expected = "dimensions", str(two.dims), str(one.dims)
    elif one.units != two.units:
        what, found, expected = "units", two.units, one.units
    else:
        return
    raise ConfigError(
        f"variable '{one.name}' has {what} {found} in {second}, but {expected} in {first}; "
        "stores of one run must agree"
    )


def fit_from_stores(
    pipeline: Pipeline, stores: Sequence[Store], index: ExampleIndex, task: TaskConfig
) -> bool:
    """Fit the normalisers from the stores' statistics; return whether these suffice.

    They do where channels are plain variables of the records, and the same cells count.

    Parameters
    ----------
    pipeline
        Whose normalisers are fitted.
    stores, index
        Where the training examples lie.
    task
        Names the masks of the target cells that count.
    """
    normalisers = pipeline.input_normaliser, pipeline.target_normaliser
    recorded = all(name in stores[0].specs for name in (*pipeline.input_names, *pipeline.target_names))
    same_mask = all(spec.statistics_mask == task.mask_of(spec.name) for spec in pipeline.config.targets)
    if type(pipeline.transform) is not Stack or not (recorded and same_mask):
        return False
    if not all(type(each) in (Normaliser, MinMax) for each in normalisers):
        return False

    def statistics(name: str) -> Moments:
        pairs = ((store, index.of_store(number)) for number, store in enumerate(stores))
        return merged([store.statistics(name, records) for store, records in pairs if len(records)])

    channels = pipeline.transform.channel_moments(statistics), layout_moments(pipeline.layout, statistics)
    if channels[0] is None or channels[1] is None:
        return False
    for normaliser, moments in zip(normalisers, channels, strict=True):
        assert isinstance(normaliser, Normaliser) and moments is not None
        normaliser.fit(moments)
    return True
