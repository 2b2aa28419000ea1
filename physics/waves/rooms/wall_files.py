"""Walls in files: poles of an admittance, series circuits, tables of absorption."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.air import AIR, Air


def read_wall(path: Path, air: Air = AIR) -> Admittance:
    """Read a wall by the suffix of its file, and refuse one that is not passive.

    Raises
    ------
    ValueError
        If the file holds something else, or the wall gives energy to the room.
    """
    if path.suffix == ".dat":
        return read_poles(path)
    if path.suffix == ".h5":
        return read_circuits(path, air)
    raise ValueError(
        f"{path.name}: a wall in a file of .dat (poles of its admittance) or .h5 (circuits of its impedance) "
        "expected"
    )


def read_poles(path: Path) -> Admittance:
    """Read the poles of an admittance.

    The file has the numbers of all poles, of real ones and of pairs; then A of the real poles, B and C of the
    pairs, lam of the real ones, al and be of the pairs, and the limit at high frequencies, one number a line
    (see `Admittance.of_poles`). What follows a line of dashes is a remark.

    Parameters
    ----------
    path
        Text, as simulations of the DTU's wave solvers read it (``freq_dep_lr.dat``).

    Raises
    ------
    ValueError
        If it holds something else, or the wall is not passive.
    """
    words = path.read_text(encoding="utf-8", errors="replace").partition("---")[0].split()
    try:
        total, real, pairs = (int(word) for word in words[:3])
        values = np.array([float(word) for word in words[3:]])
    except ValueError:
        raise ValueError(
            f"{path.name}: the numbers of all poles, of real ones and of pairs, then coefficients expected, "
            f"found '{' '.join(words[:4])} ...'"
        ) from None
    if min(real, pairs) < 0 or total != real + 2 * pairs:
        raise ValueError(f"{path.name}: {total} poles are not {real} real ones and {pairs} pairs")
    expected = 2 * real + 4 * pairs + 1
    angles, rest = divmod(len(values) - real - 2 * pairs, real + 2 * pairs + 1)
    if angles > 1 and rest == 0:  # the residues of each, then the poles that all share
        raise ValueError(
            f"{path.name}: coefficients for {angles} angles of incidence found, a wall of extended reaction; "
            f"one set of {expected} expected, of a locally reacting wall; take the fit of such a wall"
        )
    if len(values) != expected:
        raise ValueError(
            f"{path.name}: {len(values)} coefficients found, {expected} expected for {real} real poles and "
            f"{pairs} pairs; complete the file, one number a line"
        )
    a, b, c, lam, al, be, direct = np.split(values, np.cumsum([real, pairs, pairs, real, pairs, pairs]))
    wall = Admittance.of_poles(
        list(zip(a.tolist(), lam.tolist(), strict=True)),
        list(zip(b.tolist(), c.tolist(), al.tolist(), be.tolist(), strict=True)),
        float(direct[0]),
        path.name,
    )
    wall.require_passive()
    return wall


def read_circuits(path: Path, air: Air = AIR) -> Admittance:
    """Read the series circuits of a wall.

    Parameters
    ----------
    path
        HDF5 with a dataset ``DEF`` (circuits, 3): D, E and F of each, relative to the air's impedance, as
        pffdtd writes it.
    air
        Its impedance.

    Raises
    ------
    ValueError
        If it holds something else, or the wall is not passive.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        message = 'reading circuits needs h5py; run `pip install "sciml-surrogates[acoustics]"`'
        raise ModuleNotFoundError(message, name="h5py") from error
    try:
        with h5py.File(path) as file:
            found = np.asarray(file["DEF"], float) if "DEF" in file else np.zeros(0)
    except OSError as error:
        raise ValueError(f"{path.name} is no HDF5 file ({error})") from None
    if found.ndim != 2 or found.shape[1] != 3 or len(found) == 0:
        raise ValueError(
            f"{path.name}: a dataset DEF of the shape (circuits, 3) expected, found {found.shape}"
        )
    wall = Admittance.of_circuits([tuple(row) for row in found.tolist()], air, path.name)
    wall.require_passive()
    return wall


def read_absorption(path: Path, material: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a material of a table of absorption coefficients.

    Parameters
    ----------
    path
        JSON with ``center_freqs`` and, under ``absorption``, groups of materials with ``coeffs``, as
        pyroomacoustics has it; ``center_freqs`` of a material wins.
    material
        Name of the material.

    Returns
    -------
    frequencies, absorption
        Centres of octave bands, Hz, and the share of the energy that is absorbed in each.

    Raises
    ------
    ValueError
        If there is no such material, or a share is not between 0 and 1.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        groups = content["absorption"].values()
        found = {name: each for group in groups for name, each in group.items()}
        bands = content["center_freqs"]
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ValueError(
            f"{path.name}: JSON with center_freqs and absorption expected, as in pyroomacoustics"
        ) from None
    if material not in found:
        names = sorted(found, key=lambda name: (not name.startswith(material[:3]), name))
        raise ValueError(f"{path.name} has no material '{material}'; some it has: {', '.join(names[:5])}")
    values = np.array(found[material]["coeffs"], float)
    frequencies = np.array(found[material].get("center_freqs", bands), float)[: len(values)]
    if len(frequencies) != len(values) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"{path.name}: material '{material}' absorbs {values.tolist()}, shares from 0 to 1 expected; a "
            "passive wall absorbs no more than what falls on it"
        )
    return frequencies, values
