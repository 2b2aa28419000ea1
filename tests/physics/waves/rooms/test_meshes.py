import json
from pathlib import Path

import meshio
import numpy as np
import pytest
from scipy.spatial import ConvexHull, Delaunay

from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.fdtd import fitting_clock, simulate
from physics.waves.rooms.meshes import read_mesh, voxelise
from physics.waves.rooms.pulse import pulse_width, pulses
from tests.physics.waves.rooms.examples import HARD, POROUS, SHARED, published

SIDES = np.array(
    [
        [0, 1, 3],
        [0, 3, 2],
        [4, 7, 5],
        [4, 6, 7],
        [0, 5, 1],
        [0, 4, 5],
        [2, 3, 7],
        [2, 7, 6],
        [0, 2, 6],
        [0, 6, 4],
        [1, 5, 7],
        [1, 7, 3],
    ]
)
TETRAHEDRA = np.array([[0, 1, 3, 7], [0, 3, 2, 7], [0, 2, 6, 7], [0, 6, 4, 7], [0, 4, 5, 7], [0, 5, 1, 7]])


def corners(low: tuple[float, ...], high: tuple[float, ...]) -> np.ndarray:
    """Corners of a box: number z + 2 y + 4 x."""
    return np.array(
        [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    )


def gmsh(path: Path, triangles: np.ndarray = SIDES) -> Path:
    """A box of 2 x 1.5 x 1 m whose sides of lowest and highest x are `doors`, in Gmsh's format."""
    points = corners((0, 0, 0), (2, 1.5, 1))
    doors = np.array([len(set((each // 4).tolist())) == 1 for each in triangles])
    tags = [np.where(doors, 7, 3).astype(int), np.full(len(TETRAHEDRA), 9)]
    meshio.gmsh.write(
        path,
        meshio.Mesh(
            points,
            [("triangle", triangles), ("tetra", TETRAHEDRA)],
            cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
            field_data={"doors": np.array([7, 2]), "plaster": np.array([3, 2])},
        ),
        fmt_version="2.2",
        binary=False,
    )
    return path


def exported(path: Path, materials: dict[str, tuple[np.ndarray, np.ndarray]]) -> Path:
    hashed = {
        name: {"pts": points.tolist(), "tris": tris.tolist()} for name, (points, tris) in materials.items()
    }
    path.write_text(json.dumps({"mats_hash": hashed}), encoding="utf-8")
    return path


def ball(radius: float, count: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Points spread over a sphere, and the triangles between them."""
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    height = 1 - (2 * np.arange(count) + 1) / count
    flat = np.sqrt(1 - height**2)
    points = radius * np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
    return points, ConvexHull(points).simplices


def test_cells_of_a_box_of_tetrahedra(tmp_path: Path) -> None:
    mesh = read_mesh(gmsh(tmp_path / "box.msh"))
    assert dict(zip(mesh.names, mesh.area.tolist(), strict=True)) == pytest.approx(
        {"doors": 3.0, "plaster": 10.0}
    )
    room = voxelise(mesh, 0.1, {"doors": HARD, "plaster": POROUS})
    assert room.air.shape == (20, 15, 10) and room.air.all()
    assert [room.area(wall) for wall in (0, 1)] == pytest.approx([mesh.area[0], mesh.area[1]])
    assert room.walls[mesh.names.index("doors")].direct == pytest.approx(HARD.direct)


def test_tetrahedra_and_triangles_give_the_same_cells(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(60, 3))
    cells = Delaunay(points)
    triangles = cells.convex_hull
    path = tmp_path / "hull.msh"
    meshio.gmsh.write(
        path,
        meshio.Mesh(points, [("triangle", triangles), ("tetra", cells.simplices)]),
        fmt_version="2.2",
        binary=False,
    )
    one = voxelise(read_mesh(path), 0.1, {"group 0": HARD})
    other = voxelise(
        read_mesh(exported(tmp_path / "hull.json", {"all": (points, triangles)})), 0.1, {"all": HARD}
    )
    assert one.air.sum() > 3000
    np.testing.assert_array_equal(one.air, other.air)


def test_a_ball_has_its_volume_and_walls_of_its_area(tmp_path: Path) -> None:
    mesh = read_mesh(exported(tmp_path / "ball.json", {"shell": ball(1.0)}))
    room = voxelise(mesh, 0.05, {"shell": HARD})
    assert room.air.sum() * np.prod(room.spacing) == pytest.approx(4 / 3 * np.pi, rel=0.01)
    assert room.area(0) == pytest.approx(1.5 * 4 * np.pi, rel=0.02)  # steps have half as much area again
    assert room.area(0) * room.walls[0].direct == pytest.approx(4 * np.pi * HARD.direct, rel=0.01)


def test_furniture_is_solid_and_has_its_own_wall(tmp_path: Path) -> None:
    room_, table = corners((0, 0, 0), (2, 1, 1)), corners((0.5, 0.3, 0.4), (1.0, 0.6, 0.6))
    path = exported(tmp_path / "room.json", {"plaster": (room_, SIDES), "wood": (table, SIDES[:, ::-1])})
    room = voxelise(read_mesh(path), 0.1, {"plaster": HARD, "wood": POROUS})
    assert (~room.air).sum() == 5 * 3 * 2
    assert room.area(1) == pytest.approx(2 * (0.15 + 0.1 + 0.06))


def test_points_of_different_materials_are_welded(tmp_path: Path) -> None:
    points = corners((0, 0, 0), (1, 1, 1))
    halves = {"a": (points, SIDES[:5]), "b": (points + 1e-7, SIDES[5:])}
    assert read_mesh(exported(tmp_path / "room.json", halves)).names == ("a", "b")


def test_open_meshes_are_refused_in_one_line(tmp_path: Path) -> None:
    hole = exported(tmp_path / "hole.json", {"a": (corners((0, 0, 0), (1, 1, 1)), SIDES[1:])})
    for path in (hole, gmsh(tmp_path / "hole.msh", SIDES[1:])):
        with pytest.raises(ValueError, match=rf"{path.name} is open: 3 edges .* close the surface") as caught:
            read_mesh(path)
        assert "\n" not in str(caught.value)


def test_a_surface_that_is_not_that_of_the_tetrahedra_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.msh"
    inner = np.array([[0, 1, 3], [0, 1, 7], [0, 3, 7], [1, 3, 7]])
    points = corners((0, 0, 0), (1, 1, 1))
    meshio.gmsh.write(
        path,
        meshio.Mesh(points, [("triangle", inner), ("tetra", TETRAHEDRA)]),
        fmt_version="2.2",
        binary=False,
    )
    with pytest.raises(ValueError, match=r"open: 10 of the 12 outer faces .* physical group"):
        read_mesh(path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{}", "JSON with mats_hash"),
        ("a.json", '{"mats_hash": {"a": {"pts": [], "tris": [[0, 1, 2]]}}}', "points that it does not have"),
        ("a.msh", "no mesh", "no mesh that meshio can read .* -format msh22"),
        ("a.msh", "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$ParametricNodes\n1\n", "no tetrahedra found"),
        ("a.msh", "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n$Nodes\n1 1 1\n$EndNodes\n", "no mesh that"),
        ("a.msh", "$MeshFormat\n4.1 1 8\n", "no mesh that meshio can read"),
        ("a.msh", "", "no mesh that meshio can read"),
        ("a.stl", "", r"\.msh or \.json expected"),
    ],
)
def test_other_files_are_refused(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        read_mesh(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_every_group_needs_a_wall(tmp_path: Path) -> None:
    mesh = read_mesh(gmsh(tmp_path / "box.msh"))
    with pytest.raises(ValueError, match="none for 'doors'; the mesh has the groups plaster, doors"):
        voxelise(mesh, 0.1, {"plaster": HARD})


@published
def test_the_published_church_is_closed_and_its_sources_stand_in_the_air() -> None:
    path = SHARED / "ctk_church_model.json"
    mesh = read_mesh(path)
    room = voxelise(mesh, 0.15, dict.fromkeys(mesh.names, HARD))
    assert room.air.sum() * np.prod(room.spacing) == pytest.approx(1550.6, rel=0.01)
    told = json.loads(path.read_text(encoding="utf-8"))
    for each in (*told["sources"], *told["receivers"]):
        room.cell_of(each["xyz"])


@published
@pytest.mark.slow
def test_the_published_bedroom_at_500_hz_decays_as_its_walls_absorb() -> None:
    """Sabine's formula holds for weak absorption that is spread evenly: 55.3 V / (c A) for 60 dB."""
    mesh = read_mesh(SHARED / "bedroom_1000hz.msh")
    absorption = 0.1
    wall = Admittance.of_absorption(absorption)
    room = voxelise(mesh, 343 / 500 / 10, dict.fromkeys(mesh.names, wall))
    receivers = np.array([room.cell_of(each) for each in ((0.5, 1.7, 0.5), (1.0, 1.7, 1.0))])
    ticks = fitting_clock(room.spacing, 1 / 2000, 1001)
    initial = pulses(room, [(2.7, 1.1, 1.4)], pulse_width(500)).astype(np.float32)
    signals = simulate(room, initial, ticks, receivers=receivers)[0].astype(float)
    changes = np.diff(signals, axis=0)  # without what is constant, which no wall absorbs at once
    left = 10 * np.log10((changes**2).sum(1)[::-1].cumsum()[::-1])
    fit = np.polyfit(ticks.times[100:500], left[100:500], 1)[0]
    incidence = random_incidence(wall.direct * 343 * 1.2)
    expected = -60 * 343 * incidence * 61.8 / (55.3 * 32.4)
    assert fit == pytest.approx(expected, rel=0.25)


def random_incidence(admittance: float) -> float:
    """Absorption of a real wall on average over all directions of a diffuse field."""
    angle = (np.arange(2000) + 0.5) / 2000 * np.pi / 2
    reflected = (np.cos(angle) - admittance) / (np.cos(angle) + admittance)
    return float(np.sum((1 - reflected**2) * np.sin(2 * angle)) * np.pi / 2 / 2000)
