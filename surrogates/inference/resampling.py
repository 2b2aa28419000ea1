"""Resample inputs on another grid to that of training, if nothing is lost or made up.

A variable says in its attribute `resampling` what is sound, in the manner of CF's cell methods:
`time: band_limited` for records that a sampling theorem covers, `depth: lateral: average` for means over
cells. Along the dimensions that it does not name, such as shots, a network knows the cells by their order.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.signal.windows import tukey
from scipy.sparse import csr_array

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, convertible, display
from surrogates.inference.grid import TOLERANCE, require_even, spacing
from surrogates.inference.manifest import Coordinate
from surrogates.learning.directions import full_turn

RESAMPLING = "resampling"
TAPS, SHAPE = 32, 8.0
"""Samples on each side of the interpolation, and the parameter of its Kaiser window."""
USABLE = 0.9
"""Share of a clock's band in which the interpolation is good to about 1e-4 of the amplitude."""
ALIASED = 1e-4
"""Largest share of the energy that may be lost: an error of one percent of the amplitude."""
ROWS = 1 << 14


@dataclass(frozen=True)
class Axis:
    """A dimension as found and as in training, both in the units of training."""

    name: str
    found: np.ndarray
    trained: np.ndarray
    units: str

    def show(self, value: float) -> str:
        """Return a coordinate or a spacing with its unit."""
        return f"{value:g} {display(self.units)}".rstrip()


@dataclass(frozen=True)
class Plan:
    """New coordinates along a dimension, the weights of the old cells, (new, old), and what would be lost."""

    centres: np.ndarray
    weights: csr_array
    highest: float | None = None  # frequency that can be kept


def resampled(
    ds: xr.Dataset, coordinates: Mapping[str, Coordinate], inputs: Iterable[VariableSpec]
) -> xr.Dataset:
    """Return a data set whose inputs lie on the grid of training, if their specifications say how.

    Parameters
    ----------
    ds
        What a surrogate is asked with. Only what has to change is read, and that as a whole.
    coordinates
        Of the bundle.
    inputs
        Specs of the bundle's inputs.

    Raises
    ------
    ContractError
        When cells lie elsewhere than in training along a dimension whose coordinates matter, or resampling
        would lose or make up something.
    """
    specs = {spec.name: spec for spec in inputs if spec.name in ds.variables}
    methods = {
        name: methods_of(spec) if RESAMPLING in spec.attributes else None for name, spec in specs.items()
    }
    for dim, coordinate in coordinates.items():
        sharing = [name for name in methods if dim in ds[name].dims]
        ways = [methods[name] for name in sharing]
        if not sharing or None in ways or (axis := _axis(ds, dim, coordinate)) is None:
            continue  # `check_grid` compares it
        (way, *others) = {(each or {}).get(dim) for each in ways}
        if way is None or others:
            _require_places(axis, sharing[0])
            continue
        if spacing(axis.trained) is not None:
            require_even(axis.found, dim, axis.units, TOLERANCE)
        _require_units(ds[dim], axis)
        plan = RESAMPLERS[way](axis)
        if plan is not None:
            changed = {name: _apply(plan, axis, ds[name], specs[name]) for name in sharing}
            units = {"units": axis.units} if axis.units else {}
            ds = ds.drop_dims(dim).assign(changed).assign_coords({dim: (dim, plan.centres, units)})
    return ds


def methods_of(spec: VariableSpec) -> dict[str, str]:
    """Return the way of resampling by dimension, from a text such as `depth: lateral: average`.

    Raises
    ------
    ContractError
        When the attribute is not of that form.
    """
    text = str(spec.attributes[RESAMPLING])
    found: dict[str, str] = {}
    for dims, method in re.findall(r"((?:\w+:\s*)+)(\w+)", text):
        found |= dict.fromkeys(re.findall(r"\w+", dims), method)
    if not found or not set(found.values()) <= RESAMPLERS.keys():
        raise ContractError(
            f"variable {spec.name!r}: its attribute `resampling` is {text!r}; expected dimensions and one "
            f"of {sorted(RESAMPLERS)}, such as 'time: band_limited'"
        )
    return found


