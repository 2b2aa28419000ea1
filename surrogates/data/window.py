"""Windows of sequences: the past that an example knows, and its horizon."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from datasets.store.clocks import durations
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError

HORIZON = "horizon"
_FORECAST = "_forecast"
_STEP, _ALONG = "step", "window_dimension"
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Window:
    """Consecutive samples: of the records, or along a dimension inside each record.

    Attributes
    ----------
    length
        Samples of the inputs.
    stride
        Samples between the starts of two windows.
    horizon
        Samples behind those of the inputs, which every variable `v` of the window offers as `v_forecast`.
    dimension
        Dimension inside a record, such as `time`; None takes consecutive records.
    """

    length: int
    stride: int = 1
    horizon: int = 0
    dimension: str | None = None

    @property
    def span(self) -> int:
        """Samples of inputs and horizon."""
        return self.length + self.horizon


def forecast_name(variable: str) -> str:
    """Return the name of a variable's samples in the horizon."""
    return variable + _FORECAST


def known_name(variable: str) -> str:
    """Undo `forecast_name`; any other name stays."""
    return variable.removesuffix(_FORECAST)


def step_of(spec: VariableSpec) -> float:
    """Return the spacing of a windowed variable's samples, in the units of the window's coordinate.

    Dates count in seconds, samples without a coordinate count as 1.

    Raises
    ------
    ConfigError
        When it is no finite number above zero.
    """
    step = spec.attributes.get(_STEP, 1.0)
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step < float("inf"):
        raise ConfigError(
            f"variable '{spec.name}' has the attribute {_STEP} = {step!r}; expected the spacing of its "
            "samples, a number above zero"
        )
    return float(step)


def window_dimension(spec: VariableSpec) -> str | None:
    """Return the dimension along which a variable is a window, or None."""
    found = spec.attributes.get(_ALONG)
    return None if found is None else str(found)


def windowed(spec: VariableSpec, window: Window, along: str, step: float, *, ahead: bool) -> VariableSpec:
    """Return the spec of a window of a variable.

    Parameters
    ----------
    spec
        Of the variable in the store, or, for windows of records, with the length 1 in front of its shape.
    window, along, step
        The window, its dimension, and the spacing of its samples.
    ahead
        Whether it lies behind the inputs; its dimension is then called `horizon`.
    """
    index = spec.dims.index(along)
    axis = index - (len(spec.dims) - len(spec.shape))
    shape = (*spec.shape[:axis], window.horizon if ahead else window.length, *spec.shape[axis + 1 :])
    dims = tuple(HORIZON if ahead and dim == along else dim for dim in spec.dims)
    changes = {
        "dims": dims,
        "shape": shape,
        "attributes": {**spec.attributes, _STEP: step, _ALONG: dims[index]},
    }
    if ahead:
        changes |= {"name": forecast_name(spec.name), "long_name": f"{spec.long_name or spec.name}, ahead"}
    return spec.model_copy(update=changes)


def spacing(dataset: xr.Dataset, along: str, record_dimension: str, url: str) -> float:
    """Return the spacing of the window's coordinate, of dates in seconds; 1 without a coordinate.

    Along the records, where there may be gaps that no window crosses and years of unequal length, it is the
    median of the steps.

    Raises
    ------
    ConfigError
        When the spacing inside the records varies, or the values do not ascend.
    """
    if along not in dataset.coords or dataset.sizes[along] < 2:
        return 1.0
    values, _ = durations(dataset[along])
    if values.dtype.kind not in "fiu":
        return 1.0
    steps = np.diff(values.astype(np.float64))
    step = float(f"{np.median(steps):.9g}")
    if along != record_dimension and not np.allclose(steps, step, rtol=TOLERANCE, atol=0.0):
        raise ConfigError(
            f"task.window: the coordinate '{along}' of {url} is not evenly spaced (steps from "
            f"{steps.min():g} to {steps.max():g}); resample the data, for example by importing them again"
        )
    if not 0 < step < np.inf:
        raise ConfigError(
            f"task.window: the coordinate '{along}' of {url} has steps of {step:g}; expected values that "
            "ascend; sort the data along it"
        )
    return step


def horizon_coordinates(
    dataset: xr.Dataset, along: str, window: Window, step: float
) -> dict[str, xr.DataArray]:
    """Return the coordinates of inputs and horizon, counted from the last known sample.

    Parameters
    ----------
    dataset
        Of the store, for the units.
    along
        Dimension of the window in the store.
    window, step
        The window and its spacing.
    """
    values, units = durations(dataset[along]) if along in dataset.coords else (np.empty(0), "")
    attributes = {"units": (units or "1") if values.dtype.kind in "fiu" else "1"}

    def of(name: str, first: int, count: int, meaning: str) -> xr.DataArray:
        values = np.round(step * np.arange(first, first + count), 9)
        return xr.DataArray(values, dims=name, attrs={**attributes, "long_name": meaning})

    past = of(along, 1 - window.length, window.length, f"{along} from the last known sample")
    if not window.horizon:
        return {along: past}
    return {along: past, HORIZON: of(HORIZON, 1, window.horizon, f"{along} ahead of the last known sample")}
