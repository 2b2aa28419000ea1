"""What is claimed of radio maps, and how it is measured."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogates.domains.radio import measured_claims
from surrogates.runs.claims import Claim, Experiment, ResultTable

METRIC = "RMSE in dB, outdoor cells above -140 dB of a city never seen in training"
SOURCE = "Geo2SigMap, arXiv:2312.14303 (there: measurements; here: ray-traced etoile)"
DATA, RUNS = Path("data/demo.zarr"), Path("runs/claims")


def run_seed(seed: int) -> Mapping[str, float]:
    """Train both stages with one seed on the demonstration's data; return every method's error, dB.

    A seed that was stopped goes on where it was; what a finished one leaves is removed, so that no later
    call takes old numbers for new ones.
    """
    from surrogates.domains.radio import demo

    output = RUNS / str(seed)
    demo.main(["--data", str(DATA), "--output", str(output), f"seed={seed}"])
    rmse = json.loads((output / "metrics.json").read_text())["rmse_db"]
    shutil.rmtree(output)
    return {f"{stage}/{method}": value for stage, table in rmse.items() for method, value in table.items()}


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    command = f"python -m surrogates.domains.radio.demo --data {DATA} --output {RUNS}/{{seed}} seed={{seed}}"
    experiment = Experiment(name="geo2sigmap_tiny", command=command, run=run_seed)

    def claim(text: str, stage: str, ours: str, baseline: str, title: str, bound: float) -> Claim:
        return Claim(
            claim=text,
            source=SOURCE,
            metric=METRIC,
            experiment=experiment,
            ours=f"{stage}/{ours}",
            baseline=f"{stage}/{baseline}",
            baseline_name=title,
            compare="lower_by",
            bound=bound,
        )

    formulas = (
        ("free_space", "free space", 3.0),
        ("uma", "3GPP UMa by line of sight", 3.0),
        ("log_distance_by_sight", "log-distance fit by line of sight", 0.5),
    )
    interpolators = (
        ("inverse_distance", "inverse distance"),
        ("nearest_samples", "3 nearest samples"),
        ("kriging", "kriging"),
    )
    without = [
        claim(f"U-Net-Iso beats {title}", "without_samples", "U-Net-Iso", name, title, bound)
        for name, title, bound in formulas
    ]
    samples = [
        claim(f"U-Net-Dir with 200 samples beats {title}", "with_200_samples", "U-Net-Dir", name, title, 0.0)
        for name, title in interpolators
    ]
    return [*without, *samples, *measured_claims.claims()]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the tables of the measured cells."""
    return measured_claims.tables(rows)
