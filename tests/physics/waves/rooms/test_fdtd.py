import array_api_strict
import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion

from physics.waves.rooms.admittance import RIGID, Admittance
from physics.waves.rooms.air import AIR
from physics.waves.rooms.exact import free_pulse, modes, rigid_box
from physics.waves.rooms.fdtd import Clock, fitting_clock, largest_step, simulate
from physics.waves.rooms.pulse import pulse_width, pulses
from physics.waves.rooms.room import Room
from tests.physics.waves.rooms.examples import CIRCUITS, HARD, POROUS, box, clock, l_shape

WALLS = {"hard": HARD, "porous": POROUS, "circuits": CIRCUITS, "rigid": RIGID}


def square(dims: int, cells: int) -> Room:
    return Room(np.ones((cells,) * dims, bool), (2.0 / cells,) * dims)


def error(dims: int, cells: int, duration: float, highest: float = 1000.0, samples: int = 41) -> float:
    """Relative L2 error of a rigid square or cube of 2 m against the cosine series."""
    room = square(dims, cells)
    steps = round(duration / largest_step(room.spacing) / 0.999 / (samples - 1))
    ticks = Clock(0.999 * largest_step(room.spacing), steps, samples)
    initial = pulses(room, [(0.8, 1.1, 1.0)[:dims]], pulse_width(highest))
    exact = rigid_box(initial, room.size, ticks.times)
    return float(np.linalg.norm(simulate(room, initial, ticks) - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize(("cells", "expected"), [(6, 0.100), (10, 0.037), (15, 0.017), (20, 0.009)])
def test_a_rigid_room_of_2_m_has_the_error_of_the_specification_after_20_ms(
    cells: int, expected: float
) -> None:
    found = error(2, int(np.ceil(2000 * cells / AIR.speed)), 0.02)
    assert found == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize(("cells", "expected"), [(6, 0.15), (10, 0.055)])
def test_a_rigid_cube_of_2_m_has_about_half_as_much_error_again(cells: int, expected: float) -> None:
    assert error(3, int(np.ceil(2000 * cells / AIR.speed)), 0.02) == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize(("dims", "cells"), [(2, (120, 240)), (3, (48, 96))])
def test_the_error_is_of_second_order(dims: int, cells: tuple[int, int]) -> None:
    coarse, fine = (error(dims, count, 0.006, highest=800.0, samples=9) for count in cells)
    assert np.log2(coarse / fine) == pytest.approx(2.0, abs=0.1)


def test_cells_of_unequal_sides_are_of_second_order_too() -> None:
    errors = []
    for cells in (96, 192):
        room = Room(np.ones((cells, cells), bool), (2.0 / cells, 1.5 / cells))
        ticks = Clock(0.9 * largest_step(room.spacing), cells // 8, 17)
        initial = pulses(room, [(0.9, 0.8)], pulse_width(1000))
        exact = rigid_box(initial, room.size, ticks.times)
        errors.append(np.linalg.norm(simulate(room, initial, ticks) - exact) / np.linalg.norm(exact))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.1)


def test_before_the_first_reflection_a_pulse_spreads_as_in_free_space() -> None:
    room = square(3, 60)
    width, centre = pulse_width(1000), np.full(3, 1.0)
    ticks = Clock(0.9 * largest_step(room.spacing), 5, 8)
    field = simulate(room, pulses(room, [centre], width), ticks)[0]
    grid = np.meshgrid(*(room.centres(axis) for axis in range(3)), indexing="ij")
    distance = np.sqrt(sum((each - 1.0) ** 2 for each in grid))
    for time, now in zip(ticks.times, field, strict=True):
        untouched = distance < 2.0 - AIR.speed * time - 3 * width
        expected = free_pulse(distance, time, width)
        assert untouched.sum() > 500
        assert np.abs(now - expected)[untouched].max() < 0.004


@pytest.mark.parametrize("dims", [2, 3])
def test_modes_of_a_rigid_box_lie_within_half_a_percent(dims: int) -> None:
    size = (2.0, 1.7, 1.3)[:dims]
    room = Room(np.ones([round(length / 0.1) for length in size], bool), (0.1,) * dims)
    ticks = fitting_clock(room.spacing, 1 / 2000, 4000)
    corner = np.zeros((1, dims), int)
    signal = simulate(room, pulses(room, [(0.05,) * dims], 0.2), ticks, receivers=corner)[0, :, 0]
    spectrum = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)), 1 << 16))
    frequency = np.fft.rfftfreq(1 << 16, 1 / 2000)
    peaks = 1 + np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:]))
    peaks = frequency[peaks[spectrum[peaks] > 1e-2 * spectrum.max()]]
    expected = modes(size, 210.0)
    assert len(expected) >= 4
    for mode in expected:
        assert np.abs(peaks - mode).min() < 0.005 * mode


