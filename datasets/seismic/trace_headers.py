"""What the headers of SEG-Y traces mean: positions, times and amplitudes.

Bytes and codes are those of SEG-Y revisions 0 to 2.1, counted from 1.
"""

from __future__ import annotations

import numpy as np

from datasets.factory.errors import BuildError
from datasets.seismic.sample_formats import FORMATS, decoded
from datasets.seismic.segy_keys import GatherKeys
from datasets.seismic.trace_choice import Chosen
from datasets.seismic.traces import COORDINATES, Traces
from surrogates.core.optional import require

FOOT = 0.3048
FARTHEST = 1e8
"""More than any coordinate of a map, m or feet, with the number of its zone before it too."""
SCALARS = (0, 1, 10, 100, 1000, 10_000)
"""Sizes of the scalars that the standard knows."""
UNITS = {1: "Pa", 2: "V", 3: "mV", 4: "A", 5: "m", 6: "m s-1", 7: "m s-2", 8: "N", 9: "W"}
"""Units of amplitudes by their code in bytes 203-204 and 211-212."""
STATED = {
    "amplitude_recovery": (3253, {2: "spherical divergence", 3: "automatic gain control", 4: "other"}),
    "impulse_polarity": (
        3257,
        {1: "pressure or upward motion is negative", 2: "pressure or upward motion is positive"},
    ),
}
"""Codes of the binary header that become attributes: their bytes and meanings."""


