"""What a store of channel state information holds: a past uplink, and the uplink and downlink after it."""

import numpy as np
import xarray as xr

from datasets.csi.bands import Bands
from datasets.store.specs import VariableSpec
from physics.channels.cdl import MODELS
from physics.channels.checks import SPEEDS, SPREADS
from physics.channels.sounding import Sounding

HISTORY, UPLINK, DOWNLINK = "uplink_history", "uplink_future", "downlink_future"
CHANNEL_MODELS = tuple(f"CDL-{model}" for model in MODELS)
"""Channel models; the variable `channel_model` holds their indices."""

SCENARIO = [
    VariableSpec(
        name="channel_model",
        dims=("sample",),
        shape=(),
        dtype="int8",
        long_name="channel model of 3GPP TR 38.901",
        attributes={
            "flag_values": list(range(len(CHANNEL_MODELS))),
            "flag_meanings": " ".join(CHANNEL_MODELS),
        },
    ),
    VariableSpec(
        name="delay_spread",
        dims=("sample",),
        shape=(),
        units="s",
        long_name="RMS delay spread",
        minimum=SPREADS[0],
        maximum=SPREADS[1],
    ),
    VariableSpec(
        name="speed",
        dims=("sample",),
        shape=(),
        units="m s-1",
        long_name="speed of the user",
        minimum=SPEEDS[0],
        maximum=SPEEDS[1],
    ),
]
"""What a record's channel was drawn from."""


def channel_specs(sounding: Sounding, history: int, horizon: int, bands: Bands) -> list[VariableSpec]:
    """Return the specs of a past uplink and what follows it.

    Parameters
    ----------
    sounding
        Carrier, panel and interval.
    history, horizon
        Snapshots.
    bands
        Subcarriers.
    """
    ports = sounding.panel.ports
    past = _channel(HISTORY, ("time", history), ("uplink_subcarrier", bands.uplink), ports, "past uplink")
    # So declared, a surrogate checks the clock of what it is asked with, and takes the end of a longer past.
    window = {"window_dimension": "time", "step": sounding.interval}
    return [
        past.model_copy(update={"attributes": window}),
        _channel(UPLINK, ("horizon", horizon), ("uplink_subcarrier", bands.uplink), ports, "next uplink"),
        _channel(
            DOWNLINK, ("horizon", horizon), ("downlink_subcarrier", bands.downlink), ports, "next downlink"
        ),
    ]


def coordinates(sounding: Sounding, history: int, horizon: int, bands: Bands) -> xr.Dataset:
    """Return the coordinates that all records share: instants, subcarriers and antennas.

    Parameters
    ----------
    sounding
        Carrier, panel and interval.
    history, horizon
        Snapshots; the last one of the history is at 0 s.
    bands
        Subcarriers.
    """
    panel = sounding.panel
    metres = sounding.wavelength * panel.positions
    offsets = bands.frequencies
    return xr.Dataset(
        {
            "carrier_frequency": xr.Variable(
                (), sounding.carrier_frequency, {"units": "Hz", "long_name": "carrier frequency"}
            ),
            "antenna_y": _along("antenna", metres[:, 0], "m", "horizontal position of the antenna"),
            "antenna_z": _along("antenna", metres[:, 1], "m", "vertical position of the antenna"),
            "antenna_slant": _along("antenna", panel.slants, "degree", "slant of the antenna from vertical"),
        },
        coords={
            "antenna": _along("antenna", np.arange(panel.ports), "1", "port of the base station's panel"),
            "time": _along(
                "time", sounding.interval * np.arange(1 - history, 1), "s", "time since the last snapshot"
            ),
            "horizon": _along(
                "horizon", sounding.interval * np.arange(1, horizon + 1), "s", "time after the last snapshot"
            ),
            "uplink_subcarrier": _along(
                "uplink_subcarrier", offsets[bands.uplink_slice], "Hz", "frequency above the carrier"
            ),
            "downlink_subcarrier": _along(
                "downlink_subcarrier", offsets[bands.downlink_slice], "Hz", "frequency above the carrier"
            ),
        },
    )


def _channel(
    name: str, time: tuple[str, int], band: tuple[str, int], ports: int, long_name: str
) -> VariableSpec:
    return VariableSpec(
        name=name,
        dims=("sample", "antenna", time[0], band[0]),
        shape=(ports, time[1], band[1]),
        dtype="complex64",
        long_name=f"frequency response of the {long_name}",
        repeatability=1e-4,
    )


def _along(dim: str, values: np.ndarray, units: str, long_name: str) -> xr.Variable:
    return xr.Variable(dim, values, {"units": units, "long_name": long_name})
