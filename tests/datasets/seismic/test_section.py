"""Tiles of a velocity section: averages, clipping, positions, and gathers of the solver."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.verify import verify
from datasets.seismic.section import SectionTiles, read_section
from datasets.seismic.segy_keys import LayoutKeys
from datasets.seismic.variables import FAMILIES
from datasets.seismic.velocities import resampled
from physics.waves.seismic.propagator import simulate
from surrogates.core.errors import ConfigError
from tests.datasets.cards import fields
from tests.datasets.seismic.files import spread, write_segy
from tests.datasets.seismic.segy_bytes import Words, change

SHARED = Path(os.environ.get("SURROGATES_SEISMIC_DATA", "../shared/data/seismic"))
MARMOUSI_LIKE = SHARED / "pylops_poststack_model.npz"


def section(depths: int = 145, laterals: int = 290) -> np.ndarray:
    """Velocities on cells of 5 m that grow with depth and along the line, m/s."""
    z, x = np.mgrid[:depths, :laterals]
    return 1400.0 + 20.0 * z + 2.0 * x


def written(path: Path, values: np.ndarray, step: float = 5.0) -> Path:
    z, x = (100.0 + step * np.arange(count) for count in values.shape)
    np.savez(path, model=values / 1000.0, z=z, x=x)
    return path


def made(path: Path, **changes: object) -> SectionTiles:
    recipe = SectionTiles.make({"folder": str(path), "units": "km s-1", "time_stride": 8} | changes)
    recipe.prepare()
    return recipe


def test_averages_keep_the_mean_over_each_new_cell() -> None:
    values = np.random.default_rng(0).uniform(1500.0, 4500.0, (25, 30))
    np.testing.assert_allclose(resampled(values, (4.0, 4.0), 20.0).mean(), values.mean(), rtol=1e-12)
    np.testing.assert_allclose(resampled(values, (4.0, 5.0), 20.0)[0, 1], values[:5, 4:8].mean())


def test_averages_of_cells_that_do_not_nest_weigh_by_area() -> None:
    column = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    found = resampled(column, (4.0, 10.0), 10.0)
    np.testing.assert_allclose(found[:, 0], [(4 + 8 + 6) / 10, (6 + 16 + 20) / 10])


def test_coarser_sections_are_repeated() -> None:
    np.testing.assert_allclose(
        resampled(np.array([[1.0, 2.0]]), (20.0, 20.0), 10.0), [[1, 1, 2, 2], [1, 1, 2, 2]]
    )


def test_store_holds_tiles_with_their_positions_and_gathers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, url = written(tmp_path / "section.npz", section()), str(tmp_path / "store.zarr")
    recipe = made(path)
    build(recipe, url, workers=0, progress=False)
    monkeypatch.chdir(tmp_path)  # a store does not say where its files were
    report = verify(url, resimulate=1, recipe_class=SectionTiles, progress=False)
    assert report.ok, report.problems
    store = xr.open_zarr(url).load()
    assert store.sizes["sample"] == 2
    np.testing.assert_allclose(store["tile_lateral"], [0.0, 700.0])
    np.testing.assert_allclose(store["tile_depth"], 0.0)
    averaged = resampled(section(), (5.0, 5.0), 10.0)
    np.testing.assert_allclose(store["velocity_model"][1], averaged[:70, 70:140].clip(1500, 4500), rtol=1e-6)
    np.testing.assert_allclose(store["clipped"][0], np.mean(averaged[:70, :70] < 1500.0), rtol=1e-6)
    assert store["clipped"][0] > 0
    np.testing.assert_array_equal(
        store["shot_gather"], simulate(store["velocity_model"].values, recipe.survey)
    )
    assert set(store["split"].values.tolist()) == {2}
    assert {FAMILIES[code] for code in store["family"].values} == {"section"}


def test_clipping_is_reported(tmp_path: Path) -> None:
    values = np.full((150, 152), 2000.0)
    values[:, 76:] = 5000.0
    recipe = made(written(tmp_path / "section.npz", values))
    assert recipe.remarks()[1].startswith("50 % of its cells were clipped to 1500 to 4500 m/s")


def test_smoothing_softens_edges_and_keeps_the_mean(tmp_path: Path) -> None:
    values = np.full((150, 150), 2000.0)
    values[70:] = 4000.0
    path = written(tmp_path / "section.npz", values)
    raw, smooth = (made(path, smoothing=width)._section[0] for width in (0.0, 2.0))
    assert np.abs(np.diff(raw, axis=0)).max() == 2000.0
    assert np.abs(np.diff(smooth, axis=0)).max() == pytest.approx(2000.0 / np.sqrt(2 * np.pi) / 2.0, rel=0.05)
    assert smooth.mean() == pytest.approx(raw.mean(), rel=0.01)


def test_tiles_may_overlap(tmp_path: Path) -> None:
    assert made(written(tmp_path / "section.npz", section()), tile_step=35).records() == 3


@pytest.mark.parametrize("kind", ["npy", "sgy"])
def test_files_without_axes_need_the_spacing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"section.{kind}"
    values = section(150, 150)
    if kind == "npy":
        np.save(path, values)
    else:
        write_segy(path, values.T, *spread(np.zeros(1), 5.0 * np.arange(150)))
    found, spacing = read_section(path, (5.0, 5.0))
    np.testing.assert_allclose(found, values)
    assert spacing == (5.0, 5.0)
    with pytest.raises(BuildError, match=r"give section_spacing=\[DEPTH, WIDTH\]"):
        made(path, units="m s-1")


def test_a_key_states_the_format_that_a_segy_section_leaves_open(tmp_path: Path) -> None:
    path = tmp_path / "section.sgy"
    write_segy(path, section(150, 150).T, *spread(np.zeros(1), 5.0 * np.arange(150)))
    change(path, file={3225: 0})
    with pytest.raises(BuildError, match="`sample_format=5` for IEEE floats"):
        made(path, units="m s-1", section_spacing=(5.0, 5.0))
    assert made(path, units="m s-1", section_spacing=(5.0, 5.0), sample_format=5).records() == 1


def of_traces(folder: Path, *, file: Words | None = None, trace: Words | None = None) -> Path:
    """Return a section in SEG-Y of 40 rows of 20 m, and change words of its headers."""
    path = folder / "section.sgy"
    write_segy(path, section(40, 150).T, *spread(np.zeros(1), 5.0 * np.arange(150)))
    change(path, file=file, trace=trace)
    return path


SEGY = {"section_spacing": (20.0, 5.0)}


def segy_layout(folder: Path) -> None:
    path = of_traces(folder, file={3225: 0})
    with pytest.raises(BuildError, match="format of samples 0 found"):
        read_section(path, (20.0, 5.0))
    found, _ = read_section(path, (20.0, 5.0), LayoutKeys(sample_format=5))
    np.testing.assert_allclose(found, section(40, 150))


def feet(folder: Path) -> None:
    path = of_traces(folder, file={3255: 2})
    with pytest.raises(BuildError, match=r"^[^(]*states feet .*`units='ft s-1'`, or `units='m s-1'`"):
        SectionTiles.make({"folder": str(path)} | SEGY).prepare()
    metres = made(path, **SEGY, units="m s-1")
    np.testing.assert_allclose(metres._section[0][0, 0], section().min().clip(1500), rtol=1e-6)
    assert made(path, **SEGY, units="ft s-1")._section[1].all()


def traces_without_velocities(folder: Path) -> None:
    for code, kind in ((2, "dead"), (6, "sweep")):
        path = of_traces(folder, trace={29: np.where(np.arange(150) == 7, code, 1)})
        with pytest.raises(BuildError, match=f"1 traces that are {kind} found .*; write the section without"):
            made(path, **SEGY, units="m s-1")


def other_headers(folder: Path) -> None:
    path = of_traces(folder, file={3217: 4000}, trace={109: 50, 71: -100, 73: 7, 181: 9, 169: 3})
    np.testing.assert_array_equal(read_section(path, (20.0, 5.0))[0], section(40, 150).astype("f4"))


def axes(folder: Path) -> None:
    assert read_section(written(folder / "a.npz", section(), 8.0), None)[1] == (8.0, 8.0)
    np.savez(folder / "b.npz", model=section(), z=-np.arange(145), x=np.arange(290))
    with pytest.raises(BuildError, match="'z' is no regular axis"):
        read_section(folder / "b.npz", None)


def member(folder: Path) -> None:
    np.savez(folder / "a.npz", vp=section(), z=np.arange(145), x=np.arange(290))
    with pytest.raises(BuildError, match="has no array 'model'"):
        read_section(folder / "a.npz", None)


def scale(folder: Path) -> None:
    path = written(folder / "a.npz", section())
    assert made(path)._section[0].max() == 4500.0
    with pytest.raises(BuildError, match="with units='km s-1'"):
        made(path, units="m s-1")


def first_bytes(folder: Path) -> None:
    (folder / "a.npz").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(BuildError, match="HDF5"):
        read_section(folder / "a.npz", None)


FIELDS: dict[str, Callable[[Path], None]] = {
    "first bytes": first_bytes,
    "`model` of `.npz`": member,
    "`x`, `z` of `.npz`": axes,
    "scale of velocities": scale,
    "format of samples, byte order, number of samples of SEG-Y": segy_layout,
    "measurement system of SEG-Y (3255)": feet,
    "trace identification of SEG-Y (29)": traces_without_velocities,
    "other headers of SEG-Y": other_headers,
}


@pytest.mark.parametrize("field", fields("seismic/section"))
def test_fields_of_the_files_are_read_as_the_card_says(field: str, tmp_path: Path) -> None:
    FIELDS[field](tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "m s-1"}, "velocities in rock expected; with units='km s-1'?"),
        ({"values": section(100, 290)}, "at least 700 m x 700 m expected"),
        ({"values": np.full((150, 150), np.nan)}, "finite velocities"),
        ({"values": np.zeros((3, 150, 150))}, "finite velocities"),
        ({"damage": True}, "expected numbers as np.save writes them"),
        ({"z": np.geomspace(1, 2, 145)}, "'z' is no regular axis"),
        ({"z": np.arange(140.0)}, "as many as the axes"),
    ],
)
def test_unfit_sections_are_refused_in_one_line(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    path = tmp_path / "section.npz"
    values = np.asarray(changes.get("values", section()))
    np.savez(path, model=values / 1000, z=changes.get("z", 5.0 * np.arange(values.shape[-2])),
             x=5.0 * np.arange(values.shape[-1]))  # fmt: skip
    if "damage" in changes:
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BuildError) as caught:
        made(path, **{key: changes[key] for key in changes if key == "units"})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_spacing_is_one_line(tmp_path: Path) -> None:
    path = written(tmp_path / "section.npz", section())
    with pytest.raises(ConfigError, match="two positive numbers"):
        SectionTiles.make({"folder": str(path), "section_spacing": [5, -5]})


@pytest.mark.skipif(not MARMOUSI_LIKE.is_file(), reason=f"the section is not at {MARMOUSI_LIKE}")
def test_the_marmousi_like_section_gives_twelve_tiles() -> None:
    recipe = made(MARMOUSI_LIKE)
    assert recipe.records() == 12
    assert "7.54 %" in recipe.remarks()[1]
