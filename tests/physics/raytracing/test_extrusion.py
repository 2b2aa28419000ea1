"""Footprints become closed solids and exact rasters."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from physics.raytracing.extrusion import extrude, height_raster, open_rings, triangulate

COURT = shapely.box(0, 0, 40, 40).difference(shapely.box(10, 10, 30, 30))
X = Y = np.arange(1.0, 48.0, 4.0)


def flux(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Volume by the divergence theorem along each axis, and what all face normals add up to."""
    corners = vertices[faces.astype(int)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    return np.array([(corners.mean(axis=1)[:, axis] * normals[:, axis]).sum() for axis in range(3)])


def star(count: int, seed: int, hole: bool) -> shapely.Polygon:
    """A star of random rays, around a small triangle if it has a hole."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, count) / count + np.arange(count) * 2 * np.pi / count)
    radius = rng.uniform(5.0, 50.0, count)
    shell = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    return shapely.Polygon(shell, [[(1, 0), (-1, 0.5), (-1, -0.5)]] if hole else [])


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(5, 30),
    seed=st.integers(0, 10_000),
    hole=st.booleans(),
    floor=st.sampled_from([0.0, 3.0]),
)
def test_solid_has_the_volume_of_its_footprint_times_its_height(
    count: int, seed: int, hole: bool, floor: float
) -> None:
    polygon = star(count, seed, hole)
    if not polygon.is_valid:
        return
    vertices, faces = extrude(np.array([polygon]), np.array([12.5]), np.array([floor]))
    np.testing.assert_allclose(flux(vertices, faces), polygon.area * (12.5 - floor), rtol=1e-9)


def test_courtyard_is_open_in_the_mesh_and_walled() -> None:
    vertices, faces = extrude(np.array([COURT]), np.array([10.0]))
    up = vertices[faces.astype(int)]
    roofs = shapely.polygons(up[(up[..., 2] == 10.0).all(axis=1)][..., :2])
    assert shapely.union_all(roofs).equals(COURT)
    assert sum(shapely.area(roofs)) == pytest.approx(1200.0)
    in_the_court = ((up[..., :2] >= 10) & (up[..., :2] <= 30)).all(axis=(1, 2))
    assert in_the_court.sum() == 8  # two triangles for each of its four walls


def test_edge_of_a_roof_is_shared_by_two_triangles_so_that_it_diffracts() -> None:
    _, faces = extrude(np.array([COURT]), np.array([10.0]))
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, times = np.unique(edges, axis=0, return_counts=True)
    assert (times == 1).sum() == 8  # the feet of the walls alone belong to one
    assert times.max() == 2


def test_solid_that_hangs_has_a_floor_and_one_on_the_ground_has_none() -> None:
    both = np.array([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)])
    vertices, faces = extrude(both, np.array([9.0, 9.0]), np.array([0.0, 4.0]))
    corners = vertices[faces.astype(int)]
    level = np.ptp(corners[..., 2], axis=1) == 0
    assert sorted(corners[level][:, 0, 2].tolist()) == [4.0, 4.0, 9.0, 9.0, 9.0, 9.0]


def test_triangles_face_upwards_whatever_the_direction_of_the_rings() -> None:
    clockwise = shapely.Polygon([(0, 0), (0, 10), (10, 10), (10, 0)], [[(2, 2), (4, 2), (4, 4), (2, 4)]])
    corners, starts, first_ring = open_rings(np.array([clockwise, COURT]))
    a, b, c = np.moveaxis(corners[triangulate(corners, starts, first_ring)], 1, 0)
    assert ((b - a)[:, 0] * (c - a)[:, 1] > (b - a)[:, 1] * (c - a)[:, 0]).all()


def test_roof_below_the_floor_is_refused_with_the_number_of_the_solid() -> None:
    with pytest.raises(ValueError, match="solid 1 reaches from 5 m to 5 m; a roof must lie above"):
        extrude(np.array([COURT, COURT]), np.array([9.0, 5.0]), np.array([0.0, 5.0]))


def test_no_footprints_make_an_empty_mesh_and_open_ground() -> None:
    vertices, faces = extrude(np.empty(0, object), np.empty(0))
    assert (len(vertices), len(faces)) == (0, 0)
    assert not height_raster(np.empty(0, object), np.empty(0), X, Y).any()


def test_courtyard_is_zero_in_the_raster() -> None:
    raster = height_raster(np.array([COURT]), np.array([10.0]), X, Y)
    x, y = np.meshgrid(X, Y)
    expected = shapely.contains_xy(COURT, x, y)
    np.testing.assert_array_equal(raster, np.where(expected, 10.0, 0.0))
    assert raster[5, 5] == 0.0


def test_raster_takes_the_highest_footprint_over_the_centre_of_a_cell() -> None:
    both = np.array([shapely.box(0, 0, 20, 20), shapely.box(3.9, 0, 8, 20)])
    raster = height_raster(both, np.array([12.0, 30.5]), X, Y)
    assert raster[0, :5].tolist() == [12.0, 30.5, 12.0, 12.0, 12.0]
    assert height_raster(both[::-1], np.array([30.5, 12.0]), X, Y).tolist() == raster.tolist()


def test_heights_above_255_metres_keep_their_fraction() -> None:
    assert height_raster(np.array([COURT]), np.array([300.25]), X, Y).max() == np.float32(300.25)


def test_rows_of_the_raster_ascend_northwards_and_columns_eastwards() -> None:
    raster = height_raster(np.array([shapely.box(0, 40, 4, 48)]), np.array([7.0]), X, Y)
    assert np.argwhere(raster).tolist() == [[10, 0], [11, 0]]
