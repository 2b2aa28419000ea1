"""What a simulation is refused for, and that the cases beside it pass."""

from collections.abc import Sequence
from dataclasses import replace

import array_api_strict
import numpy as np
import pytest

from physics.waves.seismic.checks import surveys_of
from physics.waves.seismic.survey import Survey
from tests.physics.waves.seismic.models import SMALL, layered

MODELS = np.stack([layered(), layered()])


def test_one_survey_serves_all_models_and_each_may_have_its_own_source() -> None:
    assert surveys_of(MODELS, SMALL) == [SMALL, SMALL]
    other = SMALL.at(20.0, (0, 1, 2))
    assert surveys_of(MODELS, [SMALL, other]) == [SMALL, other]
    assert surveys_of(array_api_strict.asarray(MODELS), SMALL) == [SMALL, SMALL]


@pytest.mark.parametrize(
    ("velocity", "message"),
    [
        (MODELS[0], r"shape \(30, 40\) found, \(models, depth, lateral\) expected; write velocity\[None\]"),
        (MODELS[:0], r"shape \(0, 30, 40\) found"),
        (np.where(np.eye(30, 40) > 0, np.nan, MODELS), "NaN or infinite values found"),
        (np.full_like(MODELS, np.inf), "NaN or infinite values found"),
        (MODELS - 1800.0, "0 m/s found, more than 0 expected; is it in m/s"),
    ],
)
def test_velocity_that_is_none_is_refused(velocity: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"^velocity: .*{message}"):
        surveys_of(velocity, SMALL)


@pytest.mark.parametrize(
    ("survey", "message"),
    [
        (replace(SMALL, source_columns=(3, 40)), "source in row 1, column 40 found, inside .* 30 x 40 cells"),
        (replace(SMALL, receiver_columns=(-1, 3)), "receiver in row 1, column -1 found"),
        (replace(SMALL, receiver_row=30), "receiver in row 30, column 0 found"),
        (replace(SMALL, source_columns=()), "no source found; set source_columns"),
        (replace(SMALL, time_stride=0), "time_stride 0 found, a positive number expected"),
        (replace(SMALL, frequency=float("nan")), "frequency nan found, a positive number expected"),
        ([SMALL], "1 for 2 velocity models found; give one, or one for each"),
        (
            [SMALL, replace(SMALL, steps=200)],
            "steps 200 and 300 found, the same for all models expected; simulate",
        ),
        ([SMALL, SMALL.at(15.0, (1, 2))], "2 and 3 shots found, the same number expected"),
    ],
)
def test_survey_that_does_not_fit_is_refused(survey: Survey | Sequence[Survey], message: str) -> None:
    with pytest.raises(ValueError, match=f"^survey: .*{message}"):
        surveys_of(MODELS, survey)


def test_unstable_time_step_names_the_largest_one_and_the_velocity() -> None:
    surveys_of(MODELS, replace(SMALL, time_step=1.36e-3))
    message = r"0.0014 s is unstable for 4500 m/s .*\(fastest of the models: 3900 m/s\), at most 0.001361 s"
    with pytest.raises(ValueError, match=message):
        surveys_of(MODELS, replace(SMALL, time_step=1.4e-3))
    with pytest.raises(ValueError, match=r"unstable for 7800 m/s .* at most 0.0007851 s expected"):
        surveys_of(2 * MODELS, SMALL)


def test_waves_too_short_for_the_cells_are_refused() -> None:
    surveys_of(MODELS, replace(SMALL, frequency=89.0))
    message = "1800 m/s found, where waves of 91 Hz are 1.98 cells of 10 m long, at least 2 expected"
    with pytest.raises(ValueError, match=message):
        surveys_of(MODELS, replace(SMALL, frequency=91.0))
    with pytest.raises(ValueError, match=r"velocity: 1.8 m/s found, .* are 0.012 cells .* not km/s\?"):
        surveys_of(array_api_strict.asarray(MODELS / 1e3), SMALL)
    slow = np.stack([MODELS[0], MODELS[0] / 4])
    surveys_of(slow, [SMALL.at(80.0, (0, 1)), SMALL.at(20.0, (0, 1))])