def energy(room: Room, fields: np.ndarray, step: float) -> np.ndarray:
    """Acoustic energy of consecutive fields (steps, *shape), up to a constant factor, (steps - 1,)."""
    before, after = fields[:-1], fields[1:]
    axes = tuple(range(1, fields.ndim))
    total = (((after - before) / step) ** 2).sum(axes)
    for axis, side in enumerate(room.spacing):
        both = np.diff(room.air.astype(int), axis=axis) == 0
        both &= room.air.take(range(1, room.air.shape[axis]), axis)
        slopes = np.diff(before, axis=1 + axis) * np.diff(after, axis=1 + axis)
        total += (AIR.speed / side) ** 2 * (slopes * both).sum(axes)
    return total


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("wall", ["hard", "porous", "circuits"])
def test_energy_never_grows_in_ten_thousand_steps(wall: str, dims: int) -> None:
    room = l_shape(dims, walls=(WALLS[wall],))
    ticks = clock(room, 10_001)
    initial = pulses(room, [(0.6, 0.5, 0.7)[:dims]], 0.15)
    found = energy(room, simulate(room, initial, ticks)[0], ticks.time_step)
    assert found.max() <= found[0] * (1 + 1e-9)
    assert 0 <= found[-1] < 0.01 * found[0]
    if wall == "hard":  # it remembers nothing, so no energy comes back
        assert np.diff(found).max() <= 1e-12 * found[0]


@pytest.mark.parametrize("dims", [2, 3])
def test_a_rigid_room_keeps_its_energy(dims: int) -> None:
    room = l_shape(dims, walls=(RIGID,))
    ticks = clock(room, 10_001)
    found = energy(
        room, simulate(room, pulses(room, [(0.6, 0.5, 0.7)[:dims]], 0.15), ticks)[0], ticks.time_step
    )
    assert np.abs(found / found[0] - 1).max() < 1e-9


def test_the_energy_of_a_room_with_an_active_wall_grows() -> None:
    room = box(2, walls=(Admittance(-1 / 7400.0),))
    ticks = clock(room, 500)
    found = energy(room, simulate(room, pulses(room, [(0.6, 0.5)], 0.15), ticks)[0], ticks.time_step)
    assert found[-1] > 2 * found[0]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("wall", ["hard", "porous", "circuits"])
def test_source_and_receiver_may_be_swapped(wall: str, dims: int) -> None:
    """The receiver weighs the field as the source does, so that both are alike; neither touches a wall."""
    room = l_shape(dims, cells=24, walls=(WALLS[wall],))
    shapes = pulses(room, [(0.5, 0.4, 0.5)[:dims], (0.4, 1.2, 0.9)[:dims]], 0.2)
    shapes = (shapes * binary_erosion(room.air, iterations=2)).astype(np.float32)
    field = simulate(room, shapes, clock(room, 60, stride=3)).astype(float)
    there = np.tensordot(field[0], shapes[1].astype(float), dims)
    back = np.tensordot(field[1], shapes[0].astype(float), dims)
    assert np.abs(there).max() > 0.1
    assert np.abs(there - back).max() < 1e-5 * np.abs(there).max()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("wall", ["hard", "porous", "circuits"])
