"""Small finished stores of simulated gathers, and runs on them with fresh weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from datasets.seismic.variables import FAMILIES, FAMILY, coordinates, gather_spec, velocity_spec
from datasets.store.layout import create_store
from datasets.store.specs import Split
from physics.waves.seismic.propagator import simulate
from physics.waves.seismic.survey import Survey
from surrogates.core.build import validate
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import save_bundle

CELLS = 24
FAMILY_A = ("flatvel-a",)
SURVEY = Survey(
    steps=160, time_stride=4, source_columns=(0, 11, 23), receiver_columns=tuple(range(CELLS)), frequency=25.0
)
SYMMETRIC = Survey(steps=160, time_stride=4, source_columns=(0, 23), receiver_columns=tuple(range(CELLS)))


def layers(records: int, seed: int = 0) -> np.ndarray:
    """Velocity models of two layers under a dipping interface, m/s, float32."""
    rng = np.random.default_rng(seed)
    upper, lower = rng.uniform(1600, 2500, (records, 1, 1)), rng.uniform(2500, 4000, (records, 1, 1))
    depth = rng.uniform(6, 18, (records, 1, 1)) + rng.uniform(-0.3, 0.3, (records, 1, 1)) * np.arange(CELLS)
    return np.where(np.arange(CELLS)[:, None] < depth, upper, lower).astype(np.float32)


def write_store(
    url: str, *, records: int = 16, seed: int = 0, survey: Survey = SURVEY, families: Sequence[str] = FAMILY_A
) -> str:
    """Write a finished store; every fourth record is one of the test split, of the families in turn."""
    velocity = layers(records, seed)
    numbers = np.array([FAMILIES.index(family) for family in families], np.int8)
    store = create_store(
        url,
        [velocity_spec(CELLS, CELLS), gather_spec(survey), FAMILY],
        records=records,
        record_dimension="sample",
        shared=coordinates(survey, CELLS, CELLS),
        attributes={"title": "Small gathers", "recipe": "seismic/openfwi_like", "license": "CC0-1.0"},
        splits=[Split(labels=np.array([0, 0, 1, 2], np.int8)[np.arange(records) % 4], keeps_whole="none")],
        records_per_shard=records,
    )
    arrays = {
        "velocity_model": velocity,
        "shot_gather": simulate(velocity, survey),
        "family": numbers[np.arange(records) // 4 % len(numbers)],
    }
    store.write_row(0, arrays)
    store.write_receipt(0, {"hashes": {"all": str(seed)}})
    store.consolidate()
    return url


MLP = {"name": "mlp", "width": 4, "depth": 1}


def inversion_run(
    folder: Path, store: str, *, seed: int = 0, model: dict[str, Any] = MLP, **task: Any
) -> Path:
    """Write a run of velocity from gathers with fresh weights, before its evaluation."""
    folder.mkdir(parents=True)
    config = {
        "experiment": "seismic/small",
        "seed": seed,
        "dataset": [{"url": store}],
        "task": {
            "inputs": ["shot_gather"],
            "targets": ["velocity_model"],
            "transform": {"name": "stack", "grid": [], "target_grid": []},
            "normalisation": {"inputs": "standard", "targets": "min_max"},
            "metrics": ["mae", "rmse", "ssim"],
            "baselines": ["mean", {"name": "nearest_neighbours", "k": 1}],
            "plots": [],
            **task,
        },
        "model": model,
        "trainer": {"max_steps": 1, "batch_size": 4, "threads": 0, "accelerator": "cpu", "progress": False},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    opened = Experiment.open(validate(RunConfig, config, "run"))
    pipeline = opened.pipeline()
    opened.fit_normalisers(pipeline, opened.loader("train"))
    save_bundle(
        folder / "bundle",
        pipeline,
        name="seismic/small",
        ranges=opened.ranges(opened.loader("train"), pipeline),
        coordinates=opened.data.coordinates,
    )
    return folder
