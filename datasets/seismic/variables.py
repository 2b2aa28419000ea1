"""What a store of seismic data holds: velocity below the ground, and what receivers record of shots."""

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from datasets.store.specs import VariableSpec
from physics.waves.seismic.survey import Survey

SLOWEST, FASTEST = 1500.0, 4500.0
"""Range of OpenFWI's velocity models, m/s."""
FAMILIES = (
    "unknown", "flatvel-a", "flatvel-b", "curvevel-a", "curvevel-b", "flatfault-a", "flatfault-b",
    "curvefault-a", "curvefault-b", "style-a", "style-b", "salt", "section",
)  # fmt: skip
"""Kinds of velocity models; the variable `family` holds their indices."""

FAMILY = VariableSpec(
    name="family",
    dims=("sample",),
    shape=(),
    dtype="int8",
    long_name="kind of velocity model",
    attributes={"flag_values": list(range(len(FAMILIES))), "flag_meanings": " ".join(FAMILIES)},
)
DRAWN = [
    VariableSpec(
        name="layers", dims=("sample",), shape=(), dtype="int8", long_name="number of layers; 0: no layers"
    ),
    VariableSpec(name="faults", dims=("sample",), shape=(), dtype="int8", long_name="number of faults"),
    VariableSpec(
        name="relief",
        dims=("sample",),
        shape=(),
        units="m",
        long_name="amplitude of curved interfaces",
        minimum=0.0,
    ),
]
"""What was drawn for a random velocity model."""
SOURCE_FREQUENCY = VariableSpec(
    name="source_frequency",
    dims=("sample",),
    shape=(),
    units="Hz",
    long_name="peak frequency of the source",
)


def source_lateral_spec(shots: int) -> VariableSpec:
    """Return the spec of the positions of each record's shots."""
    return VariableSpec(
        name="source_lateral",
        dims=("sample", "shot"),
        shape=(shots,),
        units="m",
        long_name="position of the source along the line",
    )


def label_spec(name: str, long_name: str) -> VariableSpec:
    """Return the spec of a label of each record; `labels` makes the table that it points into."""
    return VariableSpec(
        name=name,
        dims=("sample",),
        shape=(),
        dtype="int32",
        long_name=long_name,
        attributes={"instance_dimension": f"{name}s"},
    )


def labels(name: str, texts: Sequence[str]) -> dict[str, xr.Variable]:
    """Return the table of texts that the indices of a label point into."""
    about = {"long_name": name.replace("_", " ")}
    return {f"{name}_name": xr.Variable(f"{name}s", np.array(texts, object), about)}


def velocity_spec(
    depths: int, laterals: int, *, slowest: float = SLOWEST, fastest: float = FASTEST
) -> VariableSpec:
    """Return the spec of a velocity model.

    Parameters
    ----------
    depths, laterals
        Cells.
    slowest, fastest
        Extremes, m/s; the valid range holds them and that of OpenFWI.
    """
    return VariableSpec(
        name="velocity_model",
        dims=("sample", "depth", "lateral"),
        shape=(depths, laterals),
        units="m s-1",
        long_name="velocity of acoustic waves",
        minimum=min(SLOWEST, math.floor(slowest)),
        maximum=max(FASTEST, math.ceil(fastest)),
        attributes={"resampling": "depth: lateral: average"},
    )


def gather_spec(survey: Survey, tolerance: float = 1e-3) -> VariableSpec:
    """Return the spec of shot gathers, with what a second simulation needs to know among its attributes.

    Parameters
    ----------
    survey
        Where and when was shot and recorded.
    tolerance
        By which a second simulation may differ.
    """
    return VariableSpec(
        name="shot_gather",
        dims=("sample", "shot", "time", "receiver"),
        shape=(len(survey.source_columns), survey.samples, len(survey.receiver_columns)),
        units="1",
        long_name="pressure at the receivers for a source of amplitude 1",
        repeatability=tolerance,
        attributes={
            "resampling": "time: band_limited",
            "source_frequency": survey.frequency,
            "source_depth": survey.source_row * survey.spacing,
            "receiver_depth": survey.receiver_row * survey.spacing,
            "solver_time_step": survey.time_step,
            "solver_steps": survey.steps,
            "wavelet": "ricker",
            **({"free_surface": 1} if survey.free_surface else {}),
        },
    )


def coordinates(survey: Survey, depths: int, laterals: int, *, shots: bool = True) -> xr.Dataset:
    """Return the coordinates that all records share.

    Parameters
    ----------
    survey
        Where and when was shot and recorded.
    depths, laterals
        Cells of the velocity model.
    shots
        Whether all records are shot at the same positions.
    """

    def cells(name: str, indices: Sequence[int] | np.ndarray, long_name: str) -> xr.Variable:
        return metres(name, np.asarray(indices, np.float64) * survey.spacing, long_name)

    found = {
        "depth": cells(
            "depth", np.arange(depths), "depth of the centre of a cell below that of the first row"
        ),
        "lateral": cells("lateral", np.arange(laterals), "position along the line"),
        "receiver": cells("receiver", survey.receiver_columns, "position of the receiver along the line"),
        "time": xr.Variable("time", survey.times, {"units": "s", "long_name": "time since the source began"}),
    }
    if shots:
        found["shot"] = cells("shot", survey.source_columns, "position of the source along the line")
    return xr.Dataset(coords=found)


def metres(name: str, positions: np.ndarray, long_name: str) -> xr.Variable:
    """Return a coordinate of positions in m."""
    return xr.Variable(name, positions, {"units": "m", "long_name": long_name})
