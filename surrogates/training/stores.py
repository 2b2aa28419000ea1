"""Stores of a run: opened, compared, and what their examples hold."""

from collections.abc import Mapping, Sequence

import xarray as xr

from datasets.store.layout import Store, open_store
from datasets.store.specs import VariableSpec
from datasets.store.statistics import Moments
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.index import ExampleIndex, require_dimension
from surrogates.data.source import Source
from surrogates.data.window import Window, step_of
from surrogates.learning.normaliser import MinMax, Normaliser
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.transforms import Stack, layout_moments, merged
from surrogates.training.config import DatasetConfig


def require_variable(name: str, specs: Mapping[str, VariableSpec], where: str, url: str) -> None:
    """Refuse a name that no variable of a store has.

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
    store = open_store(dataset.url, storage_options=dataset.storage_options or None)
    if not store.is_complete:
        raise ConfigError(
            f"{dataset.url} has {len(store.complete_rows())} of {store.rows} shard rows; "
            f"finish it with `surrogates data resume {dataset.url}`"
        )
    return store


def shared_coordinates(store: Store) -> dict[str, xr.DataArray]:
    """Return the coordinates that all records share."""
    coordinates = store.dataset().coords
    return {str(name): c for name, c in coordinates.items() if store.record_dimension not in c.dims}


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
    """Return the specs of a store's variables as examples show them, with those of what lies ahead."""
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
    pipeline: Pipeline, stores: Sequence[Store], index: ExampleIndex, mask: str | None
) -> bool:
    """Fit the normalisers from the statistics that stores keep; return whether these serve.

    They do where channels are plain variables of the records, and the same cells count.

    Parameters
    ----------
    pipeline
        Whose normalisers are fitted.
    stores, index
        Where the training examples lie.
    mask
        Variable of the target cells that count.
    """
    normalisers = pipeline.input_normaliser, pipeline.target_normaliser
    recorded = all(name in stores[0].specs for name in (*pipeline.input_names, *pipeline.target_names))
    same_mask = all(spec.statistics_mask == mask for spec in pipeline.config.targets)
    if type(pipeline.transform) is not Stack or not (recorded and same_mask):
        return False
    if not all(type(each) in (Normaliser, MinMax) for each in normalisers):
        return False

    def statistics(name: str) -> Moments:
        parts = ((store, index.of_store(number)) for number, store in enumerate(stores))
        return merged([store.statistics(name, records) for store, records in parts if len(records)])

    channels = pipeline.transform.channel_moments(statistics), layout_moments(pipeline.layout, statistics)
    if channels[0] is None or channels[1] is None:
        return False
    for normaliser, moments in zip(normalisers, channels, strict=True):
        assert isinstance(normaliser, Normaliser) and moments is not None
        normaliser.fit(moments)
    return True
