"""Variables of a prediction: targets, standard deviations, quantiles, members and intervals."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.units import difference, display
from surrogates.inference.errors import BundleError
from surrogates.learning.answers import (
    LEVELS,
    MEMBER,
    deviation_name,
    member_name,
    quantile_name,
    reaches,
)
from surrogates.learning.conformal import Calibration, needed, require_level
from surrogates.learning.directions import is_direction
from surrogates.learning.distance import DISTANCE, DOUBT, doubt, stretch
from surrogates.learning.layout import is_complex

GRID_MAPPING = "grid_mapping"
ARC = (
    "ends of an arc, lower <= prediction <= upper: they may lie below zero or beyond a full turn, and upper "
    "less lower is the length of the arc"
)
SHOWN = ("units", "long_name", "standard_name", "display_units")
TRUST = "trust"
"""Name of the score in a prediction that says how much a record is like the training data."""
_TRUSTED_LESS = {
    False: "whose inputs are at least as far from the training data; 0 where all of them are nearer",
    True: "for which errors at least as large are expected, by the predicted deviation and the distance to "
    "the training data; 0 where those of all of them are smaller",
}
"""What the records are that a share is of, by whether deviations are part of the doubt."""


def interval_names(target: str) -> tuple[str, str]:
    """Names of the lower and the upper end of a target's interval."""
    return f"{target}_lower", f"{target}_upper"


def radius_name(target: str) -> str:
    """Name of the radius of a complex target's interval, a disc about the prediction."""
    return f"{target}_radius"


def check_interval(
    level: float, calibration: Mapping[str, Calibration], targets: Mapping[str, VariableSpec]
) -> None:
    """Refuse a level for which the calibration of a bundle has no answer.

    Raises
    ------
    ValueError
        For a level that is no number between 0 and 1, or higher than the validation split can support.
    BundleError
        Without a calibration.
    """
    require_level(level)
    for name in targets:
        if name not in calibration:
            raise BundleError(
                f"interval={level:g} was asked for, but the intervals of '{name}' are not calibrated; "
                "`surrogates evaluate RUN` calibrates a run that has a validation split, and `surrogates "
                "ensemble RUN RUN --out DIR` an ensemble of runs."
            )
        table = calibration[name]
        if not np.isfinite(table.radius(level)):
            raise ValueError(
                f"interval={level:g} of '{name}': {table.blocks} {_calibrating(table)} calibrated it, enough "
                f"for {table.highest:.3g} at most; ask for less, or calibrate it on at least {needed(level)} "
                "(`surrogates calibrate`, or a larger validation split)."
            )


def _calibrating(table: Calibration) -> str:
    return table.exchangeable if table.groups else "validation records"


def check_trust(trust: Calibration | None, targets: Iterable[str]) -> Calibration:
    """Return the table of trust of a bundle.

    Raises
    ------
    BundleError
        Without one, or when a target has the name of the score.
    """
    if trust is None:
        raise BundleError(
            "trust was asked for, but the bundle does not know how far its training data are; `surrogates "
            "calibrate RUN STORE` calibrates it on your records, `surrogates evaluate RUN` a run on its own."
        )
    if TRUST in targets:
        raise BundleError(f"trust was asked for, but a target is called '{TRUST}'; predict without it.")
    return trust


def doubts_of(answer: Mapping[str, Tensor], targets: Iterable[str], trust: Calibration) -> np.ndarray:
    """Return what the score of each record falls with, as its table was calibrated.

    Raises
    ------
    BundleError
        When deviations are part of it, but the answer has none.
    """
    doubts = doubt(answer, targets) if trust.relative else answer[DISTANCE]
    if trust.relative and doubts is answer[DISTANCE]:
        raise BundleError(
            "Trust is relative to a standard deviation or to quantiles, which the bundle does not predict; "
            "it is damaged. Calibrate it again with `surrogates evaluate RUN`."
        )
    return np.asarray(doubts.cpu())


