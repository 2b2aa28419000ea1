"""Best server and SINR of several sectors."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import surrogates
from surrogates.core.errors import ConfigError
from surrogates.domains.radio.patterns import AntennaPattern
from surrogates.domains.radio.servers import Sector, _serving
from surrogates.inference.surrogate import Surrogate

ISOTROPIC = AntennaPattern("isotropic", 0.0, np.zeros(360), np.zeros(360))
NOISE = -174.0 + 10 * np.log10(15e3) + 7.0  # dBm in a subcarrier at 290 K


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return surrogates.load("zoo:radio/geo2sigmap", device="cpu")


@pytest.fixture(scope="module")
def area(surrogate: Surrogate) -> xr.Dataset:
    return surrogate.example().isel(sample=0)[["building_height", "terrain_height"]]


@pytest.fixture(scope="module")
def sectors() -> list[Sector]:
    west, east = (Sector((x, 250.0, 30.0), 0.0, 46.0, pattern=ISOTROPIC) for x in (130.0, 380.0))
    return [replace(west, name="west"), replace(east, name="east")]


def test_sinr_is_that_of_a_hand_computation() -> None:
    power = np.array([[-80.0, -100.0, np.nan], [-83.0, -90.0, -70.0]])
    best, strongest, ratio = _serving(power, -120.0)
    assert best[:2].tolist() == [0.0, 1.0]
    assert strongest[:2].tolist() == [-80.0, -90.0]
    # 10 pW against 5.012 pW and a noise of 1 fW; 1 pW against 0.1 pW and the noise
    expected = [10 * np.log10(1e-8 / (10**-8.3 + 1e-12)), 10 * np.log10(1e-9 / (1e-10 + 1e-12))]
    np.testing.assert_allclose(ratio[:2], expected, atol=1e-9)
    assert np.isnan([best[2], strongest[2], ratio[2]]).all()


def test_a_single_sector_is_limited_by_noise(surrogate: Surrogate, area: xr.Dataset, sectors: list) -> None:
    found = surrogate.radio.best_server(area, sectors[:1], bandwidth=20e6, noise_figure=7.0)
    alone = surrogate.predict(
        area.assign(transmitter_position=("enu", np.array(sectors[0].position), {"units": "m"}))
    )
    expected = 46.0 - 10 * np.log10(20e6 / 15e3) + alone["path_gain"]
    xr.testing.assert_allclose(found["rsrp"].drop_attrs(), expected.drop_attrs().astype(float), atol=1e-3)
    np.testing.assert_allclose(found["sinr"], expected - NOISE, atol=0.05)
    assert (found["best_server"].isnull() == (area["building_height"] > 0)).all()


def test_two_sectors_share_the_map(surrogate: Surrogate, area: xr.Dataset, sectors: list) -> None:
    found = surrogate.radio.best_server(area, sectors, bandwidth=20e6)
    strongest = found["sector_rsrp"].max("sector")
    xr.testing.assert_allclose(found["rsrp"], strongest, atol=1e-6)
    known = found["rsrp"].notnull()
    assert (found["sinr"].where(known, 99) > -3.1).all()  # of two, the best is never below -3 dB
    assert set(np.unique(found["best_server"].values[known.values])) == {0.0, 1.0}
    assert list(found["sector"].values) == ["west", "east"]
    linear = 10 ** (found["sector_rsrp"] / 10)
    ratio = 10 * np.log10(linear.max("sector") / (linear.min("sector") + 10 ** (NOISE / 10)))
    np.testing.assert_allclose(found["sinr"].values[known.values], ratio.values[known.values], atol=0.05)


def test_power_and_bandwidth_move_rsrp_and_only_power_the_noise_limited_sinr(
    surrogate: Surrogate, area: xr.Dataset, sectors: list
) -> None:
    plain, strong, wide = (
        surrogate.radio.best_server(area, [each], bandwidth=width)
        for each, width in ((sectors[0], 10e6), (replace(sectors[0], eirp=56.0), 10e6), (sectors[0], 100e6))
    )
    for name in ("rsrp", "sinr"):
        np.testing.assert_allclose(strong[name] - plain[name], np.where(plain[name].isnull(), np.nan, 10.0))
        np.testing.assert_allclose(wide[name] - plain[name], np.where(plain[name].isnull(), np.nan, -10.0))


def test_a_sector_is_strongest_where_it_looks(surrogate: Surrogate, area: xr.Dataset, sectors: list) -> None:
    sides = [replace(sectors[0], azimuth=azimuth, pattern=None) for azimuth in (0.0, 180.0)]
    found = surrogate.radio.best_server(area, sides, bandwidth=20e6)["best_server"]
    north = found.where(found["y"] > 262.0)
    south = found.where(found["y"] < 238.0)
    assert (north.fillna(0.0) == 0.0).all()
    assert (south.fillna(1.0) == 1.0).all()


def test_a_tilt_changes_the_far_field_as_the_standard_says(
    surrogate: Surrogate, area: xr.Dataset, sectors: list
) -> None:
    level, tilted = (
        surrogate.radio.best_server(area, [replace(sectors[0], pattern=None, tilt=tilt)], bandwidth=20e6)
        for tilt in (0.0, 20.0)
    )
    change = (tilted["rsrp"] - level["rsrp"]).sel(x=130.0, method="nearest").where(level["y"] > 350.0)
    assert change.notnull().sum() > 10
    down = np.rad2deg(np.arctan2(28.0, level["y"] - 250.0))  # the receiver is 2 m high
    expected = 12.0 / 65.0**2 * (down**2 - (down - 20.0) ** 2)
    np.testing.assert_allclose(change.dropna("y"), expected.where(change.notnull()).dropna("y"), atol=0.02)


def test_what_cannot_be_served_is_refused(surrogate: Surrogate, area: xr.Dataset, sectors: list) -> None:
    with pytest.raises(ConfigError, match="got no sector"):
        surrogate.radio.best_server(area, [], bandwidth=20e6)
    with pytest.raises(ConfigError, match="expected a bandwidth of at least one subcarrier"):
        surrogate.radio.best_server(area, sectors, bandwidth=10.0)
    with pytest.raises(ConfigError, match=r"needs 'building_height' \(y, x\) of one map"):
        surrogate.radio.best_server(surrogate.example(), sectors, bandwidth=20e6)
    measured = surrogates.load("zoo:radio/geo2sigmap_measured", device="cpu")
    with pytest.raises(ConfigError, match="takes a surrogate of path_gain"):
        measured.radio.best_server(area, sectors, bandwidth=20e6)