def test_a_wall_at_the_end_of_a_duct_absorbs_as_its_admittance_says(wall: str, dims: int) -> None:
    side, cells = AIR.speed / 4000 / 20, 2200
    answers = []
    for end in (WALLS[wall], RIGID):
        faces = np.zeros((2 * dims, cells, *[1] * (dims - 1)), int)
        faces[1] = 1
        room = Room(np.ones(faces.shape[1:], bool), (side,) * dims, (RIGID, end), faces)
        initial = np.exp(-(((room.centres(0) - room.centres(0)[1900]) / 0.03) ** 2))
        ticks = Clock(largest_step(room.spacing), 1, int(3300 * dims**0.5))
        receiver = np.array([[1500] + [0] * (dims - 1)])
        signal = simulate(room, initial.reshape(1, *room.air.shape), ticks, receivers=receiver)[0, :, 0]
        answers.append(signal[ticks.times > 700 * side / AIR.speed])
    frequency = np.fft.rfftfreq(1 << 15, ticks.time_step)
    band = (frequency > 200) & (frequency < 2000)
    spectra = [np.fft.rfft(answer, 1 << 15)[band] for answer in answers]
    absorbed = 1 - np.abs(spectra[0] / spectra[1]) ** 2
    assert np.abs(absorbed - WALLS[wall].absorption(frequency[band])).max() < 0.005


def test_a_wall_that_remembers_acts_where_the_wall_is() -> None:
    """A layer before a rigid wall, on coarse cells: the mass of half a cell would change 0.08 of it."""
    found, frequency = [], np.array([500.0, 1000.0])
    side, cells = AIR.speed / 1000 / 10, 400
    for end in (POROUS, RIGID):
        faces = np.zeros((4, cells, 1), int)
        faces[1] = 1
        room = Room(np.ones((cells, 1), bool), (side, side), (RIGID, end), faces)
        initial = np.exp(-(((room.centres(0) - room.centres(0)[300]) / 0.1) ** 2))[None, :, None]
        ticks = Clock(largest_step(room.spacing), 1, 600)
        signal = simulate(room, initial, ticks, receivers=np.array([[150, 0]]))[0, :, 0]
        late = ticks.times > 200 * side / AIR.speed
        kernel = np.exp(-2j * np.pi * frequency[:, None] * ticks.times[late])
        found.append(kernel @ signal[late])
    absorbed = 1 - np.abs(found[0] / found[1]) ** 2
    assert np.abs(absorbed - POROUS.absorption(frequency)).max() < 0.02


def test_a_mask_of_air_only_equals_a_box() -> None:
    small = box(3, walls=(POROUS,))
    air = np.zeros((14, 13, 10), bool)
    air[: small.air.shape[0], : small.air.shape[1], : small.air.shape[2]] = True
    large = Room(air, small.spacing, (POROUS,))
    source, ticks = [(0.6, 0.5, 0.7)], clock(small, 40)
    inside = simulate(large, pulses(large, source, 0.2), ticks)[..., :12, :10, :8]
    np.testing.assert_array_equal(inside, simulate(small, pulses(small, source, 0.2), ticks))


def test_each_face_has_its_own_wall() -> None:
    """A room turned about equals one whose field is turned about."""
    faces = np.zeros((4, 12, 10), int)
    faces[0], faces[3] = 1, 2
    walls = (RIGID, HARD, POROUS)
    room = Room(np.ones((12, 10), bool), (0.1, 0.1), walls, faces)
    turned = Room(room.air, room.spacing, walls, faces[[1, 0, 3, 2]])
    initial = pulses(room, [(0.3, 0.4)], 0.2)
    ticks = clock(room, 60)
    field = simulate(room, initial, ticks)
    again = simulate(turned, initial, ticks)
    assert np.abs(field - again).max() > 0.01
    exchanged = Room(room.air, room.spacing, walls, faces[[1, 0, 2, 3]][:, ::-1])
    mirrored = simulate(exchanged, initial[:, ::-1], ticks)[:, :, ::-1]
    np.testing.assert_allclose(mirrored, field, atol=1e-12)


