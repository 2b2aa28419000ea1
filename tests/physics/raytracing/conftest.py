"""Small scenes: an empty plain and one box on it."""

from __future__ import annotations

import pytest

from physics.backend import sionna, use_one_thread
from physics.raytracing.scenes import Scene


@pytest.fixture(scope="session")
def box_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Flat concrete ground of 400 m with a box of 22 m x 40 m and 15 m height at the origin."""
    use_one_thread()
    folder = tmp_path_factory.mktemp("scene")
    write_sheet(folder / "ground.ply", 200.0)
    write_box(folder / "box.ply", 22.0, 40.0, 15.0)
    shapes = "".join(
        f'<shape type="ply" id="mesh-{name}"><string name="filename" value="{name}.ply"/>'
        '<boolean name="face_normals" value="true"/><ref id="concrete" name="bsdf"/></shape>'
        for name in ("ground", "box")
    )
    material = (
        '<bsdf type="itu-radio-material" id="concrete"><string name="type" value="concrete"/>'
        '<float name="thickness" value="0.3"/></bsdf>'
    )
    (folder / "scene.xml").write_text(f'<scene version="2.1.0">{material}{shapes}</scene>')
    rt = sionna()
    return Scene(rt.load_scene(str(folder / "scene.xml"), merge_shapes=False), ("ground",))


def write_sheet(path, half: float) -> None:
    corners = [(-half, -half, 0.0), (half, -half, 0.0), (half, half, 0.0), (-half, half, 0.0)]
    write_ply(path, corners, [(0, 1, 2), (0, 2, 3)])


def write_box(path, width: float, length: float, height: float) -> None:
    x, y = width / 2, length / 2
    ring = [(-x, -y), (x, -y), (x, y), (-x, y)]
    corners = [(a, b, z) for z in (0.0, height) for a, b in ring]
    walls = [(i, (i + 1) % 4, (i + 1) % 4 + 4) for i in range(4)] + [
        (i, (i + 1) % 4 + 4, i + 4) for i in range(4)
    ]
    write_ply(path, corners, [*walls, (4, 5, 6), (4, 6, 7), (0, 2, 1), (0, 3, 2)])


def write_ply(path, corners, faces) -> None:
    header = (
        f"ply\nformat ascii 1.0\nelement vertex {len(corners)}\nproperty float x\nproperty float y\n"
        f"property float z\nelement face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = [" ".join(map(str, corner)) for corner in corners]
    rows += [f"3 {a} {b} {c}" for a, b, c in faces]
    path.write_text(header + "\n".join(rows) + "\n")
