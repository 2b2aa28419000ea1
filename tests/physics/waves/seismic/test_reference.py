"""The reference scheme: the homogeneous solution, its strips, and other array libraries."""

from dataclasses import replace

import array_api_strict
import numpy as np
import pytest
import torch

from physics.waves.seismic.analytic import homogeneous_gather
from physics.waves.seismic.reference import simulate
from physics.waves.seismic.survey import Survey
from tests.physics.waves.seismic.models import SMALL, faulted, layered, relative_l2

SHORT = replace(SMALL, steps=120, source_columns=(3, 20), time_stride=3)


def test_other_libraries_compute_the_same() -> None:
    model = np.stack([layered(20, 40), faulted(20, 40)])
    surveys = [SHORT, SHORT.at(25.0, (8, 12))]
    expected = simulate(model, surveys, strip=10)
    strict = simulate(array_api_strict.asarray(model), surveys, strip=10)
    assert isinstance(strict, array_api_strict._array_object.Array)
    np.testing.assert_allclose(np.asarray(strict), expected, atol=1e-12)
    np.testing.assert_allclose(simulate(torch.tensor(model), surveys, strip=10), expected, atol=1e-12)


def test_each_model_is_alone_and_types_are_kept() -> None:
    model = np.stack([layered(20, 40), faulted(20, 40)])
    together = simulate(model, SHORT, strip=10)
    assert together.shape == (2, 2, SHORT.samples, 40)
    np.testing.assert_array_equal(simulate(model[1:], SHORT, strip=10), together[1:])
    single = simulate(model.astype(np.float32), SHORT, strip=10)
    assert single.dtype == np.float32
    assert relative_l2(single, together) < 1e-4


def test_record_begins_with_the_first_injection() -> None:
    # (velocity * time step)^2 * s(0) at the source's own cell, before any wave has left it
    survey = replace(SHORT, time_stride=1, receiver_columns=(3,), source_columns=(3,))
    model = layered(20, 40)[None]
    first = simulate(model, survey, strip=10)[0, 0, 0, 0]
    squared = (np.pi * 15.0 * 0.073) ** 2
    assert first == pytest.approx((1800.0 * 1e-3) ** 2 * (1 - 2 * squared) * np.exp(-squared))


def test_strips_take_most_of_what_leaves_the_grid() -> None:
    survey = Survey(steps=350, source_columns=(5,), receiver_columns=(20,), source_row=10, receiver_row=10)
    model = np.full((1, 20, 25), 2000.0)
    exact = homogeneous_gather(2000.0, survey)[0]
    errors = [relative_l2(simulate(model, survey, strip=strip)[0, 0], exact) for strip in (15, 40, 80)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.02


def test_model_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="velocity: -1 m/s found"):
        simulate(-np.ones((1, 20, 40)), SHORT)
