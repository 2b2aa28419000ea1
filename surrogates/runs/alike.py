"""Whether other data are like those that a bundle was trained on."""

from collections.abc import Container, Sequence

import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.index import ExampleIndex
from surrogates.data.window import HORIZON, step_of
from surrogates.experiment.experiment import Experiment
from surrogates.inference.attributes import check_facts
from surrogates.inference.bundle import Bundle
from surrogates.inference.grid import check_grid
from surrogates.learning.pipeline import Pipeline


def require_alike(bundle: Bundle, specs: Sequence[VariableSpec], on: Experiment, index: ExampleIndex) -> None:
    """Refuse data whose variables, cells or facts are not those that a bundle was trained on.

    Parameters
    ----------
    bundle
        The trained one.
    specs
        Of its inputs and targets.
    on, index
        The other data, and the examples of them that are used.
    """
    free = free_dimensions(bundle.parts[0][0])
    for spec in specs:
        _require_same(spec, on.data.spec(spec.name, "task"), free, on.data.stores[0].url)
    for number, store in enumerate(on.data.stores):
        records = index.of_store(number)
        if len(records):
            try:
                check_grid(xr.Dataset(coords=on.data.coordinates_of(store)), bundle.manifest.coordinates)
            except ContractError as error:
                raise ConfigError(f"{store.url}: {error}") from None
            check_facts(store.dataset().isel({store.record_dimension: records}), bundle.parts[0][0])


def free_dimensions(pipeline: Pipeline) -> set[str]:
    """Return the dimensions along which a network maps fields of any length to fields as long."""
    answered = set(pipeline.layout.grid)
    return answered & (set(pipeline.grid) | set(pipeline.transform.any_length)) - {HORIZON}


def _require_same(trained: VariableSpec, found: VariableSpec, free: Container[str], url: str) -> None:
    """Refuse a variable with another meaning; along free dimensions its length may differ."""

    def facts(spec: VariableSpec) -> dict[str, object]:
        inner = spec.dims[len(spec.dims) - len(spec.shape) :]
        lengths = {dim: n for dim, n in zip(inner, spec.shape, strict=True) if dim not in free}
        return {
            "dimensions": spec.dims,
            "units": spec.units,
            "lengths": lengths,
            "spacing of samples": step_of(spec),
        }

    for what, expected in facts(trained).items():
        other = facts(found)[what]
        if other != expected:
            raise ConfigError(
                f"variable '{trained.name}' has the {what} {other} in {url}, but {expected} in training; "
                "convert or resample the data, or score another run on them"
            )
