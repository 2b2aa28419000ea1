"""Checks of a simulation before it begins."""

import math
from collections.abc import Sequence

from array_api_compat import array_namespace

from physics.geometry import Array
from physics.waves.seismic.survey import Survey

FASTEST = 4500.0
"""Velocity that a time step has to be stable for in any case, m/s: the fastest of OpenFWI. One number for
all slower models, so that what is around one in a batch does not change its simulation."""

SHORTEST = 2.0
"""Cells of a wave of the peak frequency where the velocity is lowest; shorter ones no grid can carry."""

CRITICAL = math.sqrt(3 / 8)
"""Largest stable velocity * time step / spacing.

The largest eigenvalue of the fourth-order Laplacian in the plane is 32/3 / spacing^2, and a leapfrog step
is stable while (velocity * time step)^2 times it is at most 4.
"""


def surveys_of(velocity: Array, survey: Survey | Sequence[Survey]) -> list[Survey]:
    """Return one survey for each velocity model, all checked.

    Parameters
    ----------
    velocity : (models, depth, lateral) array
        m/s.
    survey
        One for all models, or one for each.

    Raises
    ------
    ValueError
        If the velocity is no stack of models or not positive everywhere, if a source or receiver lies outside
        of the grid, if the time step is unstable, if waves are shorter than two cells, or if surveys differ
        in more than the source.
    """
    xp = array_namespace(velocity)
    if velocity.ndim != 3 or 0 in velocity.shape:
        raise ValueError(
            f"velocity: shape {tuple(velocity.shape)} found, (models, depth, lateral) expected; "
            "write velocity[None] for one model"
        )
    if not bool(xp.all(xp.isfinite(velocity))):
        raise ValueError("velocity: NaN or infinite values found; fill or leave out what is not known")
    lowest, highest = float(xp.min(velocity)), float(xp.max(velocity))
    if lowest <= 0:
        raise ValueError(
            f"velocity: {lowest:g} m/s found, more than 0 expected; is it in m/s, not normalised?"
        )
    models = velocity.shape[0]
    surveys = [survey] * models if isinstance(survey, Survey) else list(survey)
    if len(surveys) != models:
        raise ValueError(
            f"survey: {len(surveys)} for {models} velocity models found; give one, or one for each"
        )
    for each in dict.fromkeys(surveys):
        _check_alike(each, surveys[0])
        _check_survey(each, *velocity.shape[1:])
        _check_stable(each, highest)
    _check_wavelength([float(each) for each in xp.min(velocity, axis=(1, 2))], surveys)
    return surveys


def _check_alike(survey: Survey, first: Survey) -> None:
    """Refuse surveys whose gathers have no common shape, or need another grid in space or time."""
    for name in (
        "spacing",
        "time_step",
        "steps",
        "time_stride",
        "source_row",
        "receiver_row",
        "receiver_columns",
        "free_surface",
    ):
        here, there = getattr(survey, name), getattr(first, name)
        if here != there:
            raise ValueError(
                f"survey: {name} {here} and {there} found, the same for all models expected; simulate "
                "them in separate calls, only frequency and source_columns may differ"
            )
    if len(survey.source_columns) != len(first.source_columns):
        raise ValueError(
            f"survey: {len(survey.source_columns)} and {len(first.source_columns)} shots found, the same "
            "number expected; simulate them in separate calls"
        )


def _check_survey(survey: Survey, depths: int, laterals: int) -> None:
    for name in ("spacing", "time_step", "steps", "time_stride", "frequency"):
        if not 0 < getattr(survey, name) < math.inf:
            raise ValueError(f"survey: {name} {getattr(survey, name)} found, a positive number expected")
    for name, row, columns in (
        ("source", survey.source_row, survey.source_columns),
        ("receiver", survey.receiver_row, survey.receiver_columns),
    ):
        if not columns:
            raise ValueError(f"survey: no {name} found; set {name}_columns")
        outside = [column for column in columns if not 0 <= column < laterals]
        if outside or not 0 <= row < depths:
            raise ValueError(
                f"survey: {name} in row {row}, column {(outside or columns)[0]} found, inside of the model's "
                f"{depths} x {laterals} cells expected; move it or give a larger model"
            )


def _check_stable(survey: Survey, highest: float) -> None:
    fastest = max(highest, FASTEST)
    largest = CRITICAL * survey.spacing / fastest
    if survey.time_step > largest:
        raise ValueError(
            f"survey: time_step {survey.time_step:g} s is unstable for {fastest:.0f} m/s on cells of "
            f"{survey.spacing:g} m (fastest of the models: {highest:.0f} m/s), at most {largest:.4g} s "
            "expected; shorten it, and thin the records with time_stride"
        )


def _check_wavelength(lowest: Sequence[float], surveys: Sequence[Survey]) -> None:
    for velocity, survey in zip(lowest, surveys, strict=True):
        cells = velocity / survey.frequency / survey.spacing
        if cells < SHORTEST:
            raise ValueError(
                f"velocity: {velocity:g} m/s found, where waves of {survey.frequency:g} Hz are {cells:.3g} "
                f"cells of {survey.spacing:g} m long, at least {SHORTEST:g} expected; is it in m/s, not "
                "km/s? Else take smaller cells or a lower frequency"
            )
