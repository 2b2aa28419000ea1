"""The survey behind recorded gathers, and whatever else their simulation needs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert
from physics.waves.seismic.survey import Survey
from surrogates.domains.seismic.names import DEPTH, FREQUENCY, LATERAL, RECEIVER, SHOT, SOURCES, TIME

SAME = 1e-3
"""Largest deviation of a position, an instant or a source, as a share of cell, time step or frequency."""
LARGEST_STRIDE = 100
"""Most steps of the solver between two samples, so that a bundle cannot ask for any amount of work."""
RANGE = (1500.0, 4500.0)
"""Velocities of OpenFWI's models, m/s: for data that do not state theirs."""


def valid_range(spec: VariableSpec) -> tuple[float, float]:
    """Return the smallest and the largest valid velocity, m/s."""
    low, high = spec.minimum, spec.maximum
    return RANGE[0] if low is None else low, RANGE[1] if high is None else high


def solver_device(device: torch.device) -> torch.device:
    """Return the device to simulate on: the given one if deepwave has kernels for it, as for CUDA."""
    return device if device.type == "cuda" else torch.device("cpu")


def varying(spec: VariableSpec, coordinates: Mapping[str, xr.DataArray]) -> tuple[str, ...]:
    """Return the names of the variables without which the source of a record is not known."""
    return (
        *(() if FREQUENCY in spec.attributes else (FREQUENCY,)),
        *(() if SHOT in coordinates else (SOURCES,)),
    )


def sources_of(
    gathers: xr.Dataset, spec: VariableSpec, coordinates: Mapping[str, xr.DataArray], record: str
) -> dict[str, np.ndarray]:
    """Return the source of each record from variables of a data set, for `surveys_of_records`.

    Parameters
    ----------
    gathers
        May hold `source_frequency` (record) and `source_lateral` (record, shot); dimensions in any order and
        without `record` if all records share them; in Hz and m if without units.
    spec, coordinates
        Spec and coordinates of the gathers of training, as for `varying`.
    record
        Name of the record dimension.

    Raises
    ------
    ContractError
        When dimensions or units are none of a source, or a source differs from the one that all records of
        training share.
    """
    free, found = varying(spec, coordinates), {}
    for name, dims, units in ((FREQUENCY, (record,), "Hz"), (SOURCES, (record, SHOT), "m")):
        if name not in gathers.variables:
            continue
        values = _source(gathers[name], dims, units)
        if name in free:
            found[name] = np.broadcast_to(values, [gathers.sizes[dim] for dim in dims])
        elif name == FREQUENCY:
            known = _attribute(spec, name)
            _require_source(name, values, np.asarray(known), SAME * known, units)
        else:
            slack = SAME * _step(_values(coordinates, LATERAL), LATERAL)
            _require_source(name, values, _values(coordinates, SHOT), slack, units)
    return found


def _source(array: xr.DataArray, dims: tuple[str, ...], units: str) -> np.ndarray:
    """Return the values of a variable in the order of the dimensions; the first may be missing."""
    if set(array.dims) not in (set(dims), set(dims[1:])):
        raise ContractError(
            f"variable '{array.name}': dimensions {array.dims} found, {dims} expected; rename or select them"
        )
    values = array.transpose(*dims, missing_dims="ignore").to_numpy().astype(np.float64)
    try:
        return convert(values, array.attrs.get("units", units), units)
    except ContractError as error:
        raise ContractError(f"variable '{array.name}': {error}") from None


def _require_source(name: str, found: np.ndarray, trained: np.ndarray, slack: float, units: str) -> None:
    found, trained = np.broadcast_arrays(found, trained)
    if (other := ~(np.abs(found - trained) <= slack)).any():
        raise ContractError(
            f"variable '{name}': {found[other][0]:g} {units} found, {trained[other][0]:g} {units} as in "
            "training expected; train a surrogate on such gathers"
        )


def surveys_of_records(
    spec: VariableSpec,
    coordinates: Mapping[str, xr.DataArray],
    records: int,
    sources: Mapping[str, np.ndarray],
) -> list[Survey]:
    """Return the survey of each record.

    Parameters
    ----------
    spec
        Spec of the gathers; its attributes state wavelet, depths and time step, and the frequency of the
        source if records share it.
    coordinates
        `depth`, `lateral`, `receiver` (m), `time` (s), and `shot` (m) if records share the shots.
    records
        Number of records.
    sources
        Variables that `varying` names: `source_frequency` (records,) in Hz and `source_lateral`
        (records, shot) in m.

    Raises
    ------
    ContractError
        Names what is missing or does not fit the grid, and what to do.
    """
    for name in varying(spec, coordinates):
        if name not in sources:
            instead = f"the attribute '{FREQUENCY}' of" if name == FREQUENCY else f"a coordinate '{SHOT}' for"
            raise ContractError(
                f"gathers: neither {instead} '{spec.name}' nor a variable '{name}' found, one of them "
                "expected; without the source no gather can be simulated"
            )
    survey = common_survey(spec, coordinates)
    laterals = _values(coordinates, LATERAL)
    frequencies = np.broadcast_to(sources.get(FREQUENCY, survey.frequency), records)
    positions = sources.get(SOURCES)
    if positions is None:
        positions = np.broadcast_to(_values(coordinates, SHOT), (records, spec.shape[0]))
    return [
        survey.at(float(frequency), _cells(row, laterals, survey.spacing, "source"))
        for frequency, row in zip(frequencies, positions, strict=True)
    ]


