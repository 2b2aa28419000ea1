"""Small examples of the pieces of channel state information."""

from pathlib import Path

import torch

from datasets.csi.rrg import RRG
from datasets.store.specs import VariableSpec
from surrogates.evaluation.evaluate import Target
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.report.pictures import Examples
from tests.datasets.csi import published as published_files
from tests.datasets.csi.logs import integers, intel_frame, write
from tests.pieces.examples import Given, known
from tests.surrogates.domains.csi.channels import AHEAD as TARGET
from tests.surrogates.domains.csi.channels import batch_of, context, exponentials, noisy
from tests.surrogates.domains.csi.small import recipe, records

AHEAD = VariableSpec(
    name="uplink_future",
    dims=("sample", "antenna", "horizon", "uplink_subcarrier"),
    shape=(4, 3, 5),
    dtype="complex64",
)


class SmallUnits(RRG):
    """Twelve records of a small panel, four to a unit, one unit across both scenarios."""

    models: tuple[str, ...] = ("C", "D")
    delay_spreads: tuple[float, ...] = (1e-7,)
    speeds: tuple[float, ...] = (10.0,)
    samples_per_scenario: int = 6
    held_out_models: tuple[str, ...] = ("D",)
    antenna_rows: int = 1
    antenna_columns: int = 2
    uplink_subcarriers: int = 8
    gap_subcarriers: int = 4
    downlink_subcarriers: int = 8
    history: int = 4
    horizon: int = 2

    def unit_records(self) -> int:
        return 4


FLIGHTS = {
    "city": "etoile",
    "flights": 2,
    "samples_per_flight": 2,
    "duration": 1.0,
    "reach": [20.0, 100.0],
    "antenna_rows": 1,
    "antenna_columns": 2,
    "uplink_subcarriers": 8,
    "gap_subcarriers": 4,
    "downlink_subcarriers": 8,
    "key_spacing": 10,
    "rays": 1000,
    "depth": 1,
}


def published(folder: Path) -> Given:
    """Three records of two scenarios."""
    for number, name in enumerate(("cm_A_ds_030_ms_010", "cm_D_ds_100_ms_001")):
        published_files.write(folder / name, published_files.tensors(1 + number))
    return {"folder": str(folder)}


def measured(folder: Path) -> Given:
    """A log of twelve packets of the Intel 5300."""
    channels = integers(12, 30, 3, 2)
    write(folder / "a.dat", [intel_frame(each, 1000 * n) for n, each in enumerate(channels)])
    return {"folder": str(folder)}


def forecasting(_: Path) -> Given:
    """A small network that forecasts each antenna by itself, and two examples."""
    known_channels = context()
    config = PipelineConfig(
        inputs=list(known_channels.inputs),
        targets=list(known_channels.targets),
        transform={"name": "stack", "grid": ["uplink_subcarrier"], "fold": ["antenna"]},
        network={"name": "mlp", "width": 8, "depth": 1},
    )
    torch.manual_seed(0)
    made = Pipeline(config, known_channels)
    made.fit_normalisers([batch_of(exponentials(6, seed=1))])
    return {"pipeline": made, "batch": batch_of(exponentials(2))}


def examples() -> Examples:
    """Six records, and two methods whose errors are a constant share of the channel."""
    data = records()
    spec = next(each for each in recipe().specs() if each.name == TARGET)
    answers = {"model": data[[TARGET]] * (1 + 0.1j), "persistence": data[[TARGET]] * 0.5}
    return Examples(data, answers, [Target(spec)], "sample")


EXAMPLES = {
    "recipes": {
        "csi/rrg": known(piece=SmallUnits.make({}), workers=[1]),
        "csi/raytraced": known(parameters=FLIGHTS, workers=[]),
        "csi/rrg_files": lambda folder: {"parameters": published(folder)},
        "csi/measured": lambda folder: {"parameters": measured(folder)},
    },
    "objectives": {"csi/nmse": forecasting},
    "preparations": {
        "csi/noise": known(
            piece={"name": "csi/noise", "kind": "packet_drop", "degree": 0.3},
            context=context(),
            batch=batch_of(exponentials()),
            changes=["uplink_history"],
            off={"degree": 0.0},
        )
    },
    "plots": {"csi/channels": lambda _: {"examples": examples()}},
    "metrics": {
        "csi/nmse": known(spec=AHEAD, best=0.0),
        "csi/nmse_quantile": known(spec=AHEAD, best=1e-9),
        "csi/spectral_efficiency": known(spec=AHEAD),
        "csi/spectral_efficiency_bound": known(spec=AHEAD),
    },
}

EVERY = {
    "baselines": known(
        context=context(),
        batches=[batch_of(noisy(exponentials(6, seed=seed), 0.01)) for seed in range(2)],
    )
}
"""Every registered piece is held to what is taken for granted of its kind."""