def test_sources_together_equal_sources_alone() -> None:
    room = l_shape(3, walls=(CIRCUITS,))
    initial = pulses(room, [(0.5, 0.4, 0.5), (0.4, 1.0, 0.9), (0.9, 0.3, 0.2)], 0.2).astype(np.float32)
    together = simulate(room, initial, clock(room, 30), at_once=1 << 20)
    alone = [simulate(room, each[None], clock(room, 30)) for each in initial]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    np.testing.assert_array_equal(together, simulate(room, initial, clock(room, 30), at_once=1))


def test_receivers_are_cells_of_the_field() -> None:
    room = box(2, walls=(POROUS,))
    initial, ticks = pulses(room, [(0.6, 0.5), (1.0, 0.7)], 0.2), clock(room, 20, stride=3)
    cells = np.array([[3, 4], [11, 0], [0, 9]])
    expected = simulate(room, initial, ticks)[:, :, cells[:, 0], cells[:, 1]]
    np.testing.assert_array_equal(simulate(room, initial, ticks, receivers=cells), expected)


@pytest.mark.parametrize("dims", [2, 3])
def test_array_libraries_agree(dims: int) -> None:
    faces = np.zeros((2 * dims, *box(dims).air.shape), int)
    faces[1], faces[2] = 1, 2
    room = Room(box(dims).air, box(dims).spacing, (HARD, POROUS, CIRCUITS), faces)
    initial, ticks = pulses(room, [(0.6, 0.5, 0.7)[:dims]] * 2, 0.2), clock(room, 30)
    expected = simulate(room, initial, ticks)
    strict = simulate(room, array_api_strict.asarray(initial), ticks)
    np.testing.assert_allclose(np.asarray(strict), expected, atol=1e-12)
    tensor = simulate(room, torch.from_numpy(initial), ticks)
    np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-12)
    single = simulate(room, initial.astype(np.float32), ticks)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=2e-6)


def test_a_time_step_above_the_courant_limit_is_refused_in_one_line() -> None:
    room = box(2)
    with pytest.raises(
        ValueError, match=r"time_step: .*Courant number 1\.01 .*at most .* s expected"
    ) as caught:
        simulate(room, pulses(room, [(0.5, 0.5)], 0.2), clock(room, 3, courant=1.01))
    assert "\n" not in str(caught.value)


def test_at_the_courant_limit_a_room_is_stable_and_just_above_it_is_not() -> None:
    room = box(2, walls=(RIGID,))
    initial = np.random.default_rng(0).normal(size=(1, *room.air.shape))
    at_limit = simulate(room, initial, clock(room, 3000, courant=1.0))
    assert np.abs(at_limit).max() < 1e5  # the fastest wave may grow with time, but not exponentially
    assert Clock(1.0, 2, 3).times.tolist() == [0.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial": np.zeros((1, 3, 3))}, r"initial: shape \(1, 3, 3\) found, \(sources, 12, 10\) expected"),
        ({"clock": Clock(1e-5, 0, 3)}, "a stride and samples of at least 1"),
        ({"receivers": np.array([[12, 0]])}, "inside the grid"),
        ({"receivers": np.array([1, 2])}, "inside the grid"),
    ],
)
def test_bad_input_is_refused(change: dict, message: str) -> None:
    room = box(2)
    given = {"initial": np.zeros((1, 12, 10)), "clock": clock(room, 3)} | change
    with pytest.raises(ValueError, match=message):
        simulate(room, **given)
