"""Tiles of a velocity section: averages, clipping, positions, and gathers of the solver."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.verify import verify
from datasets.seismic.section import SectionTiles, read_section, resampled
from datasets.seismic.variables import FAMILIES
from physics.waves.seismic.propagator import simulate
from surrogates.core.errors import ConfigError
from tests.datasets.seismic.files import spread, write_segy

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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "m s-1"}, "velocities in rock expected; with units='km s-1'?"),
        ({"values": section(100, 290)}, "at least 700 m x 700 m expected"),
        ({"values": np.full((150, 150), np.nan)}, "finite velocities"),
        ({"values": np.zeros((3, 150, 150))}, "finite velocities"),
        ({"damage": True}, "holds no velocity section"),
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
