"""The latent image of the Latent U-Net: how large it has to be, and where its skip connections come from."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.seismic import training
from benchmarks.claims.seismic.training import GFI
from benchmarks.claims.tables import ResultTable, averages, cell
from surrogates.domains.seismic.names import VELOCITY

FAMILY = "flatfault-a"
VARIANTS: dict[str, list[str]] = {
    "latent 24": [],
    "latent 16": ["model.latent=16"],
    "latent 8": ["model.latent=8"],
    "skips from behind the pooling": ["model.skip_from=pooled"],
    "no skips": ["model.skip_from=none"],
}
SHOWN = {"parameters": 0, "mae": 1, "ssim": 3}
"""Columns of the table, and their digits."""


def run_seed(seed: int) -> dict[str, float]:
    """Train all variants; return their scores and sizes."""
    lr = training.tuned(["latent_unet"], [FAMILY])["latent_unet", FAMILY]
    asked = [training.overrides("latent_unet", FAMILY, lr, *extra) for extra in VARIANTS.values()]
    values: dict[str, float] = {}
    for name, run in zip(VARIANTS, runs.trained_runs(asked, seed), strict=True):
        scores = runs.own_scores(run)
        values |= {f"{name}/{each}": scores[f"latent_unet/{VELOCITY}/{each}"] for each in ("mae", "ssim")}
        values[f"{name}/parameters"] = runs.parameters(run)
    return values


def claims() -> list[Claim]:
    """Return the claims on latent images."""
    experiment = Experiment("seismic", "latents", run_seed, seeds=(0,), tables=tables)

    def claim(text: str, ours: str, baseline: str, source: str = GFI, **target: Any) -> Claim:
        return Claim(
            claim=text,
            source=source,
            metric=f"MAE of velocity in m/s, {FAMILY}, one seed",
            experiment=experiment,
            ours=f"{ours}/mae",
            baseline=f"{baseline}/mae",
            baseline_name=baseline,
            **target,
        )

    costs: dict[str, Any] = {"compare": "times_lower"}
    return [
        claim("A latent of 8 cells costs clearly more", "latent 24", "latent 8", bound=1.2, **costs),
        claim("A latent of 16 cells costs little", "latent 16", "latent 24", bound=1 / 1.2, **costs),
        claim("Skips help a Latent U-Net", "latent 24", "no skips"),
        claim(
            "Skips from before the pooling are better than as published",
            "latent 24",
            "skips from behind the pooling",
            source="ours",
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of the variants."""
    known = averages(values)
    title = f"Variants of the Latent U-Net, {FAMILY}, one seed, at the best learning rate of latent 24"
    rows = [
        [name, *(cell(known, f"{name}/{what}", digits=digits) for what, digits in SHOWN.items())]
        for name in VARIANTS
    ]
    return [ResultTable(title, ("variant", "parameters", "MAE, m/s", "SSIM"), rows)]
