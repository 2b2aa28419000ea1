"""The latent image of the Latent U-Net: how large it has to be, and where its skip connections come from."""

from collections.abc import Mapping, Sequence
from typing import Any

from surrogates.domains.seismic import claim_runs as runs
from surrogates.domains.seismic.claim_runs import CODE, GFI
from surrogates.domains.seismic.names import VELOCITY
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell

NAME, FAMILY = "latents", "flatfault-a"
MAE, SSIM = f"{VELOCITY}/mae", f"{VELOCITY}/ssim"
VARIANTS: dict[str, list[str]] = {
    "latent 24": [],
    "latent 16": ["model.latent=16"],
    "latent 8": ["model.latent=8"],
    "skips from behind the pooling": ["model.skip_from=pooled"],
    "no skips": ["model.skip_from=none"],
}


def run_seed(seed: int) -> dict[str, float]:
    """Train all variants; return their scores and sizes."""
    from surrogates.runs.cache import trained_runs

    lr = runs.tuned(["latent_unet"], [FAMILY])["latent_unet", FAMILY]
    asked = [runs.words("latent_unet", FAMILY, lr, *extra) for extra in VARIANTS.values()]
    values: dict[str, float] = {}
    for name, run in zip(VARIANTS, trained_runs(asked, seed, runs.RUNS), strict=True):
        scores = runs.scores_of(run)
        values |= {f"{name}/mae": scores[f"latent_unet/{MAE}"], f"{name}/ssim": scores[f"latent_unet/{SSIM}"]}
        values[f"{name}/parameters"] = runs.parameters([(name, run)])[f"parameters/{name}"]
    return values


def claims() -> list[Claim]:
    """Return the claims on latent images."""
    experiment = Experiment(NAME, f"{CODE} {NAME} {{seed}}", run_seed, seeds=(0,))

    def claim(text: str, source: str, ours: str, baseline: str, compare: Any, bound: float) -> Claim:
        names = f"{ours}/mae", f"{baseline}/mae", baseline
        return Claim(
            text, source, f"MAE of velocity in m/s, {FAMILY}, one seed", experiment, *names, compare, bound
        )

    return [
        claim("A latent of 8 cells costs clearly more", GFI, "latent 24", "latent 8", "times_lower", 1.2),
        claim("A latent of 16 cells costs little", GFI, "latent 16", "latent 24", "times_lower", 1 / 1.2),
        claim("Skips help a Latent U-Net", GFI, "latent 24", "no skips", "lower_by", 0.0),
        claim(
            "Skips from before the pooling are better than as published",
            "ours",
            "latent 24",
            "skips from behind the pooling",
            "lower_by",
            0.0,
        ),
    ]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the table of the variants."""
    values = averages(rows, NAME)
    if not values:
        return []
    return [
        ResultTable(
            f"Variants of the Latent U-Net, {FAMILY}, one seed, at the best learning rate of latent 24",
            ("variant", "parameters", "MAE, m/s", "SSIM"),
            [
                [name, *(cell(values, f"{name}/{what}", digits=digits) for what, digits in SHOWN)]
                for name in VARIANTS
            ],
        )
    ]


SHOWN = (("parameters", 0), ("mae", 1), ("ssim", 3))
