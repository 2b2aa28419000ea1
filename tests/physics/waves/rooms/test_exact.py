import numpy as np
import pytest

from physics.waves.rooms.air import AIR
from physics.waves.rooms.exact import free_pulse, modes, rigid_box


def test_a_single_mode_swings_at_its_frequency() -> None:
    x = (np.arange(20) + 0.5) * 0.1
    y = (np.arange(30) + 0.5) * 0.1
    mode = np.cos(np.pi * 2 * x / 2.0)[:, None] * np.cos(np.pi * y / 3.0)[None, :]
    rate = AIR.speed * np.pi * np.hypot(2 / 2.0, 1 / 3.0)
    times = np.array([0.0, 0.001, 0.0137])
    found = rigid_box(mode[None], (2.0, 3.0), times)
    assert found.shape == (1, 3, 20, 30)
    np.testing.assert_allclose(found[0], np.cos(rate * times)[:, None, None] * mode, atol=1e-12)


def test_the_first_modes_of_a_cube_of_2_m() -> None:
    found = modes((2.0, 2.0, 2.0), 150.0)
    np.testing.assert_allclose(found, [85.75] * 3 + [121.27] * 3 + [148.52], atol=0.01)


def test_the_series_equals_image_sources_in_one_dimension() -> None:
    """Along a box that is uniform across, a pulse splits in two halves that run and are mirrored."""
    x = (np.arange(400) + 0.5) * 0.01
    pulse = np.exp(-(((x - 1.3) / 0.15) ** 2))
    time = 0.0094
    images = [1.3 + 8 * k for k in range(-3, 4)] + [-1.3 + 8 * k for k in range(-3, 4)]
    expected = sum(
        0.5 * np.exp(-(((x - image - way * AIR.speed * time) / 0.15) ** 2))
        for image in images
        for way in (1, -1)
    )
    found = rigid_box(np.repeat(pulse[:, None], 3, axis=1), (4.0, 0.03), [time])[0]
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 3, axis=1), atol=1e-9)


def test_a_free_pulse_starts_as_itself_and_solves_the_wave_equation() -> None:
    r = np.linspace(0.2, 2.0, 181)
    np.testing.assert_allclose(free_pulse(r, 0.0, 0.3), np.exp(-((r / 0.3) ** 2)), rtol=1e-12)
    step, h = 2e-6, r[1] - r[0]
    past, now, later = (r * free_pulse(r, 0.002 + k * step, 0.3) for k in (-1, 0, 1))
    curvature = (now[2:] - 2 * now[1:-1] + now[:-2]) / h**2
    acceleration = (later - 2 * now + past)[1:-1] / step**2
    assert acceleration == pytest.approx(AIR.speed**2 * curvature, abs=2e-3 * np.abs(acceleration).max())
