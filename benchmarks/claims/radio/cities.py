"""The cascade on a ray-traced city that it has never seen, against formulas and interpolators."""

import json
import shutil

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from surrogates.domains.radio import demo

FORMULAS = {
    "free_space": ("free space", 3.0),
    "uma": ("3GPP UMa by line of sight", 3.0),
    "log_distance_by_sight": ("log-distance fit by line of sight", 0.5),
}
INTERPOLATORS = {
    "inverse_distance": ("inverse distance", 0.0),
    "nearest_samples": ("3 nearest samples", 0.0),
    "kriging": ("kriging", 0.0),
}
"""Name of each baseline, and the margin to beat it by, dB."""


def run_seed(seed: int) -> dict[str, float]:
    """Train both stages with one seed on the demonstration's data; return every method's error, dB.

    A stopped seed resumes. The files of a finished one are removed, so that no later call takes old numbers
    for new ones.
    """
    output = runs.RUNS / str(seed)
    demo.main(["--data", str(runs.DATA / "demo.zarr"), "--output", str(output), f"seed={seed}"])
    rmse = json.loads((output / "metrics.json").read_text(encoding="utf-8"))["rmse_db"]
    shutil.rmtree(output)
    return {f"{stage}/{method}": value for stage, table in rmse.items() for method, value in table.items()}


def claims() -> list[Claim]:
    """Return the claims on the cascade without samples and with 200."""
    experiment = Experiment("radio", "geo2sigmap_tiny", run_seed)
    compared = (
        ("without_samples", "U-Net-Iso", "U-Net-Iso", FORMULAS),
        ("with_200_samples", "U-Net-Dir", "U-Net-Dir with 200 samples", INTERPOLATORS),
    )
    return [
        Claim(
            claim=f"{ours} beats {title}",
            source="Geo2SigMap, arXiv:2312.14303 (there: measurements; here: ray-traced etoile)",
            metric="RMSE in dB, outdoor cells above -140 dB of a city never seen in training",
            experiment=experiment,
            ours=f"{stage}/{method}",
            baseline=f"{stage}/{name}",
            baseline_name=title,
            bound=bound,
        )
        for stage, method, ours, baselines in compared
        for name, (title, bound) in baselines.items()
    ]
