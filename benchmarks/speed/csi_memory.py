"""Memory of a training whose data are read from the store: of few records and of many."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.speed.memory import peak_of
from benchmarks.speed.rows import Paired, Row, costs
from datasets.csi.rrg import RRG
from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split

STORES = Path("data/csi_speed")
SIZE = {
    "antenna_rows": 2,
    "antenna_columns": 2,
    "uplink_subcarriers": 48,
    "gap_subcarriers": 24,
    "downlink_subcarriers": 48,
}
"""Keys of `csi/rrg` that the experiment's size `tiny` is for."""
BLOCK = 250
CACHE = 0.01
"""Gibibytes that the loader may keep: a tenth of the smaller store, so that both are streamed."""


def memory_row(quick: bool = False) -> Row:
    """Measure peak resident memory of trainings on ten times as many records, each in a fresh process.

    A process fits the normalisers, which reads every training record once, and trains some steps in shuffled
    order. The channels are random numbers, for memory does not depend on their values.
    """
    few, many, steps = (60, 120, 2) if quick else (2_000, 20_000, 20)
    if quick:
        with TemporaryDirectory() as folder:
            peaks = [peak_of(_train, write_store(Path(folder) / f"{n}.zarr", n), steps) for n in (many, few)]
    else:
        peaks = [peak_of(_train, write_store(STORES / f"{n}.zarr", n), steps) for n in (many, few)]
    size = record_bytes()
    note = (
        f"csi4cast of the size tiny, {steps} steps of 16 records after the normalisers; {many:,} records are "
        f"{many * size / 2**20:,.0f} MiB, of which the loader may keep {1024 * CACHE:.0f}"
    )
    name = "streamed training, peak memory"
    return costs(name, "MiB", Paired((peaks[0],), (peaks[1],)), f"{few:,} records", at_most=1.05, note=note)


def record_bytes() -> int:
    """Return the bytes of a record's past and uplink future."""
    specs = [spec for spec in RRG.make(SIZE).specs() if spec.name.startswith("uplink")]
    return sum(8 * int(np.prod(spec.shape)) for spec in specs)


def write_store(path: Path, records: int) -> str:
    """Write a finished store of random channels, unless it is there; return its path."""
    if path.exists():
        open_store(str(path))
        return str(path)
    recipe = RRG.make(SIZE)
    labels = np.array([2, 1, *[0] * 9], np.int8)[np.arange(records) % 11]
    store = create_store(
        str(path),
        recipe.specs(),
        records=records,
        record_dimension="sample",
        shared=recipe.shared(),
        attributes={"title": "random channels"},
        splits=[Split(labels=labels, keeps_whole="none")],
        records_per_shard=BLOCK,
    )
    rng = np.random.default_rng(0)
    for row in range(store.rows):
        count = len(store.row_records(row))
        arrays = {spec.name: _drawn(rng, (count, *spec.shape), spec.dtype) for spec in recipe.specs()}
        store.write_receipt(row, {"hashes": store.write_row(row, arrays)})
    store.consolidate()
    return str(path)


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if dtype == "complex64":
        return rng.standard_normal((*shape, 2), np.float32).view(np.complex64)[..., 0] / np.float32(2**0.5)
    return np.full(shape, {"int8": 2, "float32": 1e-7}[dtype], dtype)


def _train(url: str, steps: int) -> None:
    """Train in this process."""
    import torch

    from surrogates.experiment.config import RunConfig
    from surrogates.experiment.experiment import Experiment
    from surrogates.runs.compose import read
    from surrogates.training.fit import fit

    torch.set_num_threads(1)
    given = ["experiment=csi/csi4cast", "size=tiny", f"dataset={url}", f"trainer.max_steps={steps}"]
    given += [
        f"trainer.cache_gigabytes={CACHE}",
        f"trainer.validate_every={steps}",
        "trainer.accelerator=cpu",
    ]
    values = read([*given, "trainer.progress=false", "trainer.schedule.warmup=1"])
    values.pop("sweep")
    experiment = Experiment.open(RunConfig.model_validate(values))
    pipeline = experiment.pipeline()
    experiment.fit_normalisers(pipeline, experiment.loader("train"))
    loader = experiment.loader("train", train=True)
    with TemporaryDirectory() as folder:
        fit(
            pipeline,
            experiment.pieces.objective,
            loader,
            None,
            experiment.config.trainer,
            folder=Path(folder),
        )
