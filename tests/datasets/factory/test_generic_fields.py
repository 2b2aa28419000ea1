"""Everything that an imported file states is read, kept or refused, as the card says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr

from datasets.factory.errors import BuildError
from datasets.factory.importing import GenericImport, recipe_of
from datasets.factory.opening import close_files
from tests.datasets.cards import fields

N = 6
X = np.arange(3.0 * N).reshape(N, 3)
METRES = {"units": "m"}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    yield
    close_files()


def recipe(files: Any, record: str = "sample", **variable: Any) -> GenericImport:
    """Return the import of a variable `v`, by default in metres."""
    made = recipe_of(
        {
            "title": "Made",
            "files": files,
            "record_dimension": record,
            "variables": {"v": {"units": "m", **variable}},
        }
    )
    made.prepare()
    return made


def values(made: GenericImport) -> np.ndarray:
    return made.simulate(np.arange(made.records()), [])["v"]


def spec(made: GenericImport) -> Any:
    return made.specs()[0]


def write(v: Any, attrs: dict[str, Any] = METRES, name: str = "a.nc", dims: Any = None, **coords: Any) -> str:
    """Write a NetCDF file as it is stored: nothing of its attributes is applied."""
    close_files()
    Path(name).unlink(missing_ok=True)
    array = np.asarray(v)
    variable = xr.Variable(dims or ("sample", "x")[: array.ndim], array, attrs)
    xr.Dataset({"v": variable}, coords).to_netcdf(name, engine="netcdf4")
    return name


def refused(match: str, *arguments: Any, **keys: Any) -> None:
    with pytest.raises(BuildError, match=match) as caught:
        values(recipe(*arguments, **keys))
    assert "\n" not in str(caught.value)


def units() -> None:
    files = [write(X, {"units": "km"}), write(X, {"units": "cm"}, "b.nc")]
    np.testing.assert_allclose(values(recipe(files)), np.concatenate([X * 1000, X / 100]), rtol=1e-6)
    refused(r"b\.nc: 'v' has no units, in .*a\.nc the units 'km'", ["a.nc", write(X, {}, "b.nc")])
    whole = recipe(write(np.array([1, 2], "i2"), {"units": "cm"}))
    assert spec(whole).dtype == "float32"
    np.testing.assert_allclose(values(whole), [0.01, 0.02])
    refused(r"a\.nc: 'v': units '\(0 - 1\)' are not UDUNITS", write(X, {"units": "(0 - 1)"}))
    refused("'degrees C' cannot be converted to 'm'; correct its", write(X, {"units": "degrees C"}))


def units_metadata() -> None:
    about = {"units": "degC", "units_metadata": "temperature: difference"}
    np.testing.assert_allclose(values(recipe(write(X, about), units="K")), X)
    np.testing.assert_allclose(values(recipe(write(X, {"units": "degC"}), units="K")), X + 273.15)


def clock(calendar: str, first: float = 0.0, units: str = "days since 1999-01-01") -> xr.Variable:
    return xr.Variable("sample", first + np.arange(N), {"units": units, "calendar": calendar})


def calendar() -> None:
    made = recipe([write(X, sample=clock("noleap")), write(X, name="b.nc", sample=clock("365_day", N))])
    attributes = made.shared().sample.attrs
    assert (attributes["units"], attributes["calendar"]) == ("days since 1999-01-01", "noleap")
    assert xr.decode_cf(made.shared()).sample.values[-1].isoformat() == "1999-01-12T00:00:00"
    assert made.shared().sample.size == 2 * N
    days = write(59 + np.arange(3), {"units": "days since 2000-01-01", "calendar": "noleap"})
    found = recipe(days, units="days since 2000-02-01")
    assert values(found).tolist() == [28, 29, 30]
    assert spec(found).dtype == "float64" and spec(found).attributes["calendar"] == "noleap"
    other = write(X, name="b.nc", sample=clock("standard", N))
    refused(
        "'sample' has the calendar 'standard', expected 'noleap'", [write(X, sample=clock("noleap")), other]
    )
    months = write(X, sample=clock("standard", units="months since 1999-01-01"))
    refused("'sample': units 'months since 1999-01-01' .* make no dates", months)
    written = write(X, sample=("sample", 20000101 + np.arange(N), {"units": "day as %Y%m%d.%f"}))
    refused("'day as %Y%m%d.%f' are a pattern of dates, .* pandas.to_datetime", written)


def missing_values() -> None:
    for about in ({"_FillValue": np.float32(-1)}, {"missing_value": -1.0}, {"missing_value": [-1.0, -7.0]}):
        file = write(np.array([5, -1, 7], "f4"), METRES | about)
        refused(r"a\.nc: 'v': NaN at record 1 of the file \(1 in all\).*`missing: true`", file)
        np.testing.assert_array_equal(values(recipe(file, missing=True)), [5, np.nan, 7])
    whole = write(np.array([5, 1, 7], "i4"), METRES | {"_FillValue": np.int32(-1)})
    assert spec(recipe(whole)).dtype == "int32"
    some = write(np.array([5, -1, 16777217], "i4"), METRES | {"_FillValue": np.int32(-1)}, "b.nc")
    np.testing.assert_array_equal(values(recipe(some, missing=True)), [5, np.nan, 16777217])
    refused("NaN at record 1", some)


def zarr_fill() -> None:
    def store(fill: Any, version: Any = 2, **attributes: Any) -> str:
        group = zarr.open_group("v2.zarr", mode="w", zarr_format=version)
        about = {"_ARRAY_DIMENSIONS": ["sample"], "units": "m", **attributes}
        named = {"dimension_names": ["sample"]} if version == 3 else {}
        array = group.create_array(
            "v", **named, shape=(3,), chunks=(3,), dtype="f4", fill_value=fill, attributes=about
        )
        array[:] = [0, -9, 2]
        close_files()
        return "v2.zarr"

    for missing in (False, True):
        for version in (2, 3):
            assert values(recipe(store(0, version), missing=missing)).tolist() == [0, -9, 2]
    for version in (2, 3):
        np.testing.assert_array_equal(values(recipe(store(-9, version), missing=True)), [0, np.nan, 2])
        refused("NaN at record 1", "v2.zarr")
    np.testing.assert_array_equal(values(recipe(store(0, _FillValue=-9.0), missing=True)), [0, np.nan, 2])
    np.testing.assert_array_equal(values(recipe(store(7, _FillValue=0.0), missing=True)), [np.nan, -9, 2])


def unwritten() -> None:
    import netCDF4

    for dtype, missing in (("f4", True), ("f8", True), ("i4", True), ("i8", True), ("i1", False)):
        with netCDF4.Dataset("a.nc", "w") as file:
            file.createDimension("sample", 4)
            file.createVariable("v", dtype, ("sample",))[:2] = [1, 2]
            file["v"].units = "m"
        found = values(recipe("a.nc", missing=missing))
        assert np.isnan(found).tolist() == [False, False, missing, missing]
        close_files()


def valid() -> None:
    packed = {"scale_factor": 0.5, "units": "m"}
    for about, dtype in (
        ({"valid_range": [0.0, 10.0], "units": "m"}, "f4"),
        ({"valid_min": np.int16(0), "valid_max": np.int16(10), "units": "m"}, "i2"),
        ({"valid_range": np.array([0, 10], "i2"), **packed}, "i2"),
        ({"valid_max": 5.0, **packed}, "i2"),
    ):
        file = write(np.array([1, 50, 10], dtype), about)
        assert np.isnan(values(recipe(file, missing=True))).tolist() == [False, True, False], about
        refused("NaN at record 1", file)


def packing() -> None:
    file = write(
        np.array([0, 10, -9], "i2"),
        METRES | {"scale_factor": 0.5, "add_offset": 100.0, "_FillValue": np.int16(-9)},
    )
    np.testing.assert_array_equal(values(recipe(file, missing=True)), [100, 105, np.nan])
    other = write(np.array([0, 10], "i2"), METRES | {"scale_factor": 2.0}, "b.nc")
    np.testing.assert_array_equal(values(recipe([file, other], missing=True)), [100, 105, np.nan, 0, 20])
    refused(
        "'v': its attribute scale_factor is 'half', expected a number", write(X, {"scale_factor": "half"})
    )


def unsigned() -> None:
    file = write(np.array([1, -1, -2], "i1"), METRES | {"_Unsigned": "true", "_FillValue": np.int8(-2)})
    np.testing.assert_array_equal(values(recipe(file, missing=True)), [1, 255, np.nan])
    plain = recipe(write(np.array([1, -1], "i1"), METRES | {"_Unsigned": "true"}, "b.nc"))
    assert spec(plain).dtype == "uint8" and values(plain).tolist() == [1, 255]
    # GOES-R states the range of unsigned numbers in signed ones.
    ranged = METRES | {"_Unsigned": "true", "valid_range": np.array([0, -6], "i2")}
    for scale in ({}, {"scale_factor": 2.0}):
        found = values(recipe(write(np.array([1, -7, -5], "i2"), ranged | scale, "c.nc"), missing=True))
        np.testing.assert_array_equal(found, np.array([1, 65529, np.nan]) * (2 if scale else 1))


def flags() -> None:
    about = {
        "flag_values": np.array([1, 2], "i1"),
        "flag_meanings": "land sea",
        "flag_masks": np.array([1, 2], "i1"),
    }
    found = spec(recipe(write(np.array([1, 2], "i1"), about), units="1")).attributes
    assert found == {"flag_values": [1, 2], "flag_meanings": "land sea", "flag_masks": [1, 2]}


def enumerations() -> None:
    with netCDF4.Dataset("a.nc", "w") as file:
        file.createDimension("sample", 3)
        kind = file.createEnumType("i1", "ground", {"land": 1, "sea": 2})
        file.createVariable("v", kind, ("sample",))[:] = [1, 2, 1]
    found = recipe("a.nc", units="1")
    assert spec(found).attributes == {"flag_values": [1, 2], "flag_meanings": "land sea"}
    assert values(found).tolist() == [1, 2, 1]


def names() -> None:
    file = write(X, METRES | {"long_name": "depth of water", "standard_name": "depth"})
    found = spec(recipe(file))
    assert (found.long_name, found.standard_name) == ("depth of water", "depth")
    assert spec(recipe(file, long_name="ours")).long_name == "ours"


def kept() -> None:
    about = {
        "positive": "down",
        "axis": "Z",
        "cell_methods": "area: mean",
        "cell_measures": "area: a",
        "comment": "c",
    }
    assert spec(recipe(write(X, METRES | about))).attributes == about
    line = xr.Variable("x", np.arange(3.0), METRES | about)
    assert about.items() <= recipe(write(X, name="b.nc", x=line)).shared().x.attrs.items()


def coordinates() -> None:
    file = write(
        X,
        x=("x", [0.0, 1, 2], METRES),
        lat=("x", [5.0, 5, 6], {"units": "degrees_north"}),
        label=("x", ["a", "b", "c"]),
        track=(("sample", "x"), X),
    )
    found = recipe(file).shared()
    assert set(found.coords) == {"x", "lat", "label"}
    assert found.lat.attrs == {"units": "degrees_north", "long_name": "lat"}
    assert found.label.values.tolist() == ["a", "b", "c"]
    refused("coordinate 'x' is NaN at 1", write(X, name="b.nc", x=("x", [0, np.nan, 2], METRES)))


def along_records() -> None:
    hours = xr.Variable("sample", [0, 1, 2, 5, 5, 6], {"units": "hours since 2000-01-01"})
    made = recipe(write(X, sample=hours, station=("sample", list("abcdef"))))
    found = made.shared()
    assert found.sample.values.tolist() == [0, 1, 2, 5, 5, 6] and found.sample.dtype == np.int64
    assert found.station.values.tolist() == list("abcdef")
    again, uneven = made.remarks()
    assert again.startswith("coordinate 'sample' has 1 of 6 values again, the first at 3 and 4: leave the")
    assert uneven == "coordinate 'sample' is uneven: steps from 0 to 3 hours"
    hours.attrs["units"] = "h"
    for number, file in enumerate(("1.nc", "10.nc", "2.nc")):
        write(X, name=file, sample=("sample", (0, 2, 1)[number] * N + np.arange(N), hours.attrs))
    *_, back = recipe("*[0-2].nc").remarks()
    assert back.startswith(
        "coordinate 'sample' goes back from 10.nc to 2.nc (1 such pairs of files): list the"
    )
    assert recipe(["1.nc", "2.nc", "10.nc"]).remarks() == []


def scalars() -> None:
    for number in range(3):
        about = {"height": ((), 2.0, METRES), "sample": ((), number, {"units": "days since 2000-01-01"})}
        write(X[number], name=f"{number}.nc", dims=("x",), **about)
    found = recipe("?.nc").shared()
    assert float(found.height) == 2 and found.sample.values.tolist() == [0, 1, 2]


def bounds() -> None:
    xr.Dataset(
        {"v": (("sample", "x"), X, METRES), "edges": (("x", "side"), [[0.0, 2], [2, 4], [4, 6]])},
        {"x": ("x", [1.0, 3, 5], {"units": "km", "bounds": "edges"})},
    ).to_netcdf("a.nc")
    mapping = {"x": {"units": "m"}}
    for shared, scale in (({}, 1), (mapping, 1000)):
        made = recipe_of(
            {"title": "a", "files": "a.nc", "variables": {"v": {"units": "m"}}, "shared": shared}
        )
        found = made.shared()
        assert found.x.attrs["bounds"] == "edges"
        assert (
            found.edges.values[0].tolist() == [0, 2 * scale]
            and found.edges.attrs["units"] == found.x.attrs["units"]
        )


def grid_mapping() -> None:
    about = {"grid_mapping_name": "transverse_mercator", "semi_major_axis": 6378137.0}
    xr.Dataset(
        {"v": (("sample", "x"), X, METRES | {"grid_mapping": "crs"}), "crs": ((), 0, about)}
    ).to_netcdf("a.nc")
    made = recipe("a.nc")
    assert spec(made).attributes == {"grid_mapping": "crs"}
    assert about.items() <= made.shared().crs.attrs.items()


def order_of_dimensions() -> None:
    files = [write(X.T, dims=("x", "sample")), write(X, name="b.nc")]
    made = recipe(files)
    assert spec(made).dims == ("sample", "x")
    np.testing.assert_array_equal(values(made), np.concatenate([X, X]))


def order_of_cells() -> None:
    cube = np.arange(2.0 * 3 * 4).reshape(2, 3, 4)

    def of(name: str, turn: int, first: float = 0.0) -> str:
        y = ("y", first + np.arange(3.0)[::turn], METRES)
        return write(
            cube[:, ::turn],
            name=name,
            dims=("sample", "y", "p"),
            y=y,
            p=("p", [9.0, 7, 5, 3], {"units": "hPa"}),
        )

    made = recipe([of("a.nc", -1), of("b.nc", 1)])
    np.testing.assert_array_equal(values(made), np.concatenate([cube, cube]))
    assert made.shared().y.values.tolist() == [0, 1, 2] and made.shared().p.values.tolist() == [9, 7, 5, 3]
    assert "'y' runs the other way in 1 of 2 files: turned round, with its cells" in made.remarks()
    refused(
        r"c\.nc: 'y' is of 3 cells from 4 to 6 m, in .*a\.nc it is of 3 cells", ["a.nc", of("c.nc", 1, 4.0)]
    )


def byte_order() -> None:
    for dtype in (">f8", "<f8", ">f4", "=f4", ">i4", ">c16"):
        np.save("v.npy", X.astype(dtype))
        made = recipe("v.npy", dims=["sample", "x"])
        assert spec(made).dtype == {"f": "float32", "i": "int32", "c": "complex64"}[np.dtype(dtype).kind]
        np.testing.assert_array_equal(values(made), X)
        close_files()


def types() -> None:
    for dtype in ("bool", "int8", "uint16", "int64", "uint64", "float16", "complex64"):
        np.save("v.npy", X.astype(dtype))
        made = recipe("v.npy", dims=["sample", "x"])
        assert spec(made).dtype == dtype and values(made).dtype == dtype
        np.testing.assert_array_equal(values(made), X.astype(dtype))
        close_files()
    seconds = 1.7e9 + 0.25 * np.arange(3)
    np.testing.assert_array_equal(
        values(
            recipe(write(seconds, {"units": "seconds since 1970-01-01"}), units="seconds since 1970-01-01")
        ),
        seconds,
    )


def numpy_dates() -> None:
    np.savez("a.npz", v=np.array("2000-01-02", "M8[h]") + np.arange(3))
    found = values(recipe("a.npz", dims=["sample"], units="hours since 2000-01-01"))
    assert found.tolist() == [24, 25, 26]
    dates = np.array(["2000-01-02", "NaT", "2000-01-03"], "M8[h]")
    np.savez("b.npz", v=dates)
    found = values(recipe("b.npz", dims=["sample"], units="hours since 2000-01-01", missing=True))
    np.testing.assert_array_equal(found, [24, np.nan, 48])
    zarr.create_group("a.zarr", zarr_format=2).create_array("v", data=dates[[0, 2]])
    assert values(recipe("a.zarr", dims=["sample"], units="hours since 2000-01-01")).tolist() == [24, 48]


def no_numbers() -> None:
    for array, message in (
        (np.array(["a", "b"]), "'v' holds text, expected numbers; number its values"),
        (np.array([None, 1], dtype=object), "holds Python objects, which are not read, expected numbers"),
        (np.zeros(2, dtype=[("p", "f4"), ("q", "i4")]), "'v' holds records of p, q, expected numbers"),
    ):
        for suffix, save in ((".npy", np.save), (".npz", lambda name, a: np.savez(name, v=a))):
            save(f"v{suffix}", array)
            refused(message, f"v{suffix}", dims=["sample"])


def groups() -> None:
    import netCDF4

    with netCDF4.Dataset("a.nc", "w") as file:
        file.createDimension("sample", N)
        file.createDimension("x", 3)
        file.createVariable("x", "f8", ("x",))[:] = [0, 1, 2]
        inner = file.createGroup("data").createGroup("run")
        inner.createVariable("v", "f8", ("sample", "x"))[:] = X
    made = recipe("a.nc", source="/data/run/v")
    np.testing.assert_array_equal(values(made), X)
    assert made.shared().x.values.tolist() == [0, 1, 2]
    xr.Dataset({"v": (("sample", "x"), X)}).to_zarr(
        "a.zarr", group="data/run", zarr_format=3, consolidated=False
    )
    np.testing.assert_array_equal(values(recipe("a.zarr", source="data/run/v")), X)
    for file in ("a.nc", "a.zarr"):
        refused(rf"{file} has no variable 'v' \(for 'v'\)\. Did you mean 'data/run/v'", file)


def unnamed_axes() -> None:
    import netCDF4

    zarr.create_group("a.zarr", zarr_format=3).create_array("v", data=X)
    np.savez("a.npz", v=X)
    with netCDF4.Dataset("a.h5", "w") as file:
        for name, length in (("phony_dim_0", N), ("phony_dim_1", 3)):
            file.createDimension(name, length)
        file.createVariable("v", "f8", ("phony_dim_0", "phony_dim_1"))[:] = X
    for file in ("a.zarr", "a.npz", "a.h5"):
        np.testing.assert_array_equal(values(recipe(file, dims=["sample", "x"])), X)
        refused("the axes of 'v' have no names; give .*`dims:` in the mapping", file)


def matlab() -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.mat", "w", userblock_size=512) as file:
        file["v"], file["c"] = X.T, np.arange(N)[None] * 1.0
    with Path("a.mat").open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    made = recipe("a.mat", dims=["sample", "x"])
    np.testing.assert_array_equal(values(made), X)
    assert "order of MATLAB's size()" in made.remarks()[0]
    np.testing.assert_array_equal(values(recipe("a.mat", source="c", dims=["sample"])), np.arange(N))


def consolidated() -> None:
    for number, (version, gathered) in enumerate(((2, True), (2, False), (3, True), (3, False))):
        file = f"{number}.zarr"
        xr.Dataset({"v": (("sample", "x"), X, METRES)}).to_zarr(
            file, zarr_format=version, consolidated=gathered
        )
        np.testing.assert_array_equal(values(recipe(file)), X)


def other_attributes() -> None:
    made = recipe(write(X, METRES | {"history": "h", "actual_range": [0.0, 1.0], "GRIB_step": 3}))
    assert spec(made).attributes == {}


def other_variables() -> None:
    ds = xr.Dataset({"v": (("sample", "x"), X, METRES), "u": ("sample", X[:, 0]), "w": ("x", X[0])})
    ds.to_netcdf("a.nc")
    (found,) = recipe("a.nc").left_out()
    assert found.remark() == "2 of 3 variables left out: 2 not named by the mapping (u, w)"


def at_points(files: str, **variable: Any) -> GenericImport:
    """Return the import of a variable `v` of files whose number of points varies."""
    made = recipe_of(
        {
            "title": "Made",
            "files": files,
            "varying": ["point", "triangle"],
            "variables": {"v": {"units": "m", **variable}},
        }
    )
    made.prepare()
    return made


def all_of(made: GenericImport) -> dict[str, np.ndarray]:
    return made.simulate(np.arange(made.records()), [])


def rows_and_vertices() -> None:
    Path("a.csv").write_text("v,part\n1,wing\n2,wing\n")
    Path("b.csv").write_text("v,part\n3,tail\n")
    made = at_points("*.csv")
    assert made.specs()[0].dims == ("sample", "point")
    np.testing.assert_array_equal(all_of(made)["v"], [[1, 2], [3, np.nan]])
    (found,) = made.left_out()
    assert found.remark() == "1 of 2 variables left out: 1 not named by the mapping (part)"
    with pytest.raises(BuildError, match="'v' holds text, expected numbers"):
        at_points("*.csv", source="part")


def table_columns() -> None:
    Path("a.csv").write_text("v (mm),w\n1000,7\n2000,7\n")
    Path("b.csv").write_text("v,w\nmm,-\n3000,8\n")
    np.testing.assert_array_equal(all_of(at_points("*.csv"))["v"], [[1, 2], [3, np.nan]])
    both = recipe_of(
        {
            "title": "Made",
            "files": "*.csv",
            "varying": "point",
            "variables": {"v": {"units": "m"}, "w": {"units": "1", "dims": []}},
        }
    )
    assert all_of(both)["w"].tolist() == [7, 8]
    assert both.specs()[1].dims == ("sample",)


def written_mesh() -> None:
    meshio = pytest.importorskip("meshio")
    places = np.array([[0.0, 0, 1], [1, 0, 2], [1, 1, 3], [0, 1, 4]])
    cells = [("quad", np.array([[0, 1, 2, 3]])), ("line", np.array([[0, 1]]))]
    speed = np.arange(12.0).reshape(4, 3)
    meshio.Mesh(places, cells, point_data={"speed": speed, "heat": speed[:, 0]}).write("a.vtk")


def vertices() -> None:
    written_mesh()
    assert all_of(at_points("a.vtk", source="z"))["v"].tolist() == [[1, 2, 3, 4]]
    assert all_of(at_points("a.vtk", source="heat"))["v"].tolist() == [[0, 3, 6, 9]]
    speed = at_points("a.vtk", source="speed", dims=["point", "axis"])
    assert speed.specs()[0].dims == ("sample", "point", "axis")
    assert all_of(speed)["v"].tolist() == np.arange(12.0).reshape(1, 4, 3).tolist()


def mesh_cells() -> None:
    written_mesh()
    made = recipe_of(
        {
            "title": "Made",
            "files": "a.vtk",
            "varying": ["point", "triangle"],
            "variables": {"x": {"units": "m"}, "triangles": {"units": "1"}},
        }
    )
    assert all_of(made)["triangles"].tolist() == [[[0, 1, 2], [0, 2, 3]]]


def lengths() -> None:
    for name, count in (("a", 2), ("b", 3)):
        numbers = np.arange(count)
        xr.Dataset({"v": ("point", 1.0 * numbers, METRES), "n": ("point", numbers)}).to_netcdf(f"{name}.nc")
    found = all_of(at_points("*.nc"))
    np.testing.assert_array_equal(found["v"], [[0, 1, np.nan], [0, 1, 2]])
    assert found["length"].tolist() == [2, 3]
    assert all_of(at_points("*.nc", source="n", units="1"))["v"].tolist() == [[0, 1, -1], [0, 1, 2]]
    with pytest.raises(BuildError, match="all files need the same grid"):
        recipe("*.nc")


EXAMPLES: dict[str, Callable[[], None]] = {
    "`units`": units,
    "`units_metadata`": units_metadata,
    "`calendar`": calendar,
    "`_FillValue`, `missing_value`": missing_values,
    "fill value of Zarr": zarr_fill,
    "cells that nobody wrote": unwritten,
    "`valid_range`, `valid_min`, `valid_max`": valid,
    "`scale_factor`, `add_offset`": packing,
    "`_Unsigned`": unsigned,
    "`flag_values`, `flag_masks`, `flag_meanings`": flags,
    "enumerations of NetCDF": enumerations,
    "`long_name`, `standard_name`": names,
    "`positive`, `axis`, `cell_methods`, `cell_measures`, `comment`": kept,
    "`coordinates`": coordinates,
    "coordinate of the records": along_records,
    "scalar coordinates": scalars,
    "`bounds`, `climatology`": bounds,
    "`grid_mapping`": grid_mapping,
    "order of dimensions": order_of_dimensions,
    "order of cells": order_of_cells,
    "byte order": byte_order,
    "types": types,
    "dates of NumPy and Zarr": numpy_dates,
    "text, Python objects, fields of records": no_numbers,
    "groups": groups,
    "axes without names": unnamed_axes,
    "rows of a table, vertices of a mesh": rows_and_vertices,
    "columns of a table": table_columns,
    "vertices of a mesh": vertices,
    "cells of a mesh": mesh_cells,
    "lengths": lengths,
    "axes of MATLAB": matlab,
    "consolidated metadata of Zarr": consolidated,
    "other attributes": other_attributes,
    "other variables": other_variables,
}


@pytest.mark.parametrize("field", fields("generic"))
def test_what_the_card_says_of_a_field_is_done(field: str) -> None:
    EXAMPLES[field]()


def test_every_example_is_a_line_of_the_card() -> None:
    assert EXAMPLES.keys() == set(fields("generic"))
