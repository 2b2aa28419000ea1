"""A folder with a store, a run and a bundle, each tiny: what mistyped commands are tried in."""

from pathlib import Path

import numpy as np
import xarray as xr
import yaml

from datasets.store.layout import create_store
from datasets.store.specs import DECIBEL, Split, VariableSpec
from surrogates.core.build import validate
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import save_bundle
from tests.hostile.work import build

RECORDS = 12
LABELS = [0, 0, 1, 2] * (RECORDS // 4)


def write_world(folder: Path) -> None:
    """Write all that the wrong commands name."""
    fields(folder / "fields.zarr")
    fields(folder / "coarse.zarr", side=4)
    fields(folder / "other units.zarr", height="km")
    fields(folder / "only train.zarr", labels=[0] * RECORDS)
    fields(folder / "no train.zarr", labels=[1, 2] * (RECORDS // 2))
    build(str(folder / "waves.zarr"))
    run(folder / "run", inputs=["height"], targets=["gain"])
    run(folder / "of speed", inputs=["height"], targets=["speed"])
    run(folder / "no bundle", inputs=["height"], targets=["gain"], bundle=False)
    (folder / "half").mkdir()
    (folder / "half" / "config.yaml").write_text("experiment: [")
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("no store, no run, no picture\n")
    (folder / "keys.yaml").write_text("samples: 8\nsampels: 9\n")
    (folder / "twice.yaml").write_text("samples: 8\nsamples: 9\n")
    (folder / "list.yaml").write_text("- samples\n")
    (folder / "broken.yaml").write_text("samples: [\n")
    (folder / "flight.csv").write_text("time,x,y,z\n0,0,0,0\n1,1,0,0\n2,2,0,0\n")
    xr.Dataset(
        {"height": (("sample", "y", "x"), np.ones((2, 16, 16), np.float32), {"units": "m"})}
    ).to_netcdf(folder / "input.nc")
    xr.Dataset({"depth": (("sample", "y", "x"), np.ones((2, 16, 16), np.float32), {"units": "m"})}).to_netcdf(
        folder / "depth.nc"
    )


def fields(path: Path, side: int = 16, height: str = "m", labels: list[int] | None = None) -> None:
    """Write records with fields, numbers and a course, among them a field without values and a constant."""
    grid = {"dims": ("sample", "y", "x"), "shape": (side, side)}
    number = {"dims": ("sample",), "shape": ()}
    course = {"dims": ("sample", "time"), "shape": (6,)}
    specs = [
        VariableSpec(name="height", **grid, units=height, long_name="Height"),
        VariableSpec(name="gain", **grid, units=DECIBEL, long_name="Gain", missing=True),
        VariableSpec(name="unknown", **grid, units=DECIBEL, long_name="Never measured", missing=True),
        VariableSpec(name="level", **grid, units="m", long_name="The same everywhere"),
        VariableSpec(name="outdoor", **grid, dtype="bool", long_name="Outdoor"),
        VariableSpec(name="speed", **number, units="m s-1", long_name="Speed"),
        VariableSpec(name="power", **number, units="W", long_name="Power"),
        VariableSpec(name="still", **number, units="m s-1", long_name="Always one"),
        VariableSpec(name="course", **course, units="m", long_name="Course"),
    ]
    axis = 4.0 * np.arange(side)
    shared = xr.Dataset(
        coords={
            "y": ("y", axis, {"units": "m"}),
            "x": ("x", axis, {"units": "m"}),
            "time": ("time", np.arange(6.0), {"units": "s"}),
        }
    )
    store = create_store(
        str(path),
        specs,
        records=RECORDS,
        record_dimension="sample",
        shared=shared,
        attributes={"title": "Toy", "recipe": "tests/fields", "license": "CC0-1.0"},
        splits=[Split(labels=np.array(labels or LABELS, np.int8), keeps_whole="none")],
        records_per_shard=RECORDS,
    )
    rng = np.random.default_rng(0)
    one = rng.random((RECORDS, side, side)).astype(np.float32)
    arrays = {
        "height": one,
        "gain": 2 * one,
        "unknown": np.full_like(one, np.nan),
        "level": np.full_like(one, 3),
        "outdoor": one > 0.2,
        "speed": one[:, 0, 0],
        "power": one[:, 0, 1],
        "still": np.ones(RECORDS, np.float32),
        "course": rng.random((RECORDS, 6)).astype(np.float32),
    }
    store.write_row(0, arrays)
    store.write_receipt(0, {"hashes": {"all": path.name}})
    store.consolidate()


def run(folder: Path, *, inputs: list[str], targets: list[str], bundle: bool = True) -> None:
    """Write the folder of a run whose network has fresh weights."""
    config = {
        "experiment": "toy",
        "dataset": [{"url": str(folder.parent / "fields.zarr")}],
        "task": {"inputs": inputs, "targets": targets, "baselines": ["mean"]},
        "model": {"name": "mlp", "width": 4},
        "trainer": {"max_steps": 1, "batch_size": 4, "threads": 0},
    }
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    if bundle:
        opened = Experiment.open(validate(RunConfig, config, "run"))
        save_bundle(folder / "bundle", opened.pipeline(), name="toy", provenance={"seed": 0})
