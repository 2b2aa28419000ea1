"""Rooms in files: tetrahedra of Gmsh, triangles in JSON; and the cells of air in them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.room import Room, require_cells

SUFFIXES = (".msh", ".json")
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, AssertionError, EOFError, struct.error)
"""What meshio raises at files that it does not expect, beside its own error."""
WELDED = 1e-5
"""Points closer than this share of the model's size are one point."""
ASIDE = (1.234e-5, 0.987e-5)
"""How far rays run beside the centres of cells, in cells, so that they meet no edge."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """The surface of a room, and the tetrahedra in it if its file has them.

    Attributes
    ----------
    points : (points, 3) array
        m.
    triangles : (triangles, 3) int array
        The whole surface: walls, and furniture inside.
    group : (triangles,) int array
        Index in `names` of each triangle.
    names
        Groups of triangles, such as materials.
    tetrahedra : (tetrahedra, 4) int array, optional
        The air.
    """

    points: np.ndarray
    triangles: np.ndarray
    group: np.ndarray
    names: tuple[str, ...]
    tetrahedra: np.ndarray | None = None

    @property
    def area(self) -> np.ndarray:
        """Area of each group, m^2."""
        a, b, c = (self.points[self.triangles[:, corner]] for corner in range(3))
        each = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        return np.bincount(self.group, each, minlength=len(self.names))


def read_mesh(path: Path) -> Mesh:
    """Read a room by the suffix of its file, and refuse one that is open.

    Parameters
    ----------
    path
        ``.msh`` of Gmsh with tetrahedra and, in physical groups, the triangles of their surface; or ``.json``
        with ``mats_hash``: ``pts`` and ``tris`` of each material, as pffdtd exports it.

    Raises
    ------
    ValueError
        If it holds something else, or is open.
    """
    if path.suffix == ".msh":
        mesh = _read_gmsh(path)
    elif path.suffix == ".json":
        mesh = _read_json(path)
    else:
        raise ValueError(f"{path.name}: a mesh in a file of {' or '.join(SUFFIXES)} expected")
    _require_closed(mesh, path.name)
    return mesh


def voxelise(mesh: Mesh, side: float, walls: Mapping[str, Admittance]) -> Room:
    """Return the cells whose centres lie in the air of a mesh.

    A face of the grid has the wall of the nearest triangle. Steps have more area than the surface that they
    stand for, so each wall is scaled by the ratio of both areas.

    Parameters
    ----------
    mesh
        The room.
    side
        Least number of cells along each axis follows from it, m: cells are at most so large.
    walls
        Wall of each group of triangles.

    Raises
    ------
    ValueError
        If a group has no wall, or no cell lies in the room.

    References
    ----------
    B. Hamilton, "PFFDTD", 2021, for the scaling of areas.
    """
    if lacking := [name for name in mesh.names if name not in walls]:
        raise ValueError(
            f"walls: none for '{lacking[0]}'; the mesh has the groups {', '.join(mesh.names)}, each needs one"
        )
    low, high = mesh.points[mesh.triangles].min((0, 1)), mesh.points[mesh.triangles].max((0, 1))
    counts = np.ceil((high - low) / side - 1e-9).astype(int)
    require_cells(counts.tolist())
    spacing = tuple(((high - low) / counts).tolist())
    grid = [low[axis] + spacing[axis] * (np.arange(counts[axis]) + 0.5) for axis in range(3)]
    if mesh.tetrahedra is None:
        air = _inside_triangles(mesh.points[mesh.triangles], grid)
    else:
        air = _inside_tetrahedra(mesh.points[mesh.tetrahedra], grid)
    if not air.any():
        raise ValueError(f"air: no cell of {side:g} m lies in the mesh; take smaller cells")
    faces = _faces(mesh, Room(air, spacing, origin=tuple(low.tolist())))
    given = tuple(walls[name] for name in mesh.names)
    stepped = Room(air, spacing, given, faces, tuple(low.tolist()))
    areas = [stepped.area(number) for number in range(len(given))]
    scaled = tuple(
        wall.scaled(true / seen) if seen > 0 else wall
        for wall, true, seen in zip(given, mesh.area, areas, strict=True)
    )
    return Room(air, spacing, scaled, faces, tuple(low.tolist()))


def _read_gmsh(path: Path) -> Mesh:
    try:
        import meshio
    except ModuleNotFoundError as error:
        message = 'reading meshes needs meshio; run `pip install "sciml-surrogates[acoustics]"`'
        raise ModuleNotFoundError(message, name="meshio") from error
    try:
        found = meshio.gmsh.read(path)
    except (*UNREADABLE, meshio.ReadError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{path.name} is no mesh that meshio can read ({told}); save it by `gmsh -3 -format msh22`, all "
            "surfaces and the volume in physical groups"
        ) from None
    cells = found.cells_dict
    if "tetra" not in cells:
        raise ValueError(f"{path.name}: no tetrahedra found, but {', '.join(cells) or 'nothing'}")
    if "triangle" not in cells:
        raise ValueError(
            f"{path.name}: no triangles found; the surface needs a physical group of each material"
        )
    tags = found.cell_data_dict.get("gmsh:physical", {}).get(
        "triangle", np.zeros(len(cells["triangle"]), int)
    )
    present, group = np.unique(tags, return_inverse=True)
    named = {int(tag): name for name, (tag, dimension) in found.field_data.items() if dimension == 2}
    names = tuple(named.get(int(tag), f"group {tag}") for tag in present)
    return Mesh(found.points, cells["triangle"], group, names, cells["tetra"])


def _read_json(path: Path) -> Mesh:
    try:
        materials = json.loads(path.read_text(encoding="utf-8"))["mats_hash"]
        names = tuple(materials)
        points = [np.array(each["pts"], float).reshape(-1, 3) for each in materials.values()]
        triangles = [np.array(each["tris"], int).reshape(-1, 3) for each in materials.values()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{path.name}: JSON with mats_hash, and pts and tris of each material, expected"
        ) from None
    starts = np.cumsum([0, *(len(each) for each in points)])
    joined, corners = (
        np.concatenate(points),
        np.concatenate([each + start for each, start in zip(triangles, starts[:-1], strict=True)]),
    )
    if not len(corners) or corners.min() < 0 or corners.max() >= len(joined) or not np.isfinite(joined).all():
        raise ValueError(f"{path.name}: triangles of points that it does not have, or no triangle, found")
    group = np.repeat(np.arange(len(names)), [len(each) for each in triangles])
    return Mesh(*_welded(joined, corners), group, names)


def _welded(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join points that are one but for rounding: each material of a file has its own."""
    step = WELDED * np.ptp(points, axis=0).max()
    near = cKDTree(points).query_ball_point(points, step)
    first = np.array([min(each) for each in near])
    return points, first[triangles]


