"""Paths between key points against closed forms: one path, a mirror, two rays that interfere."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import torch

from physics.channels.paths import KeyPoints, delay_spread, frequency_response
from physics.geometry import SPEED_OF_LIGHT

CARRIER = 2.4e9
FREQUENCY = CARRIER + 30e3 * np.arange(-150, 150, 10)
SOURCE = np.array([0.0, 0.0, 30.0])
VELOCITY = np.array([8.0, -3.0, 1.0])
START = np.array([60.0, 20.0, 10.0])
TIME = 2.352e-3 * np.arange(20)


def at(time: np.ndarray) -> np.ndarray:
    return START + time[:, None] * VELOCITY


def seen(sources: np.ndarray, gains: list[complex], times: np.ndarray) -> KeyPoints:
    """Key points of a receiver that sees these sources (p, 3), with amplitudes gain / distance."""
    way = sources - at(times)[:, None, :]
    distance = np.linalg.norm(way, axis=-1)
    return KeyPoints(
        time=times,
        position=at(times),
        coefficient=(np.array(gains) / distance)[..., None],
        delay=distance / SPEED_OF_LIGHT,
        arrival=way / distance[..., None],
    )


def exact(sources: np.ndarray, gains: list[complex]) -> np.ndarray:
    distance = np.linalg.norm(sources - at(TIME)[:, None, :], axis=-1)[..., None]
    waves = np.exp(-2j * np.pi * FREQUENCY * distance / SPEED_OF_LIGHT) / distance
    return (np.array(gains)[:, None] * waves).sum(axis=1)


@pytest.mark.parametrize("times", [TIME[:1], TIME[[0, 19]], TIME[[0, 7, 19]]])
def test_one_path_to_a_moving_receiver_is_the_closed_form(times: np.ndarray) -> None:
    found = frequency_response(seen(SOURCE[None], [2.0], times), TIME, at(TIME), FREQUENCY)
    np.testing.assert_allclose(found[0], exact(SOURCE[None], [2.0]), rtol=1e-9)


@pytest.mark.parametrize(("velocity", "sign"), [(-1.0, 1.0), (1.0, -1.0)])
def test_doppler_is_positive_towards_the_source_and_has_its_size(velocity: float, sign: float) -> None:
    away = (START - SOURCE) / np.linalg.norm(START - SOURCE)
    track = START + velocity * 10.0 * TIME[:, None] * away
    keys = seen(SOURCE[None], [1.0], TIME[:1])
    phase = np.unwrap(np.angle(frequency_response(keys, TIME, track, np.array([CARRIER]))[0, :, 0]))
    shift = np.polyfit(TIME, phase, 1)[0] / (2 * np.pi)
    assert shift == pytest.approx(sign * CARRIER * 10.0 / SPEED_OF_LIGHT, rel=1e-6)


def test_doppler_falls_with_the_cosine_of_the_angle_to_the_path() -> None:
    towards, across = (SOURCE - START) / np.linalg.norm(SOURCE - START), np.array([0.3, -0.9, 0.0])
    across -= towards * (across @ towards)
    across /= np.linalg.norm(across)
    keys = seen(SOURCE[None], [1.0], TIME[:1])
    for angle in np.radians([0.0, 30.0, 60.0, 90.0, 150.0]):
        step = 1e-5 * 10.0 * (np.cos(angle) * towards + np.sin(angle) * across)
        track = START + np.array([-1.0, 1.0])[:, None] * step
        both = frequency_response(keys, TIME[:2], track, np.array([CARRIER]))[0, :, 0]
        shift = np.angle(both[1] / both[0]) / (2 * np.pi * 2e-5)
        assert shift == pytest.approx(CARRIER * 10.0 * np.cos(angle) / SPEED_OF_LIGHT, abs=1e-3)


def test_two_rays_fade_where_their_lengths_differ_by_half_a_wavelength() -> None:
    ground = SOURCE * [1.0, 1.0, -1.0]  # the image below flat ground
    sources, gains = np.stack([SOURCE, ground]), [1.0, -1.0]
    heights = np.linspace(5.0, 15.0, 4001)
    track = np.column_stack([np.full((4001, 2), [200.0, 0.0]), heights])
    way = sources - track[2000]
    keys = KeyPoints(
        time=np.zeros(1),
        position=track[2000:2001],
        coefficient=(np.array(gains) / np.linalg.norm(way, axis=-1))[None, :, None],
        delay=np.linalg.norm(way, axis=-1)[None] / SPEED_OF_LIGHT,
        arrival=(way / np.linalg.norm(way, axis=-1, keepdims=True))[None],
    )
    power = np.abs(frequency_response(keys, np.zeros(4001), track, np.array([CARRIER]))[0, :, 0]) ** 2
    lengths = np.linalg.norm(sources[:, None] - track, axis=-1) * CARRIER / SPEED_OF_LIGHT
    apart = np.abs((lengths[1] - lengths[0]) % 1.0 - 0.5)  # 0.5: the rays cancel, 0: they add up
    inner = (power[1:-1] < power[:-2]) & (power[1:-1] < power[2:])
    assert inner.sum() >= 20
    assert apart[1:-1][inner].min() > 0.48
    np.testing.assert_allclose(power[apart < 1e-3], 4.0 / 201.0**2, rtol=0.02)


def test_two_rays_interfere_across_the_band_as_far_apart_as_their_delays_say() -> None:
    sources, gains = np.stack([SOURCE, SOURCE + np.array([0.0, 90.0, 0.0])]), [1.0, 0.5j]
    found = frequency_response(seen(sources, gains, TIME[[0, 19]]), TIME, at(TIME), FREQUENCY)
    np.testing.assert_allclose(found[0], exact(sources, gains), rtol=1e-9)


def test_a_path_that_one_key_point_lacks_fades_linearly() -> None:
    keys = seen(SOURCE[None], [1.0], TIME[[0, 10]])
    keys.coefficient[1] = 0.0
    found = frequency_response(keys, TIME[:11], at(TIME[:11]), FREQUENCY)
    expected = (1.0 - np.arange(11) / 10.0)[:, None] * exact(SOURCE[None], [1.0])[:11]
    np.testing.assert_allclose(found[0], expected, atol=1e-12)


def test_rows_filled_up_with_zeros_change_nothing() -> None:
    keys = seen(SOURCE[None], [1.0], TIME[[0, 19]])
    room = [(0, 0), (0, 3), (0, 0)]
    wider = KeyPoints(
        keys.time,
        keys.position,
        np.pad(keys.coefficient, room),
        np.pad(keys.delay, room[:2]),
        np.pad(keys.arrival, room),
    )
    one, other = (frequency_response(each, TIME, at(TIME), FREQUENCY) for each in (keys, wider))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(delay_spread(wider), 0.0, atol=1e-15)


def test_delay_spread_of_two_equal_paths_is_half_their_distance() -> None:
    keys = seen(SOURCE[None], [1.0], TIME[:1])
    both = KeyPoints(
        keys.time,
        keys.position,
        np.ones((1, 2, 3), complex),
        np.array([[1e-6, 1.4e-6]]),
        np.repeat(keys.arrival, 2, axis=1),
    )
    assert delay_spread(both)[0] == pytest.approx(0.2e-6)


@pytest.mark.parametrize("xp", [torch, array_api_strict], ids=["torch", "strict"])
def test_other_array_libraries_give_the_same_response(xp) -> None:
    keys = seen(np.stack([SOURCE, SOURCE + 40.0]), [1.0, 0.5j], TIME[[0, 19]])
    given = [keys.time, keys.position, keys.coefficient, keys.delay, keys.arrival]
    other = KeyPoints(*(xp.asarray(each) for each in given))
    found = frequency_response(other, *(xp.asarray(each) for each in (TIME, at(TIME), FREQUENCY)))
    np.testing.assert_allclose(
        np.asarray(found), frequency_response(keys, TIME, at(TIME), FREQUENCY), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arrival": np.zeros((2, 1, 2))}, r"keys.arrival has shape \(2, 1, 2\)"),
        ({"time": np.array([1.0, 0.0])}, "keys.time does not ascend"),
        (
            {"time": np.array([0.0, 0.01])},
            "from 0 to 0.044688 s, key points only from 0 to 0.01 s",
        ),
    ],
)
def test_key_points_that_do_not_fit_are_refused(changes: dict, said: str) -> None:
    keys = seen(SOURCE[None], [1.0], TIME[[0, 19]])
    with pytest.raises(ValueError, match=said):
        frequency_response(KeyPoints(**{**vars(keys), **changes}), TIME, at(TIME), FREQUENCY)
