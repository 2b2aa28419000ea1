"""The homogeneous solution: causality, decay, and its own quadrature."""

from dataclasses import replace

import numpy as np
import pytest

from physics.waves.seismic.analytic import homogeneous_gather
from physics.waves.seismic.survey import Survey
from physics.waves.seismic.wavelet import ricker

SURVEY = Survey(steps=1000, source_columns=(0,), receiver_columns=(20, 60))


def test_nothing_arrives_before_the_wave() -> None:
    gather = homogeneous_gather(2000.0, SURVEY)[0]
    for trace, distance in zip(gather.T, (200.0, 600.0), strict=True):
        arrival = round(distance / 2000.0 / SURVEY.time_step)
        assert not trace[: arrival - 1].any()
        assert trace[arrival : arrival + 10].any()


def test_solution_is_the_convolution_with_the_green_function() -> None:
    # The root's integral over a short piece is a difference of arccosh; the wavelet is constant over it.
    velocity, distance, fine = 2000.0, 200.0, 1e-5
    edges = distance / velocity + np.arange(40_001) * fine
    delays, green = (
        (edges[1:] + edges[:-1]) / 2,
        np.diff(np.arccosh(edges * velocity / distance)) / (2 * np.pi),
    )
    times = np.arange(0, 147) * 1e-3
    trace = homogeneous_gather(velocity, SURVEY)[0, :, 0]
    for sample in (150, 180, 230):
        source = np.interp((sample + 1) * 1e-3 - delays, times, ricker(15.0, 1e-3, 147), left=0, right=0)
        expected = SURVEY.spacing**2 * np.sum(source * green)
        assert trace[sample] == pytest.approx(expected, abs=2e-3 * np.abs(trace).max())


def test_amplitude_falls_with_the_root_of_the_distance_far_away() -> None:
    near, far = np.abs(homogeneous_gather(1500.0, SURVEY)[0]).max(0)
    assert near / far == pytest.approx(3**0.5, rel=0.03)


def test_receiver_at_the_source_is_refused() -> None:
    with pytest.raises(ValueError, match="a receiver stands at a source, where the field is infinite"):
        homogeneous_gather(2000.0, replace(SURVEY, receiver_columns=(0, 20)))
    beneath = replace(SURVEY, receiver_columns=(0, 20), receiver_row=5)
    assert np.isfinite(homogeneous_gather(2000.0, beneath)).all()
