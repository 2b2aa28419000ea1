"""RadioMapSeer's folder of pictures becomes a store; a tiny fake copy is made here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from datasets.factory.errors import BuildError
from datasets.radio.images import from_grey
from datasets.radio.radiomapseer import RadioMapSeer
from datasets.store.checks import check_split
from datasets.store.layout import open_store
from surrogates.cli.main import main
from tests.datasets.cards import fields
from tests.datasets.radio.maps import to_grey

Spoil = Callable[[Path], object]

AREAS, TRANSMITTERS = range(10), range(3)


def write(path: Path, grey: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey.astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten areas of three transmitters: gain falls with the distance, a house in the top left corner."""
    root = tmp_path_factory.mktemp("RadioMapSeer")
    rows, columns = np.mgrid[:256, :256]
    for area in AREAS:
        house = np.zeros((256, 256))
        house[10 : 30 + area, 20:60] = 255
        write(root / f"png/buildings_complete/{area}.png", house)
        for transmitter in TRANSMITTERS:
            row, column = 100 + area, 200 - 10 * transmitter
            gain = -50.0 - 20 * np.log10(np.hypot(rows - row, columns - column) + 1)
            grey = np.where(house > 0, 0, to_grey(gain, -147, -47))
            write(root / f"gain/DPM/{area}_{transmitter}.png", grey)
            mark = np.zeros((256, 256))
            mark[row, column] = 255
            write(root / f"png/antennas/{area}_{transmitter}.png", mark)
    return root


@pytest.fixture(scope="module")
def store(folder: Path) -> str:
    url = str(folder.parent / "seer.zarr")
    assert run(folder, f"out={url}", "workers=0") == 0
    return url


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["data", "import", "radio/radiomapseer", *map(str, words)])
    return int(stop.value.code or 0)


def test_grey_levels_are_path_gain_from_minus_147_to_minus_47_db(store: str, folder: Path) -> None:
    ds = xr.open_zarr(store)
    assert ds.path_gain.attrs["units"] == "0.1 lg(re 1)"
    grey = np.asarray(Image.open(folder / "gain/DPM/0_0.png"))[::-1]
    expected = np.where(grey > 0, -147.0 + grey / 255.0 * 100.0, np.nan)
    np.testing.assert_allclose(ds.path_gain[0].values, expected, atol=1e-4)


def test_carrier_and_receivers_are_those_of_the_paper(store: str) -> None:
    ds = xr.open_zarr(store)
    assert (float(ds.frequency), ds.frequency.attrs["units"]) == (5.9e9, "Hz")
    assert (float(ds.receiver_height), ds.receiver_height.attrs["units"]) == (1.5, "m")


def test_noise_floor_of_the_published_loaders_is_minus_127_db() -> None:
    assert float(from_grey(np.array([51]), -147.0, -47.0)[0]) == pytest.approx(-127.0)


def test_top_of_the_picture_is_north_and_the_transmitter_stands_where_the_gain_is_largest(store: str) -> None:
    ds = xr.open_zarr(store)
    strongest = np.unravel_index(np.nanargmax(ds.path_gain[0].values), (256, 256))
    east, north, up = ds.transmitter_position[0].values
    assert (ds.y.values[strongest[0]], ds.x.values[strongest[1]]) == (north, east) == (155.5, 200.5)
    assert up == 1.5
    heights = ds.building_height[0].values
    assert set(np.unique(heights)) == {0.0, 25.0}
    assert (heights[226:246, 20:60] == 25.0).all()
    assert np.isnan(ds.path_gain[0].values[heights > 0]).all()


def test_default_split_keeps_areas_whole_and_the_one_by_file_leaks_them(store: str) -> None:
    ds = xr.open_zarr(store)
    assert ds.split.attrs["keeps_whole"] == "area"
    check_split("split", ds.split.values, ds.area.values, "area")
    assert set(ds.split.values) == {0, 1, 2}
    tested = set(ds.area.values[ds.split_by_file.values == 2])
    assert tested & set(ds.area.values[ds.split_by_file.values == 0])


def test_store_tells_nothing_of_the_machine(store: str, folder: Path) -> None:
    config = json.loads(open_store(store).attributes["recipe_config"])
    assert len(config["listing"]) == 64
    assert str(folder) not in json.dumps(xr.open_zarr(store).attrs)


