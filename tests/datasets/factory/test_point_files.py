"""Tables and meshes of one record each, with points of varying number."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from datasets.factory import point_files
from datasets.factory.errors import BuildError
from datasets.factory.importing import import_generic
from datasets.factory.pictures import picture
from datasets.factory.tables import Table
from datasets.factory.verify import verify
from datasets.store.layout import Store

COUNTS = (7, 5, 9, 6)
VARIABLES: dict[str, Any] = {
    "x": {"units": "m", "long_name": "chordwise"},
    "y": {"units": "m", "long_name": "upwards"},
    "pressure": {"source": "cp", "units": "1", "long_name": "pressure coefficient"},
}
MAPPING: dict[str, Any] = {
    "title": "Wings",
    "varying": "point",
    "variables": VARIABLES,
    "splits": {"split": {"validation": 0.25, "test": 0.25}},
}
ANGLE = {"angle": {"source": "aoa", "units": "degree", "long_name": "angle of attack", "dims": []}}


def columns(number: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(number)
    x, y = rng.uniform(0, 1, (2, COUNTS[number]))
    return {"x": x, "y": y, "cp": x - y, "aoa": np.full(COUNTS[number], 2.0 * number)}


def write(folder: Path, kind: str) -> None:
    """Write four files of a kind."""
    for number in range(len(COUNTS)):
        found, path = columns(number), folder / f"{number}.{kind}"
        if kind == "csv":
            rows = zip(found["x"] * 1000, found["y"], found["cp"], found["aoa"], strict=True)
            lines = [f"{a:.9f},{b:.9f},{c:.9f},{d},wing" for a, b, c, d in rows]
            path.write_text("\n".join(["x (mm),y [m],cp,aoa,part", *lines]) + "\n")
        elif kind == "parquet":
            arrow = pytest.importorskip("pyarrow")
            table = {**found, "part": ["wing"] * COUNTS[number]}
            pytest.importorskip("pyarrow.parquet").write_table(arrow.table(table), path)
        elif kind == "nc":
            variables = {name: ("node", found[name]) for name in ("x", "y", "cp")}
            xr.Dataset({**variables, "aoa": ((), found["aoa"][0])}).to_netcdf(path, engine="netcdf4")
        else:
            mesh(path, found)


def mesh(path: Path, found: dict[str, np.ndarray]) -> None:
    """Write a fan of triangles around the first point, and one quadrilateral."""
    meshio = pytest.importorskip("meshio")
    count = len(found["x"])
    fan = [[0, n, n + 1] for n in range(1, count - 1)]
    places = np.stack([found["x"], found["y"], np.zeros(count)], axis=1)
    velocity = np.stack([found["x"], found["y"], found["cp"]], axis=1)
    cells = [("triangle", np.array(fan)), ("quad", np.array([[0, 1, 2, 3]]))]
    meshio.Mesh(places, cells, point_data={"cp": found["cp"], "v": velocity}).write(path)


def imported(folder: Path, kind: str, **changes: Any) -> Store:
    url = str(folder / f"{kind}.zarr")
    mapping = MAPPING | {"files": str(folder / f"*.{kind}")} | changes
    return import_generic(mapping, url, workers=0, progress=False)


@pytest.mark.parametrize("kind", ["csv", "parquet", "vtk", "vtu", "nc"])
def test_each_file_is_a_record_of_as_many_points_as_it_has(kind: str, tmp_path: Path) -> None:
    write(tmp_path, kind)
    mesh = kind in ("vtk", "vtu")
    store = imported(
        tmp_path,
        kind,
        variables=VARIABLES if mesh else {**VARIABLES, **ANGLE},
        varying="node" if kind == "nc" else "point",
    )
    data = store.dataset().load()
    assert data.length.values.tolist() == list(COUNTS)
    assert store.specs["length"].attributes["padded_dimension"] == data.x.dims[1]
    for number, count in enumerate(COUNTS):
        for name, source in (("x", "x"), ("y", "y"), ("pressure", "cp")):
            values = data[name].values[number]
            np.testing.assert_allclose(values[:count], columns(number)[source], atol=1e-6)
            assert np.isnan(values[count:]).all()
    if not mesh:
        assert data.angle.values.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert store.specs["pressure"].missing
    whole = np.concatenate([columns(number)["cp"] for number in range(len(COUNTS))])
    moments = store.statistics("pressure")
    assert moments.count == sum(COUNTS)
    assert moments.mean == pytest.approx(whole.mean(), abs=1e-6)
    assert moments.std == pytest.approx(whole.std(), abs=1e-6)
    assert not verify(store.url).problems


def test_a_table_is_parsed_once_in_each_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, parse = list[str](), point_files.read_table

    def counted(name: str, text: str) -> Table:
        parsed.append(Path(name).name)
        return parse(name, text)

    monkeypatch.setattr(point_files, "read_table", counted)
    write(tmp_path, "csv")
    imported(tmp_path, "csv")
    assert sorted(parsed) == ["0.csv", "1.csv", "2.csv", "3.csv"]
    path = tmp_path / "0.csv"
    path.write_text(path.read_text().replace("cp", "drag"))
    with pytest.raises(BuildError, match="'cp'"):
        import_generic(
            {**MAPPING, "files": f"{tmp_path}/*.csv"}, f"{tmp_path}/b.zarr", workers=0, progress=False
        )


def test_triangles_and_components_of_a_mesh_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "vtk")
    more = {
        "triangles": {"units": "1", "long_name": "vertices of each triangle"},
        "velocity": {"source": "v", "units": "m s-1", "dims": ["point", "component"], "long_name": "speed"},
    }
    store = imported(tmp_path, "vtk", varying=["point", "triangle"], variables={**VARIABLES, **more})
    data = store.dataset().load()
    assert data.triangles.dims == ("sample", "triangle", "corner")
    for number, count in enumerate(COUNTS):
        found = data.triangles.values[number]
        own = found[(found >= 0).all(1)]
        fan = [[0, n, n + 1] for n in range(1, count - 1)]
        assert own.tolist() == [*fan, [0, 1, 2], [0, 2, 3]]
        assert (found[len(own) :] == -1).all()
        np.testing.assert_allclose(data.velocity.values[number, :count, 2], columns(number)["cp"], atol=1e-6)
    surface, *_ = picture(store, 1).axes
    (drawn,) = surface.collections
    assert type(drawn).__name__ == "TriMesh"
    assert sorted(drawn.get_array().tolist()) == pytest.approx(sorted(columns(1)["cp"]), abs=1e-6)


def test_a_picture_of_a_table_has_a_dot_for_each_real_point(tmp_path: Path) -> None:
    write(tmp_path, "csv")
    store = imported(tmp_path, "csv")
    (axes, *_) = picture(store, 1).axes
    (dots,) = axes.collections
    places = np.stack([columns(1)["x"], columns(1)["y"]], axis=1)
    np.testing.assert_allclose(dots.get_offsets(), places, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        ("x,y,cp\n0,1,2\n", {"varying": []}, r"is a text file.*say `varying: point` in the mapping"),
        ("x,y\n0,1\n", {}, r"no variable 'cp' \(for 'pressure'\)"),
        ("x,y,cp\n0,1,2\n0,1,oops\n", {}, r"a\.csv, line 3: cp is 'oops'"),
        ("x,y,cp\n0,1,\n", {}, r"'pressure': NaN at record 0 of the file"),
        (
            "x,y,cp,aoa\n0,1,2,3\n0,1,2,4\n",
            {"variables": {**VARIABLES, **ANGLE}},
            r"'aoa' is to be one number",
        ),
        ("x,y,cp\n0,1,2\n", {"variables": {**VARIABLES, "length": {"units": "1"}}}, "'length' says how many"),
        ("x,y,cp\n0,1,2\n", {"varying": "points", "variables": {**VARIABLES}}, ""),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_line(
    content: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(content)
    if not message:
        assert imported(tmp_path, "csv", **changes, splits={}).specs["x"].dims == ("sample", "points")
        return
    with pytest.raises((BuildError, ValueError), match=message) as caught:
        imported(tmp_path, "csv", **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"), [("a.vtk", b"no mesh"), ("a.parquet", b"PAR1 cut"), ("a.msh", b"")]
)
def test_a_damaged_file_is_named_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("meshio")
    pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BuildError, match=name) as caught:
        imported(tmp_path, name.rpartition(".")[2])
    assert "\n" not in str(caught.value)
