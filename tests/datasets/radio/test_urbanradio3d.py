"""UrbanRadio3D's pictures become volumes: one axis convention, known angles, and on the real samples too."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.radio.urbanradio3d import QUANTITIES, SIDE, UrbanRadio3D, upright
from datasets.store.checks import check_split
from tests.datasets.cards import fields
from tests.datasets.radio.maps import REAL, to_grey

Spoil = Callable[[Path], object]

LIGHT = 299_792_458.0  # m/s
NAMES = [(0, 60, 200), (0, 110, 20), (7, 128, 90), (8, 55, 45), (9, 200, 30)]


def draw(x: int, y: int, plane: int) -> dict[str, np.ndarray]:
    """Maps (y, x) of one transmitter over open ground, with a house in the south-west that gets narrower."""
    north, east = np.mgrid[:SIDE, :SIDE]
    distance = np.hypot(north - y, east - x)
    house = (north < 30) & (east < 50 - plane)
    azimuth = np.mod(np.arctan2(y - north, x - east), 2 * np.pi)  # counter-clockwise from east
    maps = {
        "pathloss": to_grey(-92 - 20 * np.log10(distance + 1), -169.0, -92.0),
        "ToA": to_grey(distance / LIGHT, 0.0, 1180e-9),
        "Doa_Azi": to_grey(azimuth, 0.0, 6.3),
    }
    return {name: np.where(house, 0, grey).astype(np.uint8) for name, grey in maps.items()}


def picture(name: str, grey: np.ndarray) -> np.ndarray:
    """The picture in which a map (y, x) is published."""
    return grey.T[::-1] if name == "pathloss" else grey[::-1]


def write_gifs(root: Path) -> Path:
    """A fake copy: four heights in a GIF, as the published samples."""
    for area, x, y in NAMES:
        planes = [draw(x, y, plane) for plane in range(4)]
        for name in planes[0]:
            pages = [Image.fromarray(np.ascontiguousarray(picture(name, maps[name]))) for maps in planes]
            (root / name).mkdir(parents=True, exist_ok=True)
            pages[0].save(root / name / f"{area}_{x}_{y}.gif", save_all=True, append_images=pages[1:])
    (root / "pathloss" / "1.gif").write_bytes((root / "pathloss" / "0_60_200.gif").read_bytes())
    return root


def write_pngs(root: Path) -> Path:
    """The same in the layout of the whole data set: a folder for each height."""
    for area, x, y in NAMES:
        for height in (1, 2):
            for name, grey in draw(x, y, height - 1).items():
                folder = root / ("pathLoss" if name == "pathloss" else name) / f"h{height}"
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.ascontiguousarray(picture(name, grey))).save(
                    folder / f"{area}_{x}_{y}.png"
                )
    return root


@pytest.fixture(scope="module")
def ds(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    root = tmp_path_factory.mktemp("urbanradio3d")
    folder = str(write_gifs(root / "gifs"))
    recipe = UrbanRadio3D.make({"folder": folder, "heights": 2, "most_left_out": 0.07})
    build(recipe, str(root / "a.zarr"), workers=0, progress=False)
    return xr.open_zarr(root / "a.zarr").load()


def test_all_quantities_of_a_record_lie_over_each_other(ds: xr.Dataset) -> None:
    for record in range(len(NAMES)):
        one = ds.isel(sample=record, z=0)
        east, north = one.transmitter_position.values
        distance = np.hypot(one.y - north, one.x - east).values
        strongest = np.unravel_index(np.nanargmax(one.relative_path_gain.values), (SIDE, SIDE))
        assert (one.x.values[strongest[1]], one.y.values[strongest[0]]) == (east, north)
        seen = np.isfinite(one.time_of_arrival.values)
        error = one.time_of_arrival.values * LIGHT - np.minimum(distance, 1180e-9 * LIGHT)
        assert np.abs(error[seen]).max() < 0.8
        assert np.isnan(one.time_of_arrival.values[:30, :50]).all()


def test_carrier_is_stored_and_the_height_of_receivers_is_the_coordinate_of_the_planes(
    ds: xr.Dataset,
) -> None:
    assert (float(ds.frequency), ds.frequency.attrs["units"]) == (5.9e9, "Hz")
    assert "receiver_height" not in ds
    assert ds.z.values.tolist() == [1.0, 2.0]


def test_azimuth_is_clockwise_from_north_and_points_to_the_transmitter(ds: xr.Dataset) -> None:
    one = ds.isel(sample=2, z=1)
    east, north = one.transmitter_position.values
    expected = np.arctan2(
        *np.broadcast_arrays((east - one.x).values[None, :], (north - one.y).values[:, None])
    )
    error = np.mod(one.azimuth_of_arrival.values - expected + np.pi, 2 * np.pi) - np.pi
    assert np.nanmax(np.abs(error)) < 0.02
    circular = [name for name in QUANTITIES if ds[name].attrs.get("topology") == "circular"]
    assert circular == ["azimuth_of_arrival"]


def test_quantity_without_files_is_nan_and_names_without_a_place_are_left_out(ds: xr.Dataset) -> None:
    assert np.isnan(ds.elevation_of_arrival.values).all()
    assert ds.sizes["sample"] == len(NAMES)


def test_split_keeps_areas_whole(ds: xr.Dataset) -> None:
    assert ds.split.attrs["keeps_whole"] == "area"
    check_split("split", ds.split.values, ds.area.values, "area")
    assert ds.split_by_file.attrs["keeps_whole"] == "none"


def test_folders_of_heights_are_read_as_the_frames_of_gifs(ds: xr.Dataset, tmp_path: Path) -> None:
    recipe = UrbanRadio3D.make({"folder": str(write_pngs(tmp_path / "pngs")), "heights": 2})
    arrays = recipe.simulate(np.arange(len(NAMES)), [])
    for name in ("relative_path_gain", "time_of_arrival", "azimuth_of_arrival"):
        np.testing.assert_array_equal(arrays[name], ds[name].values)


def test_more_heights_than_frames_are_refused(tmp_path: Path) -> None:
    recipe = UrbanRadio3D.make({"folder": str(write_gifs(tmp_path / "gifs")), "heights": 9})
    with pytest.raises(ValueError, match=r"has \d frames, expected 9; ask for fewer heights"):
        recipe.simulate(np.arange(1), [])


PNG = "pathLoss/h2/0_60_200.png"


def rename(old: str, new: str) -> Spoil:
    return lambda root: (root / old).rename(root / new)


def saved(change: Callable[[np.ndarray], np.ndarray], kind: str = "PNG") -> Spoil:
    return lambda root: Image.fromarray(change(np.asarray(Image.open(root / PNG)))).save(root / PNG, kind)


def as_gif(root: Path) -> None:
    """Put a GIF of two planes beside the pictures of a volume."""
    pages = [Image.open(root / PNG.replace("h2", f"h{plane}")) for plane in (1, 2)]
    pages[0].save(root / "pathLoss/0_60_200.gif", save_all=True, append_images=pages[1:])


def palette(root: Path) -> None:
    Image.open(root / PNG).convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE).save(root / PNG)


def one_frame(root: Path) -> None:
    Image.open(root / PNG).save(root / "pathLoss/0_60_200.gif")


OUTSIDE, NAMELESS = "whose transmitter lies outside of the area", "whose name is not BID_X_Y"
EXAMPLES: dict[str, list[tuple[Spoil, str | dict[str, int]]]] = {
    "`BID_X_Y` of the name": [(lambda root: None, {})],
    "a name that is not `BID_X_Y`": [(rename(PNG, "pathLoss/h2/0_60.png"), {NAMELESS: 1})],
    "X or Y above 255": [(rename(PNG, "pathLoss/h2/0_60_256.png"), {OUTSIDE: 1})],
    "frames of a GIF": [(one_frame, "has 1 frames, expected 2; ask for fewer heights")],
    "`hHEIGHT`": [(rename("pathLoss/h2", "pathLoss/h9"), {"of planes above 2 m": 5})],
    "a plane without a file": [(lambda root: (root / PNG).unlink(), {})],
    "a quantity without a file": [(lambda root: shutil.rmtree(root / "pathLoss"), {})],
    "a volume as GIF and as PNG": [(as_gif, {"of the same numbers as another": 2})],
    "8 bits of grey, with a palette too": [(palette, {})],
    "16 bits of grey": [
        (saved(lambda grey: grey.astype(np.uint16) * 257), {}),
        (saved(lambda grey: grey.astype(np.uint16) + 1000), "has 16 bits"),
    ],
    "colours, transparency, JPEG": [
        (saved(lambda grey: np.stack([grey, 255 - grey, grey], -1)), "is in colours"),
        (saved(lambda grey: np.stack([grey, grey // 2], -1)), "has transparent pixels"),
        (saved(lambda grey: grey, "JPEG"), "is no picture of PNG or GIF"),
    ],
    "a size other than 256 x 256": [(saved(lambda grey: grey[:8, :8].copy()), "8 x 8 pixels")],
}
MISSING = {
    "`hHEIGHT`": "relative_path_gain: 5 planes of volumes have no file and are NaN",
    "X or Y above 255": "relative_path_gain: 1 planes of volumes have no file and are NaN",
    "a name that is not `BID_X_Y`": "relative_path_gain: 1 planes of volumes have no file and are NaN",
    "a plane without a file": "relative_path_gain: 1 planes of volumes have no file and are NaN",
    "a quantity without a file": "relative_path_gain: 5 of 5 volumes have no file and are NaN",
}


@pytest.fixture(scope="module")
def pngs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pngs(tmp_path_factory.mktemp("pngs") / "root")


@pytest.mark.parametrize("field", fields("radio/urbanradio3d"))
def test_line_of_the_card_is_true(field: str, pngs: Path, tmp_path: Path) -> None:
    sound = UrbanRadio3D.make({"folder": str(pngs), "heights": 2})._read("relative_path_gain", (0, 60, 200))
    for number, (spoil, expected) in enumerate(EXAMPLES[field]):
        root = shutil.copytree(pngs, tmp_path / str(number))
        spoil(root)
        recipe = UrbanRadio3D.make({"folder": str(root), "heights": 2})
        if isinstance(expected, str):
            with pytest.raises(BuildError, match=expected):
                recipe.simulate(np.array([0]), [])
            continue
        counts = recipe.left_out()[0].counts()
        assert {key: count for key, count in counts.items() if key != "total"} == expected
        arrays = recipe.simulate(np.array([0]), [])
        assert arrays["transmitter_position"].tolist() == [[60.5, 200.5]]
        missing = [line for line in recipe.remarks() if line.startswith("relative_path_gain")]
        assert missing == ([MISSING[field]] if field in MISSING else [])
        planes = slice(0, 0 if "quantity" in field else 1 if field in MISSING else 2)
        gain = arrays["relative_path_gain"][0]
        np.testing.assert_array_equal(gain[planes], sound[planes])
        assert np.isnan(gain[planes.stop :]).all()


def test_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="holds none of the files of 'radio/urbanradio3d'; expected pathLoss"
    ):
        UrbanRadio3D.make({"folder": str(tmp_path)})


@pytest.fixture(scope="module")
def published() -> str:
    """Folder of the published samples."""
    folder = REAL / "urbanradio3d_demo"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return str(folder)


@pytest.fixture(scope="module")
def samples(published: str) -> UrbanRadio3D:
    return UrbanRadio3D.make({"folder": published, "heights": 1})


def read(recipe: UrbanRadio3D, quantity: str) -> list[tuple[np.ndarray, int, int]]:
    """Map (y, x) and transmitter of every record that has the quantity."""
    maps = [(recipe._read(quantity, name)[0], name[1], name[2]) for name in recipe._names]
    return [each for each in maps if np.isfinite(each[0]).any()]


def test_path_loss_of_the_published_samples_is_strongest_at_the_transmitter(samples: UrbanRadio3D) -> None:
    offsets = []
    for values, x, y in read(samples, "relative_path_gain"):
        row, column = np.nonzero(values == np.nanmax(values))
        offsets.append(np.hypot(row.mean() - y, column.mean() - x))
    assert len(offsets) > 30
    assert np.mean(np.array(offsets) <= 2.5) > 0.9


def test_delay_of_the_published_samples_grows_as_a_ring_around_the_transmitter(samples: UrbanRadio3D) -> None:
    north, east = np.mgrid[:SIDE, :SIDE]

    def spread(values: np.ndarray, x: int, y: int) -> float:
        distance = np.hypot(north - y, east - x)
        near = (distance > 5) & (distance < 40) & np.isfinite(values)
        return float(np.median(np.abs(values[near] * LIGHT - distance[near]))) if near.any() else np.nan

    right, wrong = zip(
        *((spread(v, x, y), spread(v, y, x)) for v, x, y in read(samples, "time_of_arrival")), strict=True
    )
    assert np.nanmedian(right) < 6.0
    assert np.nanmedian(wrong) > 20.0


def test_azimuth_of_the_published_samples_points_to_the_transmitter(samples: UrbanRadio3D) -> None:
    north, east = np.mgrid[:SIDE, :SIDE]
    errors = []
    for values, x, y in read(samples, "azimuth_of_arrival"):
        distance = np.hypot(north - y, east - x)
        near = (distance > 5) & (distance < 60) & np.isfinite(values)
        error = np.mod(values - np.arctan2(x - east, y - north) + np.pi, 2 * np.pi) - np.pi
        errors.append(np.median(np.abs(error[near])))
    assert np.median(errors) < 0.25


def test_oddities_of_the_published_samples_are_said(published: str) -> None:
    recipe = UrbanRadio3D.make({"folder": published, "heights": 4})
    said = {line.partition(":")[0]: line for line in recipe.remarks()}
    early = re.search(r"([\d.]+)% of the cells of 34 volumes are reached faster", said["published delays"])
    assert early is not None and 4.0 < float(early[1]) < 8.0
    below = re.search(r"lies (-\d+) dB from free space", said["published path loss"])
    assert below is not None and -43 <= int(below[1]) <= -40
    assert "published azimuths" not in said


def test_every_published_sample_can_be_read_at_four_heights(published: str) -> None:
    recipe = UrbanRadio3D.make({"folder": published, "heights": 4})
    for name in recipe._names:
        for quantity in QUANTITIES:
            assert recipe._read(quantity, name).shape == (4, SIDE, SIDE)


def test_azimuths_that_already_count_from_north_are_said(pngs: Path, tmp_path: Path) -> None:
    sound = UrbanRadio3D.make({"folder": str(pngs), "heights": 2})
    assert not [line for line in sound.remarks() if "azimuths" in line]
    root = shutil.copytree(pngs, tmp_path / "turned")
    for path in root.glob("Doa_Azi/h*/*.png"):
        grey = np.asarray(Image.open(path)).astype(float)
        clockwise = to_grey(np.mod(np.pi / 2 - grey * 6.3 / 255, 2 * np.pi), 0.0, 6.3)
        Image.fromarray(np.where(grey > 0, clockwise, 0).astype(np.uint8)).save(path)
    turned = UrbanRadio3D.make({"folder": str(root), "heights": 2})
    assert len([line for line in turned.remarks() if line.startswith("published azimuths: more")]) == 1


def test_sound_delays_are_not_remarked_on(pngs: Path) -> None:
    recipe = UrbanRadio3D.make({"folder": str(pngs), "heights": 2})
    assert not [line for line in recipe.remarks() if "faster than light" in line]


def test_pictures_of_path_loss_have_their_axes_swapped() -> None:
    grey = np.zeros((1, SIDE, SIDE), np.uint8)
    grey[0, 255 - 60, 200] = 1
    assert np.argwhere(upright(grey, "relative_path_gain")).tolist() == [[0, 200, 60]]
    assert np.argwhere(upright(grey, "time_of_arrival")).tolist() == [[0, 60, 200]]