def most_doubtful(answer: dict[str, np.ndarray], far: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return an answer without its doubt, which is kept in `far` if it is the largest so far."""
    if DOUBT in answer:
        doubts = answer.pop(DOUBT)
        far[DOUBT] = np.maximum(far.get(DOUBT, doubts), doubts)
    return answer


def stretch_name(target: str) -> str:
    """Name by which the factors of a target's intervals stand beside it, until these are made."""
    return f"{target} stretch"


def with_stretch(
    answer: Mapping[str, np.ndarray], calibration: Mapping[str, Calibration]
) -> dict[str, np.ndarray]:
    """Return an answer with the factor in each cell by which distance widens the intervals of its targets."""
    factors = {
        stretch_name(name): np.broadcast_to(
            stretch(answer[DISTANCE]).reshape(-1, *(1,) * (answer[name].ndim - 1)), answer[name].shape
        )
        for name, table in calibration.items()
        if table.distant and name in answer
    }
    return {**answer, **factors}


def with_interval(
    answer: Mapping[str, np.ndarray],
    calibration: Mapping[str, Calibration],
    level: float,
    turns: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, np.ndarray]:
    """Return an answer with the interval of each target; of a complex one the radius of a disc.

    Parameters
    ----------
    answer
        Arrays by name.
    calibration
        Of the targets.
    level
        Of the intervals.
    turns
        Full turns of the directions among the targets, whose arcs reach half a turn to either side at most.
    """
    ends: dict[str, np.ndarray] = {}
    for name, table in calibration.items():
        if name not in answer:
            continue  # of the other direction
        radius = np.asarray(table.radius(level), dtype=answer[name].real.dtype)
        if table.distant:
            radius = radius * answer[stretch_name(name)].astype(radius.dtype)
        below = above = radius
        if table.relative:
            reach = reaches(answer, name)
            if reach is None:
                raise BundleError(
                    f"The calibration of '{name}' is relative to a standard deviation or to quantiles, which "
                    "the bundle does not predict; it is damaged. Calibrate it again with `surrogates "
                    "evaluate RUN`."
                )
            below, above = (radius * each for each in reach)
        if name in turns:
            below, above = (np.minimum(each, turns[name] / 2) for each in (below, above))
        if np.iscomplexobj(answer[name]):
            ends[radius_name(name)] = np.broadcast_to(above, answer[name].shape)
            continue
        lower, upper = interval_names(name)
        ends |= {lower: answer[name] - below, upper: answer[name] + above}
    return {**answer, **ends}


def specs_of(
    targets: Mapping[str, VariableSpec],
    names: set[str],
    level: float | None,
    quantiles: int = 0,
    samples: int = 0,
) -> dict[str, VariableSpec]:
    """Return the specs of all variables of a prediction, by name.

    Parameters
    ----------
    targets
        Specs of the targets.
    names
        Variables of the answer.
    level
        Of the intervals, where there are some.
    quantiles
        How many stand beside each target.
    samples
        How many members do.
    """
    found: dict[str, VariableSpec] = {}
    for target in targets.values():
        beside = [spec for spec in _beside(target, level, quantiles, samples) if spec.name in names]
        attributes = dict(target.attributes)
        if beside:
            attributes["ancillary_variables"] = " ".join(spec.name for spec in beside)
        found[target.name] = target.model_copy(update={"attributes": attributes})
        found |= {spec.name: spec for spec in beside}
    return found


def trust_spec(record_dimension: str, trust: Calibration) -> VariableSpec:
    """Return the spec of the score of each record."""
    counted = f"{trust.blocks} {trust.exchangeable} that were held out"
    return VariableSpec(
        name=TRUST,
        dims=(record_dimension,),
        shape=(),
        units="1",
        long_name="trust: 1 like the training data, 0 unlike",
        minimum=0.0,
        maximum=1.0,
        attributes={"comment": f"share of {counted} {_TRUSTED_LESS[trust.relative]}"},
    )


def with_trust(answer: Mapping[str, np.ndarray], trust: Calibration) -> dict[str, np.ndarray]:
    """Return an answer with the score of each record."""
    return {**answer, TRUST: trust.share_above(answer[DOUBT]).astype(np.float32)}


def attributes_of(spec: VariableSpec, coordinates: set[str]) -> dict[str, Any]:
    """Return the attributes of a prediction with these coordinates."""
    shown = (*SHOWN, *spec.attributes)
    attributes = {key: value for key, value in spec.to_attributes().items() if key in shown}
    if attributes.get(GRID_MAPPING) not in coordinates:
        attributes.pop(GRID_MAPPING, None)  # it would name a variable that is not there
    return attributes


def fitting(coordinates: Mapping[str, xr.DataArray], sizes: Mapping[str, int]) -> dict[str, xr.DataArray]:
    """Return the coordinates whose dimensions have these lengths."""
    return {
        name: coordinate
        for name, coordinate in coordinates.items()
        if all(sizes.get(str(dim)) == length for dim, length in coordinate.sizes.items())
    }


def data_array(
    spec: VariableSpec, values: np.ndarray, coordinates: Mapping[str, xr.DataArray]
) -> xr.DataArray:
    """Return one variable of a prediction with the coordinates that fit it."""
    kept = fitting(coordinates, dict(zip(spec.dims, values.shape, strict=True)))
    attributes = attributes_of(spec, set(kept))
    return xr.DataArray(values, dims=spec.dims, coords=kept, attrs=attributes, name=spec.name)


def member_coordinate(samples: int) -> dict[str, xr.DataArray]:
    """Return the coordinate of members, which CF calls realization, if there are some."""
    if not samples:
        return {}
    attributes = {"standard_name": "realization", "long_name": "number of the member", "units": "1"}
    return {MEMBER: xr.DataArray(np.arange(samples), dims=MEMBER, attrs=attributes)}


def _beside(
    target: VariableSpec, level: float | None, quantiles: int, samples: int
) -> Iterator[VariableSpec]:
    title = target.long_name or target.name.replace("_", " ")
    units = difference(target.units)
    real = {"dtype": "float32"} if is_complex(target) else {}
    yield target.model_copy(
        update={
            "name": deviation_name(target.name),
            "long_name": f"standard deviation of {title}",
            # The modifier of CF for an uncertainty "as one standard deviation" (CF conventions, appendix C).
            "standard_name": f"{target.standard_name} standard_error" if target.standard_name else None,
            "units": units,
            "display_units": display(units) if target.display_units else None,
            **real,
        }
    )
    record, *inner = target.dims
    yield target.model_copy(
        update={
            "name": quantile_name(target.name),
            "long_name": f"quantiles of {title}",
            "standard_name": None,
            "dims": (record, LEVELS, *inner),
            "shape": (quantiles, *target.shape),
            "statistics_axes": (),
            "statistics_mask": None,
        }
    )
    yield target.model_copy(
        update={
            "name": member_name(target.name),
            "long_name": f"members of {title}",
            "dims": (record, MEMBER, *inner),
            "shape": (samples, *target.shape),
            "statistics_axes": (),
            "statistics_mask": None,
        }
    )
    if level is None:
        return
    if is_complex(target):
        yield target.model_copy(
            update={
                "name": radius_name(target.name),
                "long_name": f"radius of the {100 * level:g} % disc about {title}",
                "standard_name": None,
                "attributes": {**target.attributes, "interval_level": level},
                **real,
            }
        )
        return
    for name, end in zip(interval_names(target.name), ("lower", "upper"), strict=True):
        attributes = {**target.attributes, "interval_level": level}
        if is_direction(target):
            attributes["comment"] = ARC
        yield target.model_copy(
            update={
                "name": name,
                "long_name": f"{end} end of the {100 * level:g} % interval of {title}",
                "standard_name": None,
                "attributes": attributes,
            }
        )