def test_import_goes_on_where_it_was_and_refuses_other_files(
    store: str, folder: Path, tmp_path: Path
) -> None:
    assert run(folder, f"out={store}") == 0
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "gain/DPM/0_0.png").unlink()
    assert run(other, f"out={store}") == 2


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda root: shutil.rmtree(root / "gain"),
            "has no picture AREA_TX.png; expected gain/DPM/AREA_TX.png",
        ),
        (
            lambda root: (root / "png/buildings_complete/3.png").unlink(),
            "3 of 30 pictures of path gain (10.0%) cannot be used: 3 without buildings in "
            "png/buildings_complete (such as 3_0.png)",
        ),
        (lambda root: shutil.rmtree(root / "png/antennas"), "none of the 30 pictures in "),
        (shutil.rmtree, "there is no file or folder"),
        (lambda root: write(root / "gain/DPM/0_0.png", np.zeros((8, 8))), "8 x 8 pixels, expected 256 x 256"),
        (lambda root: (root / "gain/DPM/0_0.png").write_text("x"), "is no picture of PNG or GIF"),
        (lambda root: write(root / "png/antennas/0_0.png", np.zeros((256, 256))), "marks no antenna"),
    ],
)
def test_folder_that_does_not_fit_is_answered_in_one_line(
    spoil, said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    spoil(broken)
    assert run(broken, f"out={tmp_path / 'a.zarr'}", "workers=0", "--no-progress") == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "Traceback" not in error


def capitals(root: Path) -> None:
    (root / "gain/DPM/3_1.png").rename(root / "gain/DPM/03_01.PNG")


def both(root: Path) -> None:
    shutil.copy(root / "gain/DPM/3_1.png", root / "gain/DPM/03_01.png")


def deep(root: Path) -> None:
    """Widen a picture to 16 bits."""
    path = root / "gain/DPM/3_1.png"
    Image.fromarray(np.asarray(Image.open(path)).astype(np.uint16) * 257).save(path)


def palette(root: Path) -> None:
    path = root / "gain/DPM/3_1.png"
    Image.open(path).convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE).save(path)


def repainted(name: str, change: Callable[[np.ndarray], np.ndarray], mode: str = "L") -> Spoil:
    def spoil(root: Path) -> None:
        grey = change(np.asarray(Image.open(root / name)))
        Image.fromarray(grey).convert(mode).save(root / name)

    return spoil


def colours(grey: np.ndarray) -> np.ndarray:
    return np.stack([grey, 255 - grey, grey], axis=-1)


def half_transparent(grey: np.ndarray) -> np.ndarray:
    return np.stack([grey, grey, grey, np.full_like(grey, 128)], axis=-1)


GAIN, HOUSES, ANTENNA = "gain/DPM/3_1.png", "png/buildings_complete/3.png", "png/antennas/3_1.png"
EXAMPLES: dict[str, list[tuple[Spoil, str | dict[str, int]]]] = {
    "`gain/SIMULATION/AREA_TX.png`": [
        (lambda root: shutil.copytree(root / "gain/DPM", root / "gain/IRT2"), {"of the simulation IRT2": 30})
    ],
    "`png/buildings_complete/AREA.png`": [
        (
            repainted(HOUSES, lambda grey: np.where(np.arange(256) > 30, grey, grey // 2)),
            "2 greys besides black",
        )
    ],
    "`png/antennas/AREA_TX.png`": [
        (repainted(ANTENNA, lambda grey: 255 - grey), "expected one antenna in white on black"),
        (repainted(ANTENNA, lambda grey: 0 * grey), "marks no antenna"),
    ],
    "a name that is not `AREA_TX`": [
        (
            lambda root: shutil.copy(root / GAIN, root / "gain/DPM/copy of 3_1.png"),
            {"whose name is not AREA_TX (such as copy of 3_1.png)": 1},
        )
    ],
    "a name in capitals or with zeros before (`00_01.PNG`)": [
        (capitals, {}),
        (both, {"of the same numbers as another": 1}),
    ],
    "a map without its buildings or its antenna": [
        (lambda root: (root / ANTENNA).unlink(), {"without an antenna in png/antennas (such as 3_1.png)": 1}),
        (
            lambda root: (root / HOUSES).unlink(),
            {"without buildings in png/buildings_complete (such as 3_0.png)": 3},
        ),
    ],
    "8 bits of grey, with a palette too": [(palette, {})],
    "16 bits of grey": [
        (deep, {}),
        (lambda root: Image.fromarray(np.full((256, 256), 300, np.uint16)).save(root / GAIN), "has 16 bits"),
    ],
    "colours, transparency, JPEG": [
        (repainted(GAIN, colours, "RGB"), "is in colours"),
        (repainted(GAIN, half_transparent, "RGBA"), "has transparent pixels"),
        (lambda root: Image.open(root / GAIN).save(root / GAIN, "JPEG"), "is no picture of PNG or GIF"),
    ],
    "a size other than 256 x 256": [(lambda root: write(root / GAIN, np.zeros((8, 8))), "8 x 8 pixels")],
}


@pytest.mark.parametrize("field", fields("radio/radiomapseer"))
def test_line_of_the_card_is_true(field: str, folder: Path, tmp_path: Path) -> None:
    sound = RadioMapSeer.make({"folder": str(folder)})
    record = sound._names.index((3, 1))
    for number, (spoil, expected) in enumerate(EXAMPLES[field]):
        root = shutil.copytree(folder, tmp_path / str(number))
        spoil(root)
        recipe = RadioMapSeer.make({"folder": str(root)})
        if isinstance(expected, str):
            with pytest.raises(BuildError, match=expected):
                recipe.simulate(np.array([record]), [])
            continue
        counts = recipe.left_out()[0].counts()
        assert {key: count for key, count in counts.items() if key != "total"} == expected
        if (3, 1) in recipe._names:
            gain = recipe.simulate(np.array([recipe._names.index((3, 1))]), [])["path_gain"]
            np.testing.assert_array_equal(gain, sound.simulate(np.array([record]), [])["path_gain"])


def test_importer_says_where_to_and_names_the_nearest_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder) == 2
    assert "Where to? Add out=URL, for example out=data/radiomapseer.zarr" in capsys.readouterr().err
    assert run(folder, "out=a.zarr", "simulatio=DPM") == 2
    assert "Did you mean 'simulation'" in capsys.readouterr().err
