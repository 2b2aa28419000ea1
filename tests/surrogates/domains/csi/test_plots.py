"""Pictures show moduli where they are, power where it came from, and the error of the complex number."""

import numpy as np
import xarray as xr

from surrogates.core.registry import resolve
from surrogates.domains.csi.plots import (
    ANGLES,
    FLOOR,
    Channels,
    delay_angle_power,
    draw_measured,
    draw_record,
)
from tests.pieces.csi import examples
from tests.surrogates.domains.csi.small import records


def one_path(delay: float, angle: float) -> xr.Dataset:
    """A record whose channel is one path, its angle from the panel's axis in degrees."""
    record = records().isel(sample=0)
    length = 299792458.0 / float(record["carrier_frequency"])
    along = 2 * np.pi / length * record["antenna_y"] * np.sin(np.radians(angle))
    phase = along - 2 * np.pi * record["uplink_subcarrier"] * delay
    path = np.exp(1j * phase).broadcast_like(record["uplink_history"])
    return record.assign(uplink_history=path.transpose(*record["uplink_history"].dims))


def test_power_lies_at_the_delay_and_the_angle_of_the_path() -> None:
    cell = 1e6 / (48 * 30e3)  # us
    power, delays = delay_angle_power(one_path(3 * cell * 1e-6, 30.0))
    angle, delay = np.unravel_index(power.argmax(), power.shape)
    assert power.max() == 0.0 and power.min() >= FLOOR
    np.testing.assert_allclose(np.degrees(ANGLES[angle]), 30.0, atol=2.0)
    np.testing.assert_allclose(delays[delay], 3 * cell)


def test_a_record_shows_past_and_future_of_one_antenna_on_one_scale() -> None:
    record = records().isel(sample=1)
    figure = draw_record(record)
    up, down, source = (axes for axes in figure.axes if axes.images and axes.get_xlabel())
    shown = 20 * np.log10(np.abs(record["uplink_history"].values[0]))
    drawn = np.asarray(up.images[0].get_array())
    assert drawn.shape == (48, 20)
    np.testing.assert_allclose(drawn[:, :16], shown.T, rtol=1e-4, atol=1e-4)
    assert up.images[0].get_clim() == down.images[0].get_clim()
    np.testing.assert_allclose(up.images[0].get_extent()[2:], [-1.815, -0.375])  # MHz
    assert source.get_xlabel() == "delay, us"
    assert "CDL-D, 300 ns, 10 m/s" in up.get_title()


def test_the_pictures_are_those_of_the_recipes() -> None:
    assert resolve("record_plots", "csi/rrg") is draw_record
    assert resolve("record_plots", "csi/measured") is draw_measured


def test_a_forecast_of_another_phase_shows_its_error() -> None:
    """A factor of 1 + 0.1i has the right modulus within 0.5 % and an error of 10 %, -20 dB at each step."""
    figures = Channels(count=2)(examples())
    panels, steps = figures.values()
    truth = np.abs(records()["uplink_future"].values[1, 0]).T
    _, model, error, persistence, _ = (axes for axes in panels.axes[5:10])
    np.testing.assert_allclose(np.asarray(model.images[0].get_array()), truth, rtol=0.006)
    np.testing.assert_allclose(np.asarray(error.images[0].get_array()), 0.1 * truth, rtol=1e-4)
    np.testing.assert_allclose(np.asarray(persistence.images[0].get_array()), 0.5 * truth, rtol=1e-4)
    assert len({axes.images[0].get_clim() for axes in panels.axes[:10]}) == 1
    first, second = steps.axes[0].lines
    np.testing.assert_allclose(np.asarray(first.get_xdata()), 2.352 * np.arange(1, 5), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(first.get_ydata()), -20.0, atol=1e-3)
    np.testing.assert_allclose(np.asarray(second.get_ydata()), 20 * np.log10(0.5), atol=1e-3)


def test_a_packet_shows_every_pair_of_antennas_and_a_phase_without_jumps() -> None:
    """A path of 200 ns turns the phase by -2 pi 200 ns over a frequency, whatever the turns."""
    frequency = 312.5e3 * np.arange(-28, 29)
    path = 10 * np.exp(-2j * np.pi * 200e-9 * (frequency - frequency[0]))
    record = xr.Dataset(
        {
            "channel_frequency_response": (
                ("receive_antenna", "transmit_antenna", "subcarrier"),
                np.broadcast_to(path, (3, 2, 57)),
            ),
            "packet_time": ((), 0.25),
        },
        coords={"subcarrier": frequency},
    )
    modulus, phase = draw_measured(record).axes[:2]
    assert len(modulus.lines) == len(phase.lines) == 6
    np.testing.assert_allclose(np.asarray(modulus.lines[5].get_ydata()), 20.0)
    slope = np.diff(np.asarray(phase.lines[5].get_ydata())) / np.diff(frequency)
    np.testing.assert_allclose(slope, -2 * np.pi * 200e-9, rtol=1e-6)
    assert "0.25 s" in phase.get_title()
