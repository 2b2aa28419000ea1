"""Walls as a configuration names them: an impedance, a file, or a material of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from physics.waves.rooms.admittance import RIGID, Admittance
from physics.waves.rooms.wall_files import read_absorption, read_wall
from surrogates.core.text import listing, nearest

EVERYWHERE = "all"
"""Names the walls of all groups that nothing else is said of."""
RIGID_WORD = "rigid"


def walls_of(
    names: Sequence[str],
    impedance: float,
    given: Mapping[str, float | str],
    folder: Path,
    highest_frequency: float,
) -> dict[str, Admittance]:
    """Return the wall of each group.

    Parameters
    ----------
    names
        Groups of the room.
    impedance
        Of groups that nothing is said of, Pa s/m.
    given
        By group, or under `EVERYWHERE`: an impedance, Pa s/m; ``rigid``; a file of poles (``.dat``) or
        circuits (``.h5``); or ``table.json:material``, whose absorption in the octave bands up to the
        highest frequency, on average, gives a real impedance.
    folder
        What paths are relative to.
    highest_frequency
        Hz.

    Raises
    ------
    ValueError
        If a group is unknown, or a wall is not passive.
    """
    for name in given:
        if name != EVERYWHERE and name not in names:
            raise ValueError(
                f"walls: the room has no '{name}'.{nearest(name, names)} It has {listing(names)}; "
                f"'{EVERYWHERE}' means each of them"
            )
    wanted = {name: given.get(name, given.get(EVERYWHERE, impedance)) for name in names}
    found = {value: _wall(value, folder, highest_frequency) for value in dict.fromkeys(wanted.values())}
    return {name: found[value] for name, value in wanted.items()}


def path_of(value: float | str) -> str | None:
    """Return the path in what a configuration says of a wall; None if that is no file."""
    if not isinstance(value, str) or value == RIGID_WORD:
        return None
    path, table, _ = value.partition(".json:")
    return path + ".json" if table else path


def _wall(value: float | str, folder: Path, highest_frequency: float) -> Admittance:
    if not isinstance(value, str):
        return Admittance.of_impedance(value)
    if value == RIGID_WORD:
        return RIGID
    path, _, material = value.partition(".json:")
    if not material:
        return read_wall(folder / path)
    bands, shares = read_absorption(folder / f"{path}.json", material)
    within = bands <= max(highest_frequency, bands[0])
    return Admittance.of_absorption(float(shares[within].mean()), name=material)
