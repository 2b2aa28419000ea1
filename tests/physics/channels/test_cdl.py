"""Clustered delay lines: delays, power, Doppler shift and array response are those of TR 38.901."""

import numpy as np
import pytest
import torch

from physics.channels.cdl import cdl, velocities
from physics.channels.panel import Panel
from physics.channels.response import Paths
from physics.channels.sounding import Sounding

ONE = Panel(1, 1, 1, "omni")
SPREAD = 1e-7
LINE_OF_SIGHT = {"departure": (np.radians(81.5), np.radians(-180.0)), "arrival": (np.radians(98.5), 0.0)}
"""Zenith angle and azimuth of CDL-D's line of sight at the user and at the base station (table 7.7.1-4)."""


def rngs(count: int, first: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([7, first + number]) for number in range(count)]


def unit(zenith: float, azimuth: float) -> np.ndarray:
    flat = np.sin(zenith)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.cos(zenith)])


def powers(paths: Paths) -> np.ndarray:
    """Mean power of each path over samples, antennas and time."""
    return paths.coefficients.abs().square().mean((0, 1, 3)).double().numpy()


def test_delays_are_those_of_the_table_times_the_delay_spread() -> None:
    delays = cdl("A", SPREAD, 0.0, rngs(1), Sounding(ONE, snapshots=1)).delays[0].numpy()
    assert len(delays) == 23
    np.testing.assert_allclose(delays[:4], SPREAD * np.array([0.0, 0.3819, 0.4025, 0.4610]), rtol=1e-6)
    np.testing.assert_allclose(delays[-1], 9.6586 * SPREAD, rtol=1e-6)


@pytest.mark.parametrize("model", ["A", "E"])
def test_power_is_1_and_its_spread_over_delays_is_the_one_asked_for(model: str) -> None:
    paths = cdl(model, SPREAD, 3.0, rngs(400), Sounding(ONE, interval=1.0, snapshots=4))
    power, delays = powers(paths), paths.delays[0].double().numpy()
    assert power.sum() == pytest.approx(1.0, rel=0.05)
    mean = power @ delays / power.sum()
    spread = np.sqrt(power @ (delays - mean) ** 2 / power.sum())
    assert spread == pytest.approx(SPREAD, rel=0.06)


def test_every_user_has_exactly_the_speed_asked_for() -> None:
    found = np.linalg.norm(velocities(30.0, rngs(50)), axis=1)
    np.testing.assert_allclose(found, 30.0, rtol=1e-6)


def test_without_motion_nothing_changes() -> None:
    found = cdl("E", SPREAD, 0.0, rngs(2), Sounding(Panel(1, 2, 2), snapshots=3)).coefficients
    assert torch.equal(found[..., 0], found[..., 2])


@pytest.mark.parametrize(("doppler", "angles"), [("ut", "departure"), ("csi-rrg", "arrival")])
def test_line_of_sight_turns_with_the_speed_along_the_angles_of_its_mode(doppler: str, angles: str) -> None:
    """Scattered rays have random phases, so that only the line of sight is left of a mean over samples."""
    sounding, count = Sounding(ONE, snapshots=6), 300
    paths = cdl("D", SPREAD, 10.0, rngs(count), sounding, doppler=doppler)  # type: ignore[arg-type]
    along = velocities(10.0, rngs(count)) @ unit(*LINE_OF_SIGHT[angles])
    turns = np.exp(2j * np.pi / sounding.wavelength * along[:, None] * sounding.interval * np.arange(6))
    found = (paths.coefficients[:, 0, 0].numpy() * turns.conj()).mean(0)
    np.testing.assert_allclose(np.abs(found), np.sqrt(0.888), atol=0.05)  # its share of the table's powers
    np.testing.assert_allclose(found / found[0], 1.0, atol=0.05)


def test_the_array_answers_to_the_line_of_sight_as_its_geometry_says() -> None:
    panel = Panel(2, 3, 2)
    paths = cdl("D", SPREAD, 0.0, rngs(300), Sounding(panel, snapshots=1))
    field = paths.coefficients[:, :, 0, 0].mean(0).numpy().reshape(2, 6)
    phases = 2 * np.pi * panel.positions[:6] @ unit(*LINE_OF_SIGHT["arrival"])[1:]
    for polarisation in field:
        np.testing.assert_allclose(
            polarisation / polarisation[0], np.exp(1j * (phases - phases[0])), atol=0.1
        )


def test_the_snapshots_are_those_symbols_of_a_simulation_of_all_symbols() -> None:
    panel = Panel(1, 2, 1)
    few = cdl("C", SPREAD, 30.0, rngs(2), Sounding(panel, snapshots=20))
    all_symbols = Sounding(panel, interval=Sounding().interval / 70, snapshots=1400)
    every = cdl("C", SPREAD, 30.0, rngs(2), all_symbols)
    torch.testing.assert_close(few.coefficients, every.coefficients[..., ::70], atol=2e-5, rtol=0)


@pytest.mark.parametrize("model", ["B", "E"])
def test_rays_that_are_summed_at_once_give_what_sionna_gives(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from physics.channels.tr38901 import RaySums

    sounding = Sounding(Panel(2, 2, 2), snapshots=5)
    ours = cdl(model, SPREAD, 10.0, rngs(3), sounding)
    monkeypatch.delattr(RaySums, "_step_11_nlos")
    theirs = cdl(model, SPREAD, 10.0, rngs(3), sounding)
    torch.testing.assert_close(ours.coefficients, theirs.coefficients, atol=1e-5, rtol=0)


def test_a_sample_is_the_same_in_any_batch_and_nobody_elses_draws_are_touched() -> None:
    state = torch.get_rng_state()
    together = cdl("C", SPREAD, 10.0, rngs(13), Sounding(Panel(2, 2, 2)))
    alone = cdl("C", SPREAD, 10.0, rngs(1, first=11), Sounding(Panel(2, 2, 2)))
    assert torch.equal(together.coefficients[11:12], alone.coefficients)
    assert not torch.equal(together.coefficients[10], together.coefficients[11])
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("F", SPREAD, 1.0), "model: 'F' found, one of A, B, C, D, E expected"),
        (("A", 100.0, 1.0), r"delay_spread: 100 s found, 0 to 1e-05 s expected; is it in s, not ns\?"),
        (("A", -1e-9, 1.0), "delay_spread: -1e-09 s found"),
        (("A", SPREAD, -3.0), r"speed: -3 m/s found, 0 to 500 m/s expected"),
        (("A", SPREAD, float("nan")), "speed: nan m/s found"),
    ],
)
def test_what_no_channel_has_is_refused(arguments: tuple[str, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cdl(*arguments, rngs(1), Sounding())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Panel(0, 4), "panel: rows 0 found, 1 or more expected"),
        (lambda: Panel(polarisations=3), "panel: polarisations 3 found, 1 or 2 expected"),
        (lambda: Panel(pattern="dipole"), "panel: pattern 'dipole' found, 38.901 or omni expected"),
        (lambda: Sounding(carrier_frequency=2.4), "carrier_frequency: 2.4 Hz found"),
        (lambda: Sounding(interval=0.0), "interval: 0 s found"),
    ],
)
def test_what_cannot_be_sounded_is_refused(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        make()
    with pytest.raises(ValueError, match="doppler: 'bs' found"):
        cdl("A", SPREAD, 1.0, rngs(1), Sounding(), doppler="bs")  # type: ignore[arg-type]
