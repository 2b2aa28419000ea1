"""Noise level: told by what was recorded before a wave can arrive, and by nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from physics.waves.seismic.noise import before_first_break, noise_level
from physics.waves.seismic.propagator import simulate
from tests.physics.waves.seismic.models import SMALL, faulted, layered

SURVEY = replace(SMALL, steps=240, time_stride=2)
CLEAN = simulate(np.stack([layered(), faulted()]), SURVEY)


def noisy(level: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=CLEAN.shape)
    power = np.sqrt((CLEAN.astype(np.float64) ** 2).mean((1, 2, 3), keepdims=True))
    return CLEAN + level * power * noise


@pytest.mark.parametrize("level", [0.05, 0.5])
def test_white_noise_is_found_and_clean_gathers_have_none(level: float) -> None:
    surveys = [SURVEY, SURVEY]
    expected = level / np.hypot(1, level)
    np.testing.assert_allclose(noise_level(noisy(level), surveys, 4500.0), expected, rtol=0.1)
    assert (noise_level(CLEAN, surveys, 4500.0) < 1e-3).all()


def test_dead_traces_do_not_count() -> None:
    dead = noisy(0.2)
    dead[:, :, :, ::2] = np.nan
    np.testing.assert_allclose(noise_level(dead, [SURVEY] * 2, 4500.0), 0.2, rtol=0.15)


def test_level_is_unknown_where_everything_is_recorded_after_the_first_break() -> None:
    near = replace(SURVEY, source_columns=(20,), receiver_columns=(19, 20, 21))
    assert np.isnan(noise_level(simulate(layered()[None], near), [near], 4500.0)).all()


def test_first_break_is_that_of_a_straight_ray() -> None:
    quiet = before_first_break(SURVEY, 4000.0)
    assert quiet.shape == CLEAN.shape[1:]
    assert not quiet[:, :, SURVEY.source_columns[1]][1].any()
    # 33 cells of 10 m at 4000 m/s are 82.5 ms: samples at 0, 2, ..., 82 ms.
    assert quiet[0, :, 36].sum() == 42