def common_survey(spec: VariableSpec, coordinates: Mapping[str, xr.DataArray]) -> Survey:
    """Return the survey that all records share, without its shots."""
    step = _attribute(spec, "solver_time_step")
    if spec.attributes.get("wavelet") != "ricker":
        raise ContractError(
            f"variable '{spec.name}': wavelet {spec.attributes.get('wavelet')!r} found, 'ricker' expected; "
            "only that can be simulated"
        )
    depths, laterals = (_values(coordinates, dim) for dim in (DEPTH, LATERAL))
    spacing = _step(laterals, LATERAL)
    if abs(_step(depths, DEPTH) - spacing) > SAME * spacing:
        raise ContractError(
            f"coordinate '{DEPTH}': cells of {_step(depths, DEPTH):g} m found, {spacing:g} m as along the "
            "line expected; resample the velocity models to square cells"
        )
    time = _values(coordinates, TIME)
    stride = _step(time, TIME) / step
    if abs(time[0]) > SAME * step or abs(stride - round(stride)) > SAME or round(stride) < 1:
        raise ContractError(
            f"coordinate '{TIME}': samples every {_step(time, TIME):g} s from {time[0]:g} s found, whole "
            f"steps of the solver ({step:g} s) from 0 s expected; resample the gathers"
        )
    if stride > LARGEST_STRIDE:
        raise ContractError(
            f"variable '{spec.name}': solver_time_step {step:g} s found for samples every {stride * step:g} "
            f"s, at most {LARGEST_STRIDE} steps from one to the next expected; correct the attribute"
        )
    receivers = _cells(_values(coordinates, RECEIVER), laterals, spacing, "receiver")
    return Survey(
        spacing=spacing,
        time_step=step,
        steps=(len(time) - 1) * round(stride) + 1,
        time_stride=round(stride),
        frequency=_attribute(spec, FREQUENCY) if FREQUENCY in spec.attributes else Survey.frequency,
        source_columns=(),
        source_row=_row(spec, "source_depth", depths, spacing),
        receiver_columns=receivers,
        receiver_row=_row(spec, "receiver_depth", depths, spacing),
        free_surface=spec.attributes.get("free_surface") == 1,
    )


def _attribute(spec: VariableSpec, name: str) -> float:
    value: Any = spec.attributes.get(name)
    if not isinstance(value, int | float):
        raise ContractError(
            f"variable '{spec.name}': attribute '{name}' {value!r} found, a number expected; write it into "
            "the store, without it no gather can be simulated"
        )
    return float(value)


def _values(coordinates: Mapping[str, xr.DataArray], dim: str) -> np.ndarray:
    if dim not in coordinates:
        raise ContractError(
            f"coordinate '{dim}' is missing among {sorted(coordinates)}; without it no gather can be "
            "simulated"
        )
    values, units = np.asarray(coordinates[dim].values, np.float64), "s" if dim == TIME else "m"
    return convert(values, coordinates[dim].attrs.get("units", units), units)


def _step(values: np.ndarray, dim: str) -> float:
    steps = np.diff(values)
    if not steps.size or steps[0] <= 0 or np.ptp(steps) > SAME * steps[0]:
        raise ContractError(f"coordinate '{dim}': even, growing steps expected; resample the data along it")
    return float(steps.mean())


def _row(spec: VariableSpec, name: str, depths: np.ndarray, spacing: float) -> int:
    return _cells([_attribute(spec, name)], depths, spacing, name.replace("_", " "))[0]


def _cells(
    positions: Sequence[float] | np.ndarray, cells: np.ndarray, spacing: float, what: str
) -> tuple[int, ...]:
    """Return the cells of positions in m."""
    found = (np.asarray(positions, np.float64) - cells[0]) / spacing
    beside = np.flatnonzero(~(np.abs(found - found.round()) <= SAME))
    if beside.size:
        position = np.asarray(positions)[beside[0]]
        raise ContractError(
            f"{what}: {position:g} m found, the middle of a cell expected ({cells[0]:g} m and every "
            f"{spacing:g} m); move it, or resample the velocity models"
        )
    return tuple(found.round().astype(int).tolist())