def band_limited(axis: Axis) -> Plan | None:
    """Interpolate at the instants of training by a windowed sinc; of a longer record the rest is left out.

    Where the instants of training are among those found, the samples are taken as they are: a record of a
    solver's every step becomes the very one that the solver writes every fourth step. A coarser record of the
    same duration ends before that of training, by less than one of its steps: there it is continued by its
    odd mirror, good to about a tenth of the amplitude.

    References
    ----------
    J. O. Smith and P. Gossett, "A flexible sampling-rate conversion method", ICASSP 1984.
    """
    steps = _steps(axis)
    if steps is None:
        return None
    found, trained = steps
    slack = TOLERANCE * min(found, trained)
    if len(axis.found) == len(axis.trained) and np.allclose(axis.found, axis.trained, rtol=0, atol=slack):
        return None
    early, late = axis.found[0] - axis.trained[0], axis.trained[-1] - axis.found[-1]
    if early > slack or late > max(found - trained, 0.0) + slack:
        raise ContractError(
            f"coordinate {axis.name!r}: runs from {axis.show(axis.found[0])} to {axis.show(axis.found[-1])}, "
            f"expected at least {axis.show(axis.trained[0])} to {axis.show(axis.trained[-1])} as in "
            "training; give the whole record"
        )
    highest = min(0.5 / trained, USABLE * 0.5 / found)
    return Plan(axis.trained, _sinc(axis.found, axis.trained, found), highest)


def average(axis: Axis) -> Plan | None:
    """Average finer cells over those of training, weighted by how much of them lies inside.

    The first cells begin at the same edge, wherever the grid lies; of a larger field a last cell that is not
    full is left out.
    """
    steps = _steps(axis)
    if steps is None or abs(steps[0] - steps[1]) <= TOLERANCE * abs(steps[1]):
        return None
    found, trained = steps
    ratio = found / trained
    if ratio > 1:
        raise ContractError(
            f"coordinate {axis.name!r}: cells of {axis.show(found)}, expected {axis.show(trained)} or finer "
            "ones; coarser cells lack what the network was trained on, so give a finer field"
        )
    count = int(len(axis.found) * ratio + TOLERANCE)
    low, cells = np.arange(count)[:, None], np.arange(len(axis.found)) * ratio
    overlap = np.minimum(low + 1, cells + ratio) - np.maximum(low, cells)
    weights = np.where(overlap > 1e-9, overlap, 0.0)
    centres = axis.found[0] + 0.5 * (trained - found) + trained * np.arange(count)
    return Plan(centres, csr_array(weights / weights.sum(1, keepdims=True)))


RESAMPLERS: dict[str, Callable[[Axis], Plan | None]] = {"band_limited": band_limited, "average": average}


def energy_above(values: np.ndarray, step: float, frequency: float) -> float:
    """Return the share of the energy above a frequency, of the record where it is largest; 0 for silence.

    The ends of a trace are faded, since a cut would pass for high frequencies.

    Parameters
    ----------
    values
        Shape (record, ..., sample).
    step
        Between two samples.
    frequency
        In cycles per unit of the step.
    """
    length = values.shape[-1]
    high = np.fft.rfftfreq(length, step) > frequency
    shares = [0.0]
    for record in values.reshape(len(values), -1, length):
        energy = (np.abs(np.fft.rfft(record * tukey(length, 0.1))) ** 2).sum(0)
        shares.append(float(energy[high].sum() / energy.sum()) if energy.any() else 0.0)
    return max(shares)


def _axis(ds: xr.Dataset, dim: str, coordinate: Coordinate) -> Axis | None:
    """Return the axis in the units of training, or None without coordinates to compare.

    Where one of the two has no units, its numbers are read in those of the other.
    """
    trained = np.asarray(coordinate.values)
    if dim not in ds.coords or ds[dim].dtype.kind not in "fium" or trained.dtype.kind not in "fiu":
        return None
    values, found = np.atleast_1d(ds[dim].values), str(ds[dim].attrs.get("units", ""))
    if values.dtype.kind == "m":
        values, found = values / np.timedelta64(1, "s"), "s"
    units = str(coordinate.attributes.get("units", "")) or found
    found = found or units
    if not convertible(found, units):
        raise ContractError(
            f"coordinate {dim!r} has the units {found!r}, expected units such as {units!r} as in training; "
            f"correct ds[{dim!r}].attrs['units'], or convert the coordinate"
        )
    return Axis(dim, convert(values.astype(np.float64), found, units), trained, units)


def _require_units(coordinate: xr.DataArray, axis: Axis) -> None:
    """Refuse coordinates without units and with another step than in training, such as cell numbers."""
    steps = _steps(axis)
    if coordinate.dtype.kind == "m" or coordinate.attrs.get("units") or steps is None or not axis.units:
        return
    if abs(steps[0] - steps[1]) > TOLERANCE * steps[1]:
        raise ContractError(
            f"coordinate {axis.name!r} has no units and a step of {steps[0]:g}, expected one of "
            f"{axis.show(steps[1])} as in training; set ds[{axis.name!r}].attrs['units']"
        )


