"""What walls absorb in the simulation, against their admittance: a duct with the wall at its end."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from benchmarks.speed.acoustics_fdtd import IMPEDANCE, LAYER
from physics.waves.rooms.admittance import RIGID, Admittance
from physics.waves.rooms.air import AIR
from physics.waves.rooms.fdtd import Clock, largest_step, simulate
from physics.waves.rooms.room import Room

WALLS = {
    "impedance": Admittance.of_impedance(IMPEDANCE),
    "layer": LAYER,
    "circuits": Admittance.of_circuits([(0.002, 3.0, 4000.0), (0.0, 8.0, 9000.0), (0.001, 6.0, 0.0)]),
}
TITLES = {
    "impedance": f"{IMPEDANCE:g} Pa s/m",
    "layer": "3 cm of porous material, six poles",
    "circuits": "three series circuits",
}
BANDS = {"low": (200.0, 1000.0), "high": (1000.0, 2000.0)}
"""Hz."""
CELLS = (10, 20)
"""In a wavelength of the highest frequency of the bands."""
LENGTH, SOURCE_AT, RECEIVER_AT = 2200, 1900, 1500
"""Cells of the duct, and where the pulse begins and is heard; the wall is at the last one."""
PULSE = 0.03
"""Width of the pulse, m."""
SAMPLES = 1 << 15
"""Of the Fourier transform."""
BOUND = 0.005
SOURCE = "fit of Miki's model of the published set-ups, github.com/dtu-act/libparanumal, commit f08c22f"


def run_seed(seed: int) -> dict[str, float]:
    """Send a pulse along ducts on two grids; nothing in it is random.

    Returns
    -------
    dict
        ``WALL/CELLS/BAND``, the largest difference of the absorbed share of the energy from that of the
        admittance.
    """
    values: dict[str, float] = {}
    for name, wall in WALLS.items():
        for cells in CELLS:
            frequency, absorbed = absorption(wall, cells)
            off = np.abs(absorbed - wall.absorption(frequency))
            for band, (low, high) in BANDS.items():
                inside = (frequency >= low) & (frequency <= high)
                values[f"{name}/{cells}/{band}"] = float(off[inside].max())
    return values


def absorption(wall: Admittance, per_wavelength: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies within the bands, Hz, and the share of the energy that a wall absorbs in a duct.

    The echo of the wall is compared with that of a rigid one, so that the way there and back cancels out.
    """
    highest = max(high for _, high in BANDS.values())
    side = AIR.speed / highest / per_wavelength
    faces = np.zeros((4, LENGTH, 1), int)
    faces[1] = 1  # towards higher x
    echoes = []
    for end in (wall, RIGID):
        room = Room(np.ones((LENGTH, 1), bool), (side, side), (RIGID, end), faces)
        along = room.centres(0)
        initial = np.exp(-(((along - along[SOURCE_AT]) / PULSE) ** 2))
        step = largest_step(room.spacing)
        # The echo off the other end needs more cells than these.
        clock = Clock(step, 1, int((SOURCE_AT + RECEIVER_AT - 100) * side / AIR.speed / step))
        signal = simulate(room, initial[None, :, None], clock, receivers=np.array([[RECEIVER_AT, 0]]))
        direct_is_over = clock.times > (LENGTH - RECEIVER_AT) * side / AIR.speed
        echoes.append(np.asarray(signal)[0, direct_is_over, 0])
    frequency = np.fft.rfftfreq(SAMPLES, step)
    within = (frequency >= min(low for low, _ in BANDS.values())) & (frequency <= highest)
    echo, whole = (np.fft.rfft(each, SAMPLES)[within] for each in echoes)
    return frequency[within], 1 - np.abs(echo / whole) ** 2


def claims() -> list[Claim]:
    """Return the claims on walls."""
    experiment = Experiment("acoustics", "walls", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim=f"A wall absorbs as its admittance says: {TITLES[name]}",
            source=SOURCE if name == "layer" else "ours",
            metric="largest difference of the absorbed share of the energy, 0.2 to 1 kHz, 40 cells in the "
            "shortest wavelength",
            experiment=experiment,
            ours=f"{name}/{CELLS[-1]}/low",
            baseline=f"{name}/{CELLS[0]}/low",
            baseline_name="20 cells",
            compare="at_most",
            bound=BOUND,
        )
        for name in WALLS
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the differences by wall, cells and band."""
    known = averages(values)
    if not known:
        return []
    columns = [(cells, band) for cells in CELLS for band in BANDS]
    rows = [
        [TITLES[name], *(cell(known, f"{name}/{cells}/{band}", digits=4) for cells, band in columns)]
        for name in WALLS
    ]
    kilohertz = {band: " to ".join(f"{each / 1000:g}" for each in ends) for band, ends in BANDS.items()}
    header = ("wall", *(f"{cells} cells, {kilohertz[band]} kHz" for cells, band in columns))
    title = (
        "What a wall at the end of a duct absorbs, against its admittance: largest difference of the share "
        "of the energy, by cells in a wavelength at 2 kHz"
    )
    return [ResultTable(title, header, rows)]