def points(traces: Traces, chosen: Chosen, keys: GatherKeys) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return positions of source and receiver of each chosen trace, shape (traces, 2), m, and remarks."""
    metres, remarks = _metres(traces, keys)
    if keys.geometry == "offsets":
        offsets = traces.word(37)[chosen.numbers] * metres
        return np.zeros((len(offsets), 2)), np.stack([offsets, np.zeros(len(offsets))], axis=1), remarks
    raw, scaled = _coordinates(traces, chosen, keys)
    units, said = _coordinate_units(traces, chosen, keys)
    if units == "length":
        sources, groups = raw[:, :2] * metres, raw[:, 2:] * metres
    else:
        degrees = {"arcseconds": raw / 3600.0, "degrees": raw, "dms": _from_dms(raw)}[units]
        sources, groups = _projected(traces, degrees, chosen)
        said = [*said, "angles were projected to m around the line"]
    offsets = np.abs(traces.word(37)[chosen.numbers]) * metres
    remarks = [*remarks, *scaled, *said]
    return sources, groups, [*remarks, *_unlike_offsets(offsets, np.hypot(*(groups - sources).T))]


def _coordinates(traces: Traces, chosen: Chosen, keys: GatherKeys) -> tuple[np.ndarray, list[str]]:
    """Return scaled coordinates of source and receiver of each chosen trace, (traces, 4), and remarks."""
    starts = COORDINATES | keys.coordinate_bytes
    words = np.stack([traces.words(start, "u4")[chosen.numbers] for start in starts.values()], axis=1)
    scalars = traces.word(71)[chosen.numbers]
    found = {
        code: decoded(words.astype(np.uint32).view(FORMATS[code][1]), code, "=")
        * scaling(scalars.astype(float))[:, None]
        for code in (1, 2, 5)
    }
    read = found[keys.coordinate_format]
    far = ~(np.abs(read) <= FARTHEST).all(axis=1) & ~chosen.dead
    if far.any():
        first = int(far.argmax())
        others = ", and ".join(
            f"{', '.join(f'{value:.7g}' for value in each[first])} by `coordinate_format={code}` "
            f"({FORMATS[code][0]})"
            for code, each in found.items()
            if code != keys.coordinate_format
        )
        raise BuildError(
            f"{traces.path}, trace {chosen.numbers[first] + 1}: a coordinate of "
            f"{np.abs(read[first]).max():.7g} found (bytes 73-88), at most {FARTHEST:g} expected; its four "
            f"would be {others}"
        )
    odd = ~np.isin(np.abs(scalars), SCALARS)
    said = f"scalars of coordinates that are no power of ten were applied, such as {scalars[odd.argmax()]} "
    return read, [f"{said}(bytes 71-72)"] if odd.any() else []


def _unlike_offsets(offsets: np.ndarray, distances: np.ndarray) -> list[str]:
    """Remark that stated distances from the shot are not those of the coordinates, if any are stated."""
    far = (offsets > 0.0) & (distances > 0.0)
    if not far.any() or abs((ratio := np.median(offsets[far] / distances[far])) - 1.0) < 0.05:
        return []
    return [
        f"distances in bytes 37-40 are {ratio:.3g} times those between coordinates: look at units and "
        "scalars (bytes 3255, 71 and 89)"
    ]


def scaling(scalars: np.ndarray) -> np.ndarray:
    """Return the factors that scalars of SEG-Y stand for: negative ones divide, 0 is 1."""
    return np.where(scalars < 0, -1.0 / np.minimum(scalars, -1.0), np.maximum(scalars, 1.0))


def _metres(traces: Traces, keys: GatherKeys) -> tuple[float, list[str]]:
    code = int(traces.file_word(3255))
    stated = {0: "m", 1: "m", 2: "ft"}.get(code)
    if keys.measurement_system is None and stated is None:
        raise BuildError(
            f"{traces.path}: measurement system {code} found (bytes 3255-3256), 1 (m) or 2 (feet) expected; "
            "state it by `measurement_system=m` or `measurement_system=ft`"
        )
    remarks = []
    if keys.measurement_system is None and code == 0:
        remarks = [
            "the measurement system is not stated (bytes 3255-3256): m are assumed; "
            "`measurement_system=ft` for feet"
        ]
    elif keys.measurement_system is None and stated == "ft":
        remarks = [f"feet were converted to m (1 ft = {FOOT} m)"]
    return (FOOT if (keys.measurement_system or stated) == "ft" else 1.0), remarks


def _coordinate_units(traces: Traces, chosen: Chosen, keys: GatherKeys) -> tuple[str, list[str]]:
    if keys.coordinate_units:
        return keys.coordinate_units, []
    live = chosen.live
    codes = np.unique(traces.word(89)[live])
    names = {0: "length", 1: "length", 2: "arcseconds", 3: "degrees", 4: "dms"}
    units = {names.get(code, "") for code in codes.tolist()}
    if len(units) > 1 or "" in units:
        raise BuildError(
            f"{traces.path}: units of coordinates {codes.tolist()} found (bytes 89-90), one of 1 (length), 2 "
            "(seconds of arc), 3 (degrees), 4 (degrees, minutes, seconds) expected in all traces; state it, "
            "such as `coordinate_units=length`"
        )
    said = [] if codes.any() else ["units of coordinates are not stated (bytes 89-90): lengths are assumed"]
    return units.pop(), said


def _from_dms(values: np.ndarray) -> np.ndarray:
    """Return degrees of DDDMMSS.ss."""
    size = np.abs(values)
    degrees = size // 10_000 + size % 10_000 // 100 / 60.0 + size % 100 / 3600.0
    return np.asarray(np.sign(values) * degrees)


def _projected(traces: Traces, degrees: np.ndarray, chosen: Chosen) -> tuple[np.ndarray, np.ndarray]:
    """Project longitudes and latitudes of sources and receivers to m from a point near the line.

    The point has whole degrees, so that files of one spread share it; lengths are right to 1e-4.
    """
    live = degrees[~chosen.dead]
    if np.abs(live[:, ::2]).max() > 360.0 or np.abs(live[:, 1::2]).max() > 90.0:
        raise BuildError(
            f"{traces.path}: coordinates up to {np.abs(live).max():.6g} degrees found, longitudes and "
            "latitudes expected since bytes 89-90 or `coordinate_units` say angles; if they are lengths, "
            "state `coordinate_units=length`"
        )
    pyproj = require("pyproj", "Projecting the angles of SEG-Y")
    longitude, latitude = np.round(live[:, 2:].mean(axis=0))
    plane = f"+proj=aeqd +lat_0={latitude} +lon_0={longitude} +ellps=WGS84"
    transform = pyproj.Transformer.from_crs("EPSG:4326", plane, always_xy=True).transform
    source, receiver = (
        np.stack(transform(*degrees[:, columns].T), axis=1) for columns in (slice(2), slice(2, 4))
    )
    return source, receiver


def times(traces: Traces, live: np.ndarray, keys: GatherKeys) -> np.ndarray:
    """Return the times of the samples since the shot, s.

    Raises
    ------
    BuildError
        If intervals or beginnings differ, or if lag times contradict the delay of the recording.
    """
    begin = _beginning(traces, live) if keys.first_sample is None else keys.first_sample
    step = keys.sample_interval or 1e-6 * _interval(traces, live)
    return np.asarray(begin + step * np.arange(traces.samples))


def _interval(traces: Traces, live: np.ndarray) -> float:
    """Return the interval of samples, microseconds."""
    steps = np.unique(traces.words(117, "u2")[live])
    in_file = traces.file_word(3217, "u2")
    exact = traces.file_word(3273, "f8") if traces.revision == 2 else 0.0
    step = exact or in_file or float(steps[-1])
    if not step > 0.0 or (np.abs(steps[steps > 0] - step) >= 1.0).any():
        raise BuildError(
            f"{traces.path}: sampling intervals of {exact or in_file:g} us (file, bytes 3217-3218) and "
            f"{steps.tolist()} us (traces, bytes 117-118) found, one positive number expected; state it in "
            "s, such as `sample_interval=0.004`"
        )
    return step


def _beginning(traces: Traces, live: np.ndarray) -> float:
    """Return the time of the first sample since the shot, s, by delay and lag times."""
    scalars = traces.word(215)[live]
    delays, lags = traces.word(109)[live], (traces.word(105) + traces.word(107))[live]
    if (odd := ~np.isin(np.abs(scalars), SCALARS) & ((delays != 0) | (lags != 0))).any():
        raise BuildError(
            f"{traces.path}, trace {live[odd][0] + 1}: scalar of times {scalars[odd][0]} found (bytes "
            "215-216), a power of ten up to 10000 expected; state the time of the first sample in s, such "
            "as `first_sample=0`"
        )
    begins = 1e-3 * delays * scaling(scalars.astype(float))
    if (lagging := (lags != 0) & (lags != -delays)).any():
        first = live[lagging][0]
        raise BuildError(
            f"{traces.path}, trace {first + 1}: lag times of {lags[lagging][0]} in all (bytes 105-108) and a "
            f"delay of {delays[lagging][0]} (bytes 109-110) found, which do not fit; state the time of the "
            "first sample after the shot in s, such as `first_sample=0`"
        )
    if np.ptp(begins) > 1e-9:
        other = int(np.argmax(begins != begins[0]))
        raise BuildError(
            f"{traces.path}: trace {live[0] + 1} begins at {begins[0]:g} s and trace {live[other] + 1} at "
            f"{begins[other]:g} s (bytes 109-110), one beginning expected; cut the file into files of one "
            "delay each"
        )
    return float(begins[0])


def amplitudes(traces: Traces, chosen: Chosen, keys: GatherKeys) -> tuple[np.ndarray, str, list[str]]:
    """Return the factor of each chosen trace, the units of the product, and remarks."""
    live = chosen.live
    weights, remarks = traces.word(169), []
    factors = np.ones(len(traces))
    if keys.scale_amplitudes and weights[live].any():
        factors = np.exp2(-weights.astype(float))
        remarks.append("amplitudes were multiplied by 2^-N, the trace weighting factors N in bytes 169-170")
    if len(np.unique(traces.word(31)[live].clip(1))) > 1:
        remarks.append("traces are sums of unequal numbers of shots (bytes 31-32): amplitudes do not compare")
    units, byte = traces.word(203), 203
    if traces.revision == 0:  # bytes 181-240 mean nothing there
        units = np.zeros_like(units)
    elif keys.scale_amplitudes and (mantissas := traces.word(205))[live].any():
        factors = factors * np.where(mantissas == 0, 1.0, mantissas * 10.0 ** traces.word(209))
        units, byte = np.where(mantissas == 0, units, traces.word(211)), 211
        remarks.append("amplitudes were multiplied by the transduction constants in bytes 205-210")
    if len(found := np.unique(units[live])) > 1:
        raise BuildError(
            f"{traces.path}: units of amplitudes {found.tolist()} found (bytes {byte}-{byte + 1}), one in "
            f"all traces expected; leave traces out, such as by `leave_out={{{byte}: {int(found[-1])}}}`"
        )
    if not np.isfinite(factors[live]).all() or np.abs(factors[live]).max() > 1e30 or not factors[live].all():
        raise BuildError(
            f"{traces.path}: amplitudes would be multiplied by {factors[live].max():g} (bytes 169-170 and "
            "205-210); if these bytes hold something else, say `scale_amplitudes=false`"
        )
    return factors[chosen.numbers], UNITS.get(int(found[0]), "1"), remarks


def stated(traces: Traces, live: np.ndarray, keys: GatherKeys) -> tuple[dict[str, str], list[str]]:
    """Return what was done to all amplitudes before, by attribute, and remarks."""
    attributes = {
        name: meanings[code]
        for name, (byte, meanings) in STATED.items()
        if (code := int(traces.file_word(byte))) in meanings
    }
    code = int(traces.file_word(3225))
    differs = keys.sample_format not in (None, code)
    said = [f"samples are read as {FORMATS[traces.code][0]}; bytes 3225-3226 say {code}"] if differs else []
    counts = np.unique(traces.words(115, "u2")[live])
    if not np.isin(counts, (0, traces.samples & 0xFFFF)).all():
        said.append(
            f"traces state {counts[-1]} samples (bytes 115-116), the file {traces.samples}, which it holds"
        )
    if (shifts := traces.word(103)[live]).any():
        worst = 1e-3 * np.abs(shifts * scaling(traces.word(215)[live].astype(float))).max()
        said.append(f"traces were shifted by up to {worst:g} s before (bytes 103-104): that is not undone")
    return attributes, said