def _require_closed(mesh: Mesh, name: str) -> None:
    """Refuse a surface with an edge that does not join two triangles, or that is not the air's."""
    edges = np.sort(mesh.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    odd = counts % 2 == 1
    if odd.any():
        ends = mesh.points[unique[odd][0]]
        told = " to ".join(f"({', '.join(f'{each:.3g}' for each in end)})" for end in ends)
        raise ValueError(
            f"{name} is open: {int(odd.sum())} edges have triangles on one side only, the first from {told} "
            "m; close the surface, since nothing tells inside from outside"
        )
    if mesh.tetrahedra is None:
        return
    sides = np.sort(mesh.tetrahedra[:, [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]].reshape(-1, 3), axis=1)
    found, counts = np.unique(sides, axis=0, return_counts=True)
    surface = {tuple(each) for each in found[counts == 1].tolist()}
    given = {tuple(sorted(each)) for each in mesh.triangles.tolist()}
    if surface - given:
        raise ValueError(
            f"{name} is open: {len(surface - given)} of the {len(surface)} outer faces of its tetrahedra are "
            "no triangle of the surface; give every face a physical group"
        )


def _inside_tetrahedra(tetrahedra: np.ndarray, grid: Sequence[np.ndarray]) -> np.ndarray:
    """Tell which points of a grid lie in a tetrahedron: its four barycentric coordinates are 0 or more."""
    air = np.zeros(tuple(len(along) for along in grid), bool)
    for corners in tetrahedra:
        low, high = corners.min(0), corners.max(0)
        window = tuple(
            slice(
                np.searchsorted(along, low[axis] - 1e-12), np.searchsorted(along, high[axis] + 1e-12, "right")
            )
            for axis, along in enumerate(grid)
        )
        near = [along[cut] for along, cut in zip(grid, window, strict=True)]
        if not all(len(each) for each in near):
            continue
        points = np.stack(np.meshgrid(*near, indexing="ij"), axis=-1) - corners[0]
        edges = corners[1:] - corners[0]
        if abs(np.linalg.det(edges)) < 1e-30:
            continue
        shares = points @ np.linalg.inv(edges)
        air[window] |= (shares >= -1e-9).all(-1) & (shares.sum(-1) <= 1 + 1e-9)
    return air


def _inside_triangles(triangles: np.ndarray, grid: Sequence[np.ndarray]) -> np.ndarray:
    """Tell which points of a grid lie inside: a ray upwards from there crosses the surface an odd time."""
    x, y, z = grid
    rays = [
        along + share * (along[1] - along[0] if len(along) > 1 else 1.0)
        for along, share in zip((x, y), ASIDE, strict=True)
    ]
    crossings = np.zeros((len(x), len(y), len(z) + 1), int)
    for a, b, c in triangles:
        flat = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if flat == 0:  # upright: a ray runs along it
            continue
        corners = np.array([a, b, c])
        rows = slice(*np.searchsorted(rays[0], (corners[:, 0].min(), corners[:, 0].max())))
        columns = slice(*np.searchsorted(rays[1], (corners[:, 1].min(), corners[:, 1].max())))
        px, py = rays[0][rows, None] - a[0], rays[1][None, columns] - a[1]
        u = (px * (c[1] - a[1]) - py * (c[0] - a[0])) / flat
        v = (py * (b[0] - a[0]) - px * (b[1] - a[1])) / flat
        hit = (u >= 0) & (v >= 0) & (u + v <= 1)
        height = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
        above = np.searchsorted(z, height)  # the first cell above the crossing
        i, j = np.nonzero(hit)
        np.add.at(crossings, (i + rows.start, j + columns.start, above[hit]), 1)
    return np.cumsum(crossings, axis=2)[..., :-1] % 2 == 1


def _faces(mesh: Mesh, room: Room) -> np.ndarray:
    """Return the group of the triangle nearest to each face at which the air ends."""
    points, groups = _samples(mesh, min(room.spacing))
    tree = cKDTree(points)
    faces = np.zeros((6, *room.air.shape), np.int16)
    for axis, side in np.ndindex(3, 2):
        cells = np.argwhere(room.ends(axis, side))
        centres = np.array(room.origin) + (cells + 0.5) * room.spacing
        centres[:, axis] += (side - 0.5) * room.spacing[axis]
        faces[(2 * axis + side, *cells.T)] = groups[tree.query(centres)[1]]
    return faces


def _samples(mesh: Mesh, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points on the triangles, at most a step apart, with the group of each."""
    points, groups = [], []
    for corners, group in zip(mesh.points[mesh.triangles], mesh.group, strict=True):
        longest = max(np.linalg.norm(corners[i] - corners[i - 1]) for i in range(3))
        count = int(np.ceil(longest / step)) + 1
        i, j = np.nonzero(np.add.outer(np.arange(count + 1), np.arange(count + 1)) <= count)
        shares = np.stack([i, j, count - i - j], axis=1) / count
        points.append(shares @ corners)
        groups.append(np.full(len(shares), group))
    return np.concatenate(points), np.concatenate(groups)
