"""Which traces of a SEG-Y file are seismic: by identification code, data use and what a user leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datasets.factory.errors import BuildError
from datasets.seismic.segy_keys import GatherKeys
from datasets.seismic.traces import COORDINATES, Traces, width

SENSORS = {
    1: "unknown",
    11: "pressure",
    12: "vertical",
    13: "cross-line",
    14: "in-line",
    15: "rotated vertical",
    16: "transverse",
    17: "radial",
}
"""Live traces by their identification code (bytes 29-30): what the sensor recorded."""
DEAD = {2: "dead", 3: "dummy"}
AUXILIARY = {
    4: "time break",
    5: "uphole",
    6: "sweep",
    7: "timing",
    8: "water break",
    9: "near-field signature or other auxiliary",
    10: "far-field signature",
    18: "vibrator reaction mass",
    19: "vibrator baseplate",
    20: "vibrator ground force",
    21: "vibrator reference",
    22: "time-velocity pairs",
}
"""Traces that were never meant as seismic ones: they do not count as a loss."""


@dataclass(frozen=True)
class Chosen:
    """Which traces of a file are used, and why others are not.

    Attributes
    ----------
    numbers
        Indices of the traces that are used.
    dead
        Which of them are dead or dummies.
    attributes
        What the live ones recorded, if it is known.
    causes, chosen
        How many traces are not used, or are NaN, by cause: a loss, or because a key or their kind says so.
    remarks
        What the user should know.
    """

    numbers: np.ndarray
    dead: np.ndarray
    attributes: Mapping[str, str]
    causes: Mapping[str, int]
    chosen: Mapping[str, int]
    remarks: tuple[str, ...] = ()

    @property
    def live(self) -> np.ndarray:
        """Indices of the live traces."""
        return self.numbers[~self.dead]


def choose(traces: Traces, keys: GatherKeys) -> Chosen:
    """Choose the traces that are seismic, by identification code, data use and `leave_out`.

    Raises
    ------
    BuildError
        If none is, if sensors are of several kinds, or if records are vibrations that were not correlated.
    """
    codes, byte = _codes(traces)
    rest = np.ones(len(traces), bool)
    chosen: Counter[str] = Counter()
    causes: Counter[str] = Counter()

    def leave(which: np.ndarray, cause: str, counter: Counter[str]) -> None:
        counter[cause] += int((which & rest).sum())
        rest[which] = False

    for start, values in keys.leave_out.items():
        name = f"by leave_out (bytes {start}-{start + width(start) - 1})"
        leave(np.isin(traces.word(start), values), name, chosen)
    for code in np.unique(codes[~np.isin(codes, (0, *SENSORS, *DEAD))]).tolist():
        name = f"{AUXILIARY.get(code, 'not seismic')} (trace identification {code})"
        leave(codes == code, name, chosen if code in AUXILIARY else causes)
    leave(traces.word(35) == 2, "test records (data use 2)", causes)
    dead = np.isin(codes, list(DEAD))
    live = ~dead & rest
    if keys.geometry == "coordinates":
        leave(dead & _unplaced(traces, keys, live), "dead, without coordinates", causes)
    if not live.any():
        counts = ", ".join(f"{count} {cause}" for cause, count in (causes + chosen).items())
        raise BuildError(
            f"{traces.path}: no live seismic trace among {len(traces)} found ({counts or 'all are dead'}); "
            "leave the file out, or write trace identification 1 (bytes 29-30) where traces are seismic"
        )
    for code, name in DEAD.items():
        causes[f"{name} (trace identification {code}), stored as NaN"] = int((rest & (codes == code)).sum())
    _require_correlated(traces, np.flatnonzero(live))
    return Chosen(
        numbers=np.flatnonzero(rest),
        dead=dead[rest],
        attributes=_sensor(traces, codes[live], byte),
        causes=+causes,
        chosen=+chosen,
        remarks=("trace identification was read from bytes 213-214: bytes 29-30 are 0",)[: byte == 213],
    )


def leaving_out(traces: Traces, number: int, *starts: int) -> str:
    """Return the key that leaves a trace out, by the first header word that most traces do not share."""
    for start in starts:
        values = traces.word(start)
        if 2 * np.count_nonzero(values == values[number]) <= len(values):
            return f"`leave_out={{{start}: {values[number]}}}`"
    return "`leave_out={BYTE: VALUE}` with a header word that only they have"


def _unplaced(traces: Traces, keys: GatherKeys, live: np.ndarray) -> np.ndarray:
    """Tell which traces have no coordinates; a single one may lie where a live source and receiver do."""
    places = np.stack([traces.words(start, "i4") for start in (COORDINATES | keys.coordinate_bytes).values()])
    blank = ~places.any(axis=0)
    at_origin = [not places[pair][:, live].any(axis=0).all() for pair in (slice(2), slice(2, 4))]
    return np.asarray(blank & (blank.sum() > 1 or not all(at_origin)))


def _codes(traces: Traces) -> tuple[np.ndarray, int]:
    """Return identification codes and their first byte.

    Files written with segyio's `TraceIdentifier`, the number of a device in bytes 213-214, for its
    `TraceIdentificationCode` have none in bytes 29-30.
    """
    codes, devices = traces.word(29), traces.word(213)
    known = np.isin(devices, (*SENSORS, *DEAD, *AUXILIARY)).all()
    if not codes.any() and known and np.mean(devices == 1) > 0.5:
        return devices, 213
    return codes, 29


def _sensor(traces: Traces, codes: np.ndarray, byte: int) -> dict[str, str]:
    """Return what all sensors record, if it is known; refuse several kinds."""
    kinds, counts = np.unique(codes[codes != 0], return_counts=True)
    if len(kinds) > 1:
        found = ", ".join(
            f"{count} {SENSORS[kind]} ({kind})" for kind, count in zip(kinds.tolist(), counts, strict=True)
        )
        raise BuildError(
            f"{traces.path}: sensors of several kinds found (bytes {byte}-{byte + 1}: {found}), one "
            "expected; import each by itself, such as the first by "
            f"`leave_out={{{byte}: {kinds[1:].tolist()}}}`"
        )
    return {"sensor": SENSORS[int(kinds[0])]} if kinds.max(initial=1) > 1 else {}


def _require_correlated(traces: Traces, live: np.ndarray) -> None:
    """Refuse records of a vibrator that still hold its sweep."""
    sweep = traces.file_word(3237) > 0 and traces.file_word(3249) == 1
    if sweep or ((traces.word(131) > 0) & (traces.word(125) == 1))[live].any():
        raise BuildError(
            f"{traces.path}: records of a vibrator that are not correlated with its sweep found (1 in bytes "
            "3249-3250 or 125-126, and the length of a sweep); correlate them first"
        )