def _steps(axis: Axis) -> tuple[float, float] | None:
    """Return the spacing found and in training, or None if training has none or one descends."""
    found, trained = spacing(axis.found), spacing(axis.trained)
    return None if found is None or trained is None or min(found, trained) < 0 else (found, trained)


def _require_places(axis: Axis, name: str) -> None:
    found, trained = axis.found, axis.trained
    if len(found) != len(trained):
        listed = ", ".join(f"{value:g}" for value in trained[:6]) + (", ..." if len(trained) > 6 else "")
        units = f" {display(axis.units)}".rstrip()
        raise ContractError(
            f"variable {name!r}: {len(found)} cells along {axis.name!r}, expected the {len(trained)} of "
            f"training, at {listed}{units}; give these"
        )
    slack = TOLERANCE * (abs(spacing(trained) or np.ptp(trained)) or 1.0)
    if (off := np.flatnonzero(~(np.abs(found - trained) <= slack))).size:
        cell = int(off[0])
        raise ContractError(
            f"coordinate {axis.name!r}: cell {cell} lies at {axis.show(found[cell])}, expected "
            f"{axis.show(trained[cell])} as in training; the network knows the cells by their order, so "
            "give those of training"
        )


def _apply(plan: Plan, axis: Axis, array: xr.DataArray, spec: VariableSpec) -> xr.DataArray:
    """Return a resampled variable, in the units that it is given in; directions are averaged as vectors."""
    turn = full_turn(spec.model_copy(update={"units": str(array.attrs.get("units", spec.units))}))
    array = array.transpose(..., axis.name)
    values = array.values
    if turn is not None:
        values = np.exp(2j * np.pi / turn * values)
    if split := values.dtype.kind == "c":
        values = np.stack([values.real, values.imag], axis=-2)
    if plan.highest is not None:
        _require_band(str(array.name), values, axis, plan.highest)
    rows = values.reshape(-1, values.shape[-1])
    made = np.empty((len(rows), len(plan.centres)), values.dtype if values.dtype.kind == "f" else np.float64)
    for start in range(0, len(rows), ROWS):
        block = slice(start, start + ROWS)
        made[block] = (plan.weights @ rows[block].T.astype(np.float64)).T
    rest = {key: value for key, value in array.coords.items() if axis.name not in value.dims}
    made = made.reshape(*values.shape[:-1], len(plan.centres))
    if split:
        made = made[..., 0, :] + 1j * made[..., 1, :]
    if turn is not None:
        made = np.angle(made) * (turn / (2 * np.pi))
    return xr.DataArray(made, dims=array.dims, coords=rest, attrs=array.attrs)


def _require_band(name: str, values: np.ndarray, axis: Axis, highest: float) -> None:
    found, trained = (spacing(each) or 0.0 for each in (axis.found, axis.trained))
    share = energy_above(values, found, highest)
    if not share <= ALIASED:
        raise ContractError(
            f"variable {name!r}: {100 * share:.3g} % of the energy lies above {highest:.4g} cycles per "
            f"{display(axis.units) or 'cell'}, more than {100 * ALIASED:g} %, and would be lost between a "
            f"sample every {axis.show(found)} and one every {axis.show(trained)} as in training; filter it "
            "out, or ask a surrogate that was trained on the finer clock"
        )


def _sinc(found: np.ndarray, wanted: np.ndarray, step: float) -> csr_array:
    """Weights of the found samples for each wanted one; beyond an end a record is continued as odd."""
    centre = (wanted - found[0]) / step
    nearest = np.rint(centre)
    centre = np.where(np.abs(centre - nearest) < TOLERANCE, nearest, centre)[:, None]
    taps = np.floor(centre) + np.arange(1 - TAPS, TAPS + 1)
    window = np.i0(SHAPE * np.sqrt(np.maximum(1 - ((centre - taps) / TAPS) ** 2, 0.0)))
    weights = np.sinc(centre - taps) * window
    weights /= weights.sum(1, keepdims=True)
    inside = np.clip(taps, 0, len(found) - 1)
    beyond = taps != inside
    # x(2 end - t) = 2 x(end) - x(t); of a record shorter than the taps the mirror ends at its other end.
    mirrored = np.clip(2 * inside - taps, 0, len(found) - 1)
    rows = np.broadcast_to(np.arange(len(wanted))[:, None], taps.shape)
    entries = np.concatenate([weights[~beyond], 2 * weights[beyond], -weights[beyond]])
    columns = np.concatenate([taps[~beyond], inside[beyond], mirrored[beyond]]).astype(int)
    numbers = np.concatenate([rows[~beyond], rows[beyond], rows[beyond]])
    return csr_array((entries, (numbers, columns)), shape=(len(wanted), len(found)))
