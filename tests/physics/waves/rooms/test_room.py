import numpy as np
import pytest

from physics.waves.rooms.admittance import RIGID
from physics.waves.rooms.pulse import pulse_width, pulses
from physics.waves.rooms.room import Room
from tests.physics.waves.rooms.examples import HARD, l_shape


def test_a_box_has_the_area_of_its_sides() -> None:
    room = Room(np.ones((4, 5, 6), bool), (0.5, 0.4, 0.25))
    assert room.size == pytest.approx((2.0, 2.0, 1.5))
    assert room.area(0) == pytest.approx(2 * (4 + 3 + 3))


def test_walls_of_a_corner_face_inwards() -> None:
    room = l_shape(2, cells=12)
    assert room.area(0) * 12 / 2.0 == pytest.approx(2 * (12 + 10))
    assert room.ends(0, 1)[5, 9] and not room.ends(0, 1)[5, 0] and room.ends(0, 1)[11, 0]


def test_faces_say_whose_area_it_is() -> None:
    faces = np.zeros((4, 4, 5), int)
    faces[3, 2:, 4] = 1
    room = Room(np.ones((4, 5), bool), (0.5, 0.4), (RIGID, HARD), faces)
    assert room.area(1) == pytest.approx(1.0)
    assert room.area(0) == pytest.approx(7.0)


def test_cells_hold_positions_up_to_the_walls() -> None:
    room = Room(np.ones((4, 5), bool), (0.5, 0.4), origin=(-1.0, 0.0))
    assert room.cell_of((-1.0, 0.0)) == (0, 0)
    assert room.cell_of((1.0, 2.0)) == (3, 4)
    assert room.centres(0).tolist() == [-0.75, -0.25, 0.25, 0.75]


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ((1.5, 1.5), r"source \(1\.5, 1\.5\) m lies in a wall or in furniture; move it"),
        ((2.1, 0.1), r"source \(2\.1, 0\.1\) m lies outside the room, 0 to 2 x 0 to 1\.66667 m; move it"),
        ((0.1,), "2 coordinates expected"),
        ((float("nan"), 0.1), "lies outside"),
    ],
)
def test_sources_stand_in_the_air(position: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pulses(l_shape(2), [position], 0.2)


def test_a_pulse_is_1_pa_at_its_centre_and_a_part_of_e_at_its_width() -> None:
    room = Room(np.ones((11, 9), bool), (0.1, 0.1))
    found = pulses(room, [(0.55, 0.45)], 0.3)[0]
    assert found[5, 4] == pytest.approx(1.0)
    assert found[8, 4] == pytest.approx(np.exp(-1))
    assert pulse_width(1000.0) == pytest.approx(0.218, abs=5e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"air": np.ones((3, 3))}, "bool of 2 or 3 axes"),
        ({"air": np.zeros((3, 3), bool)}, "no cell of air"),
        ({"spacing": (0.1, 0.1, 0.1)}, "2 positive lengths"),
        ({"spacing": (0.1, -0.1)}, "2 positive lengths"),
        ({"origin": (1.0,)}, "2 coordinates"),
        ({"faces": np.zeros((2, 3, 3), int)}, r"\(4, 3, 3\) expected"),
        ({"faces": np.ones((4, 3, 3), int)}, "walls 1 to 1 found, 0 to 0 expected"),
    ],
)
def test_rooms_that_do_not_fit_together_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Room(**({"air": np.ones((3, 3), bool), "spacing": (0.1, 0.1)} | given))
