"""Antenna patterns of manufacturers: text files of MSI Planet, `.msi` or `.pln`.

Lines of a word and a value (``NAME``, ``FREQUENCY`` in MHz, ``GAIN`` in dBd if nothing else is said, dBi,
...), then ``HORIZONTAL 360`` and ``VERTICAL 360`` with a line of angle and attenuation for each degree.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from physics.antenna_pattern import relative_gain
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.plain import read_text

DIPOLE = 2.15
"""Gain of a half-wave dipole, dBi."""
CUTS = ("HORIZONTAL", "VERTICAL")
ANGLES = 360
MOST = 300.0
"""Largest attenuation that is taken for one, dB."""


@dataclass(frozen=True)
class AntennaPattern:
    """Two cuts of an antenna.

    Attributes
    ----------
    name
        Name of the antenna.
    gain
        At the peak, dBi.
    horizontal, vertical
        Attenuation at each degree, dB, (360,): clockwise from the boresight, and from the horizon downwards.
        An electrical tilt is in the vertical one.
    others
        Other lines of the file, by their word.
    """

    name: str
    gain: float
    horizontal: np.ndarray
    vertical: np.ndarray
    others: Mapping[str, str] = field(default_factory=dict)

    def relative(self, azimuth_offset: np.ndarray, depression: np.ndarray, tilt: float = 0.0) -> np.ndarray:
        """Return the gain relative to the peak, dB; angles in rad, see `physics.antenna_pattern`."""
        return relative_gain(self.horizontal, self.vertical, azimuth_offset, depression, tilt)


def read_pattern(path: str | Path) -> AntennaPattern:
    """Return the pattern of an MSI Planet file.

    Raises
    ------
    ConfigError
        When a cut, the gain or an angle is missing, or a line is not what the format expects there.
    """
    path = Path(path)
    lines = read_text(path).splitlines()
    words: dict[str, str] = {}
    cuts: dict[str, np.ndarray] = {}
    number = 0
    while number < len(lines):
        word, _, value = lines[number].strip().partition(" ")
        number += 1
        if word.upper() in CUTS:
            if value.strip() != str(ANGLES):
                raise ConfigError(
                    f"{path}, line {number}: {word} {value.strip()} found, {word} {ANGLES} expected; export "
                    "the pattern with a value for each degree"
                )
            cuts[word.upper()] = _cut(lines, number, path)
            number += ANGLES
        elif word:
            words[word.upper()] = value.strip()
    for name in CUTS:
        if name not in cuts:
            raise ConfigError(
                f"{path} has no line '{name} {ANGLES}'; expected a pattern of MSI Planet (.msi, .pln)"
            )
    gain = _gain(words.pop("GAIN", None), path)
    return AntennaPattern(words.pop("NAME", path.stem), gain, cuts["HORIZONTAL"], cuts["VERTICAL"], words)


def write_pattern(pattern: AntennaPattern, path: str | Path) -> Path:
    """Write a pattern as an MSI Planet file, with two digits of each attenuation."""
    head = [f"NAME {pattern.name}", *(f"{word} {value}" for word, value in pattern.others.items())]
    cuts = zip(CUTS, (pattern.horizontal, pattern.vertical), strict=True)
    body = [
        line
        for name, cut in cuts
        for line in (f"{name} {ANGLES}", *(f"{angle} {value:.2f}" for angle, value in enumerate(cut)))
    ]
    write_atomic(Path(path), "\n".join([*head, f"GAIN {pattern.gain:g} dBi", *body]) + "\n")
    return Path(path)


def _cut(lines: Sequence[str], first: int, path: Path) -> np.ndarray:
    """Return the attenuations of the lines that follow the head of a cut."""
    values = np.empty(ANGLES)
    for angle in range(ANGLES):
        number = first + angle
        line = lines[number].strip() if number < len(lines) else "the end of the file"
        found = _numbers(line)
        if len(found) != 2 or abs(found[0] - angle) > 1e-6 or not 0.0 <= found[1] <= MOST:
            raise ConfigError(
                f"{path}, line {number + 1}: {line[:40]!r} found, '{angle}' and an attenuation from 0 to "
                f"{MOST:g} dB expected; each cut has a line for every degree from 0 to {ANGLES - 1}"
            )
        values[angle] = found[1]
    return values


def _gain(value: str | None, path: Path) -> float:
    """Return a gain in dBi."""
    match = re.fullmatch(r"([-+]?\d+(?:\.\d+)?)\s*(dBd|dBi)?", value or "", re.IGNORECASE)
    if match is None:
        raise ConfigError(
            f"{path}: GAIN {value or 'is missing'} found; expected a number in dBd, or one followed by dBi, "
            "such as 'GAIN 17.5 dBi'"
        )
    over_dipole = (match[2] or "dBd").lower() == "dbd"
    return float(match[1]) + DIPOLE * over_dipole


def _numbers(line: str) -> list[float]:
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        return []
