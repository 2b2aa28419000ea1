"""Closed formulas of radio propagation; the direct ray over a height raster is in `physics.geometry`.

Everything is written once against the array API: NumPy, CuPy and PyTorch arrays (on any device, with
gradients where they make sense) all work, in any batch shape. Path gains are in dB (negative), distances and
heights in m, frequencies in Hz, angles in rad; azimuth is clockwise from north.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from array_api_compat import array_namespace
from array_api_compat import device as _device

from physics.geometry import (
    SHORTEST,
    SPEED_OF_LIGHT,
    Array,
    DirectRay,
    Link,
    View,
    Window,
    direct_ray,
    link_geometry,
)

__all__ = [
    "SHORTEST",
    "SPEED_OF_LIGHT",
    "Array",
    "DirectRay",
    "Link",
    "View",
    "Window",
    "direct_ray",
    "ericsson_path_gain",
    "friis_path_gain",
    "knife_edge_loss",
    "link_geometry",
    "log_distance_path_gain",
    "tr38901_antenna_gain",
    "uma_path_gain",
]

UMA_SHORTEST = 10.0  # m; shortest distance on the ground that TR 38.901 covers


def friis_path_gain(distance: Array, frequency: float) -> Array:
    """Path gain of free space between isotropic antennas, dB.

    Parameters
    ----------
    distance : array
        Length of the path in space, m.
    frequency : float
        Carrier frequency, Hz.

    References
    ----------
    H. T. Friis, "A note on a simple transmission formula", Proc. IRE 34, 1946.
    """
    return _decades(distance) * -20.0 + 20.0 * math.log10(SPEED_OF_LIGHT / (4.0 * math.pi * frequency))


def log_distance_path_gain(distance: Array, gain_at_1_m: float, exponent: float) -> Array:
    """Path gain ``gain_at_1_m - 10 exponent log10(distance)``, dB."""
    return _decades(distance) * (-10.0 * exponent) + gain_at_1_m


def uma_path_gain(
    ground_distance: Array,
    transmitter_height: Array,
    receiver_height: float,
    frequency: float,
    sight: Literal["los", "nlos"],
    environment_height: float = 1.0,
) -> Array:
    """Path gain of the urban macro cell of 3GPP TR 38.901, table 7.4.1-1, dB.

    Parameters
    ----------
    ground_distance : array
        Horizontal distance, m; below 10 m, where the table ends, the value at 10 m.
    transmitter_height : array or float
        Height of the base station above the ground, m; broadcasts against `ground_distance`.
    receiver_height : float
        Height of the terminal above the ground, m.
    frequency : float
        Carrier frequency, Hz.
    sight : {"los", "nlos"}
        With or without line of sight.
    environment_height : float
        Effective environment height h_E taken from both heights in the break-point distance, m; 1 in the
        standard, 0 in the maps of Geo2SigMap.
    """
    if sight not in ("los", "nlos"):
        raise ValueError(f"sight is '{sight}'; it must be 'los' or 'nlos'")
    xp = array_namespace(ground_distance)
    distance = xp.clip(ground_distance, min=UMA_SHORTEST)
    drop = transmitter_height - receiver_height
    slant = _decades(xp.sqrt(distance**2 + drop**2))
    carrier = 20.0 * math.log10(frequency / 1e9)
    effective = (transmitter_height - environment_height) * (receiver_height - environment_height)
    break_point = effective * (4.0 * frequency / SPEED_OF_LIGHT)
    near = 28.0 + carrier + 22.0 * slant
    far = 28.0 + carrier + 40.0 * slant - 9.0 * _decades(break_point**2 + drop**2, xp)
    clear = xp.where(distance <= break_point, near, far)
    if sight == "los":
        return -clear
    blocked = 13.54 + carrier + 39.08 * slant - 0.6 * (receiver_height - 1.5)
    return -xp.maximum(clear, blocked)


def ericsson_path_gain(
    ground_distance: Array, transmitter_height: Array, receiver_height: float, frequency: float
) -> Array:
    """Path gain of the Ericsson 9999 model, urban parameters (36.2, 30.2, 12.0, 0.1), dB.

    Distances and heights are in m and the frequency in Hz; the model itself counts in km and MHz.

    References
    ----------
    J. Milanovic et al., "Comparison of propagation model accuracy for WiMAX on 3.5 GHz", ICECS 2007.
    """
    xp = array_namespace(ground_distance)
    kilometres = _decades(ground_distance) - 3.0
    height = _decades(transmitter_height, xp)
    carrier = math.log10(frequency / 1e6)
    of_carrier = 44.49 * carrier - 4.78 * carrier**2
    of_receiver = 3.2 * math.log10(11.75 * receiver_height) ** 2
    return -(36.2 + 30.2 * kilometres + 12.0 * height + 0.1 * height * kilometres - of_receiver + of_carrier)


def tr38901_antenna_gain(azimuth_offset: Array, zenith: Array) -> Array:
    """Gain of one antenna element of 3GPP TR 38.901, table 7.3-1, dBi: peak 8 dBi, beam width 65 degrees.

    Parameters
    ----------
    azimuth_offset : array
        Azimuth of the direction less that of the antenna, rad; any multiple of a turn may be added.
    zenith : array
        Angle of the direction from straight up, rad; broadcasts against `azimuth_offset`.
    """
    xp = array_namespace(azimuth_offset, zenith)
    width, floor = math.radians(65.0), 30.0
    wrapped = azimuth_offset - 2.0 * math.pi * xp.round(azimuth_offset / (2.0 * math.pi))
    horizontal = xp.clip(12.0 * (wrapped / width) ** 2, max=floor)
    vertical = xp.clip(12.0 * ((zenith - math.pi / 2.0) / width) ** 2, max=floor)
    return 8.0 - xp.clip(horizontal + vertical, max=floor)


def sector_antenna_gain(
    azimuth_offset: Array,
    depression: Array,
    horizontal_width: Array,
    vertical_width: Array,
    tilt: Array,
    front_to_back: Array,
    side_lobe: Array,
) -> Array:
    """Gain of a panel antenna relative to its peak, dB (0 at the peak, negative elsewhere).

    All arguments broadcast against each other, so that many antennas can be tried at once.

    Parameters
    ----------
    azimuth_offset : array
        Azimuth of the direction less that of the antenna, rad; any multiple of a turn may be added.
    depression : array
        Angle of the direction below the horizon, rad.
    horizontal_width, vertical_width : array or float
        Widths of the beam at half power, rad.
    tilt : array or float
        Angle of the beam below the horizon, rad.
    front_to_back, side_lobe : array or float
        Largest attenuation by azimuth and by elevation, dB.

    References
    ----------
    3GPP TR 36.814 V9.2, table A.2.1.1-2 (70 and 10 degrees, 25 and 20 dB there). The common limit of both
    cuts in that table (the front-to-back ratio again) is left out: here each limit belongs to its own cut.
    """
    xp = array_namespace(azimuth_offset, depression)
    wrapped = azimuth_offset - 2.0 * math.pi * xp.round(azimuth_offset / (2.0 * math.pi))
    horizontal = xp.minimum(12.0 * (wrapped / horizontal_width) ** 2, _as(xp, front_to_back, wrapped))
    vertical = xp.minimum(12.0 * ((depression - tilt) / vertical_width) ** 2, _as(xp, side_lobe, depression))
    return -(horizontal + vertical)


def knife_edge_loss(parameter: Array) -> Array:
    """Loss at a single knife edge, dB (0 where the edge is far below the ray).

    Parameters
    ----------
    parameter : array
        Fresnel-Kirchhoff diffraction parameter (`DirectRay.diffraction_parameter`), 1.

    References
    ----------
    Recommendation ITU-R P.526-15, equation (31).
    """
    xp = array_namespace(parameter)
    shifted = xp.clip(parameter, min=-0.78) - 0.1
    return 6.9 + 20.0 * xp.log10(xp.sqrt(shifted**2 + 1.0) + shifted)


def _decades(values: Array, xp: Any = None) -> Array:
    """log10 of the values, which count as at least 1; plain numbers become numbers."""
    if isinstance(values, int | float):
        return math.log10(max(values, SHORTEST))
    xp = xp or array_namespace(values)
    return xp.log10(xp.clip(values, min=SHORTEST))


def _as(xp: Any, value: Array, like: Array) -> Array:
    """A number as an array of the type and device of another; an array as it is."""
    return (
        xp.asarray(value, dtype=like.dtype, device=_device(like)) if isinstance(value, int | float) else value
    )
