"""Image sources against the exact solution of a rigid box, the solver with walls, and a reference library."""

import numpy as np
import pytest

from physics.waves.rooms.air import AIR
from physics.waves.rooms.exact import rigid_box
from physics.waves.rooms.images import (
    image_sources,
    plane_pulse,
    pressure_by_images,
    reach_of,
    space_pulse,
)
from physics.waves.rooms.pulse import gaussians, pulse_width

WIDTH = pulse_width(500.0)


def cells(size: tuple[float, ...], count: int) -> list[np.ndarray]:
    return [length * (np.arange(count) + 0.5) / count for length in size]


@pytest.mark.parametrize(("size", "count"), [((1.6, 2.1), 96), ((1.2, 1.5, 1.0), 48)])
def test_images_in_a_rigid_box_are_its_exact_solution(size: tuple[float, ...], count: int) -> None:
    """Both start from the pulse and its mirror images, so that it may overlap walls."""
    grid, source = cells(size, count), np.array([0.5, 0.7, 0.4][: len(size)])
    times = np.array([0.0, 0.002, 0.005, 0.009])
    reach = reach_of(times[-1], WIDTH)
    images = image_sources(source, np.zeros(len(size)), np.array(size), reach)
    exact = rigid_box(gaussians(grid, images.positions, WIDTH).sum(0), size, times)
    step = 7 * len(size) ** 3
    points = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, len(size))[::step]
    pulse = plane_pulse(WIDTH, reach + 3) if len(size) == 2 else space_pulse(WIDTH)
    for number, time in enumerate(times):
        found = pressure_by_images(images, points, np.full(len(points), time), pulse, np.inf)
        expected = exact[number].reshape(-1)[::step]
        assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected), time


def test_pulse_on_a_plane_is_a_gaussian_at_first_and_spreads_with_the_speed_of_sound() -> None:
    pulse, distance = plane_pulse(WIDTH, 6.0), np.linspace(0, 1.5, 200)
    np.testing.assert_allclose(pulse(distance, np.zeros(200)), np.exp(-((distance / WIDTH) ** 2)), atol=1e-4)
    front = np.linspace(2.0, 5.9, 3000)
    for travelled in (3.0, 4.0):
        peak = front[np.argmax(pulse(front, np.full(3000, travelled / AIR.speed)))]
        assert peak == pytest.approx(travelled, abs=0.6 * WIDTH)
        assert (
            np.abs(pulse(front, np.full(3000, travelled / AIR.speed))[front > travelled + 4 * WIDTH]).max()
            < 1e-4
        )


def test_images_are_those_of_a_reference_library() -> None:
    pyroomacoustics = pytest.importorskip("pyroomacoustics")
    size, source, order = [3.0, 2.5, 2.2], [0.8, 1.1, 0.9], 3
    room = pyroomacoustics.ShoeBox(size, max_order=order, materials=pyroomacoustics.Material(0.19))
    room.add_source(source)
    room.add_microphone([1.0, 1.0, 1.0])
    room.image_source_model()
    found = image_sources(np.array(source), np.zeros(3), np.array(size), 40.0)
    few = found.reflections.sum(1) <= order
    ours = {
        tuple(np.round(place, 4) + 0.0): int(count.sum())
        for place, count in zip(found.positions[few], found.reflections[few], strict=True)
    }
    theirs = room.sources[0]
    expected = {
        tuple(np.round(place.astype(float), 4) + 0.0): int(each)
        for place, each in zip(theirs.images.T, theirs.orders, strict=True)
    }
    assert ours == expected
    assert len(ours) == 63
    # An energy absorption of 0.19 is a reflection coefficient of 0.9.
    assert float(theirs.damping[0, int(np.argmax(theirs.orders))]) == pytest.approx(0.9**order, rel=1e-5)


def test_all_images_that_are_heard_are_found() -> None:
    source, low, size = np.array([0.3, 1.0]), np.array([-0.5, 0.2]), np.array([1.5, 2.0])
    few, many = image_sources(source, low, size, 6.0), image_sources(source, low, size, 12.0)
    corner = np.clip(many.positions, low, low + size)
    near = np.linalg.norm(many.positions - corner, axis=1) <= 6.0
    assert {tuple(each) for each in few.positions} == {tuple(each) for each in many.positions[near]}
    assert len(few.positions) < len(many.positions)


def test_a_wall_reflects_a_normal_wave_by_its_impedance() -> None:
    """A source 1 m in front of one wall, the others far away: its echo has (Z - rho c) / (Z + rho c)."""
    size = np.array([60.0, 60.0, 60.0])
    source = np.array([1.0, 30.0, 30.0])
    images = image_sources(source, np.zeros(3), size, 8.0)
    time = np.array([(3.0 - WIDTH / np.sqrt(2)) / AIR.speed])
    points, pulse = np.array([[2.0, 30.0, 30.0]]), space_pulse(WIDTH)
    echo = pressure_by_images(images, points, time, pulse, 7400.0)[0]
    free = pulse(np.array([3.0]), time)[0]
    direct = pulse(np.array([1.0]), time)[0]
    assert abs(direct) < 1e-4 * abs(free)
    assert echo / free == pytest.approx((7400 - AIR.impedance) / (7400 + AIR.impedance), rel=1e-4)
