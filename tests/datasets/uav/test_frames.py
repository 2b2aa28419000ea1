"""North, east, down become east, north, up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datasets.uav.frames import enu_from_ned, enu_from_ned_attitude, multiplied, standard_vectors, turned

RNG = np.random.default_rng(3)


def rotation(quaternions: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.asarray(quaternions)[..., [1, 2, 3, 0]])


def test_north_east_down_become_east_north_up() -> None:
    np.testing.assert_array_equal(enu_from_ned(np.array([1.0, 2.0, 3.0])), [2.0, 1.0, -3.0])
    np.testing.assert_array_equal(standard_vectors(np.array([1.0, 2.0, 3.0]), "frd"), [1.0, -2.0, -3.0])


@pytest.mark.parametrize(
    ("heading", "forward"),
    [(0, [0, 1, 0]), (90, [1, 0, 0]), (180, [0, -1, 0]), (-45, [-(0.5**0.5), 0.5**0.5, 0])],
)
def test_level_vehicle_faces_its_heading(heading: float, forward: list[float]) -> None:
    yaw = np.radians(heading) / 2
    attitude = enu_from_ned_attitude(np.array([np.cos(yaw), 0.0, 0.0, np.sin(yaw)]))
    np.testing.assert_allclose(rotation(attitude).apply([1, 0, 0]), forward, atol=1e-12)
    np.testing.assert_allclose(rotation(attitude).apply([0, 0, 1]), [0, 0, 1], atol=1e-12)


def test_every_attitude_turns_the_same_body_vector_to_the_same_place() -> None:
    ned = RNG.normal(size=(20, 4))
    ned /= np.linalg.norm(ned, axis=1, keepdims=True)
    frd = RNG.normal(size=(20, 3))
    expected = enu_from_ned(rotation(ned).apply(frd))
    found = rotation(enu_from_ned_attitude(ned)).apply(standard_vectors(frd, "frd"))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_products_and_turns_agree_with_scipy() -> None:
    a, b = RNG.normal(size=(2, 20, 4))
    a, b = a / np.linalg.norm(a, axis=1, keepdims=True), b / np.linalg.norm(b, axis=1, keepdims=True)
    vectors = RNG.normal(size=(20, 3))
    np.testing.assert_allclose(
        rotation(multiplied(a, b)).as_matrix(), (rotation(a) * rotation(b)).as_matrix(), atol=1e-12
    )
    np.testing.assert_allclose(turned(a, vectors), rotation(a).apply(vectors), atol=1e-12)
