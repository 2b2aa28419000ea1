"""Path gain of maps of 1, 2 and 4 km at 4 m, in tiles of the 512 m window: memory and time.

Each prediction runs in a process of its own, which says how far its memory grew beyond what it held with the
surrogate loaded. The network is the tiny U-Net with fresh weights, which cost as much as trained ones; inputs
come from a Zarr store and the map goes to one.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from benchmarks.speed.memory import peak
from benchmarks.speed.rows import Paired, Row, costs, faster
from datasets.radio.variables import record_specs
from surrogates.inference.bundle import load_bundle, save_bundle
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

CELL, WINDOW = 4.0, 128
LINK = {"frequency": 3.66e9, "cell": CELL, "receiver_height": 2.0}
INPUTS = ("building_height", "terrain_height", "transmitter_position")
REPEATS = 3
WHOLE = "as a whole"


def tiled_prediction(quick: bool = False) -> list[Row]:
    """Measure 2 and 4 km beside 1 km, and 2 km in tiles beside 2 km as a whole."""
    sizes = (130, 160, 190) if quick else (250, 500, 1000)  # cells
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bundle(folder / "bundle")
        for cells in sizes:
            write_map(folder / f"{cells}.zarr", cells)
        for _ in range(1 if quick else REPEATS):
            for cells in sizes:
                found.setdefault(_title(cells), []).append(measure(folder, cells, "tiles"))
            found.setdefault(WHOLE, []).append(measure(folder, sizes[1], "whole"))
    return rows(found)


def rows(found: Mapping[str, Sequence[Mapping[str, float]]]) -> list[Row]:
    """Turn measurements into rows: of three maps in tiles by their size, and of the second as a whole."""
    small, middle, large = (name for name in found if name != WHOLE)

    def pairs(ours: str, reference: str, what: str) -> Paired:
        return Paired(*(tuple(each[what] for each in found[name]) for name in (ours, reference)))

    memory = [
        costs(
            f"tiled prediction of {size} at 4 m, peak memory",
            "MB",
            pairs(size, small, "megabytes"),
            small,
            at_most=1.25,
        )
        for size in (middle, large)
    ]
    note = "the whole is one forward pass over all cells, a size at which the network was not trained"
    return [
        *memory,
        faster(f"{middle} in tiles, peak memory", "MB", pairs(middle, WHOLE, "megabytes"), WHOLE),
        costs(f"{middle} in tiles, time", "s", pairs(middle, WHOLE, "seconds"), WHOLE, note=note),
    ]


def _title(cells: int) -> str:
    side = f"{cells * CELL / 1000:g} km"
    return f"{side} x {side}"


def write_bundle(folder: Path) -> None:
    """Write a bundle of the tiny first stage with fresh weights."""
    specs = {spec.name: spec for spec in record_specs(WINDOW, WINDOW * CELL)}
    config = PipelineConfig(
        inputs=[specs[name] for name in INPUTS],
        targets=[specs["path_gain"]],
        transform={"name": "radio/physics", **LINK},
        network={"name": "geo_unet", "base": 24, "patch": 2},
    )
    torch.manual_seed(0)
    save_bundle(folder, Pipeline(config).eval())


def write_map(path: Path, cells: int) -> None:
    """Write a made-up city: blocks of 40 m on flat ground, and a transmitter off its middle."""
    rng = np.random.default_rng(0)
    count = -(-cells // 10)
    blocks = rng.uniform(8, 30, (count, count)) * (rng.random((count, count)) < 0.4)
    building = np.kron(blocks, np.ones((10, 10)))[:cells, :cells].astype(np.float32)
    at = np.array([0.55 * cells * CELL, 0.4 * cells * CELL, 35.0], np.float32)
    xr.Dataset(
        {
            "building_height": (("y", "x"), building, {"units": "m"}),
            "terrain_height": (("y", "x"), np.zeros_like(building), {"units": "m"}),
            "transmitter_position": (("enu",), at, {"units": "m"}),
        }
    ).to_zarr(
        path,
        zarr_format=3,
        consolidated=False,
        encoding={name: {"chunks": (WINDOW, WINDOW)} for name in ("building_height", "terrain_height")},
    )


def measure(folder: Path, cells: int, way: str) -> dict[str, float]:
    """Predict a map in a fresh process; return the growth of its memory and the seconds."""
    command = [sys.executable, "-m", "benchmarks.speed.tiling", str(folder), str(cells), way]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{way} prediction of {cells} cells failed: {done.stderr.strip().splitlines()[-1]}"
        )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def main(folder: Path, cells: int, way: str) -> dict[str, float]:
    """Predict one map, tiled or whole, and print memory and time."""
    import time

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    given = xr.open_zarr(folder / f"{cells}.zarr", chunks=None, consolidated=False)
    surrogate = Surrogate(load_bundle(folder / "bundle"))
    before = peak()
    start = time.perf_counter()
    if way == "tiles":
        with tempfile.TemporaryDirectory() as out:
            surrogate.predict(given, out=Path(out) / "map.zarr")
    else:
        batch = {name: torch.from_numpy(given[name].values)[None] for name in INPUTS}
        with torch.inference_mode():
            surrogate.bundle.pipeline(batch)
    seconds = time.perf_counter() - start
    return {"megabytes": (peak() - before) * 2**20 / 1e6, "seconds": seconds}


if __name__ == "__main__":
    where, size, manner = sys.argv[1:]
    answer: dict[str, Any] = main(Path(where), int(size), manner)
    print(json.dumps(answer))
