"""How many steps a sampler needs with a perfect network: means, spreads and shares of known mixtures."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import get_args

import torch
from torch.quasirandom import SobolEngine

from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.diffusion.mixtures import MIXTURES, Mixture
from benchmarks.claims.tables import ResultTable, averages
from surrogates.learning.diffusion import Sampler, Schedule, sample

DRAWS = 1 << 14
SCHEDULES, SAMPLERS = get_args(Schedule), get_args(Sampler)
ETAS = (0.0, 1.0)
STEPS = (3, 5, 10, 20)
OFF, SHARE = 0.02, 0.03
"""Largest errors of the mean, as a share of the standard deviation, and of a mode's share."""


def run_seed(seed: int) -> dict[str, float]:
    """Return errors by names such as ``cosine/multistep/0/5/two modes/mean``, and the largest by sampler.

    The noise at the start is spread evenly (a scrambled Sobol sequence), so that what is left is the error of
    the steps.
    """
    values: dict[str, float] = {}
    exact = {
        name: each.nearest(each.draws(1 << 20, torch.Generator().manual_seed(seed)))
        for name, each in MIXTURES.items()
    }
    for (name, mixture), schedule, sampler, eta, steps in product(
        MIXTURES.items(), SCHEDULES, SAMPLERS, ETAS, STEPS
    ):
        found = mixture.errors(drawn(mixture, schedule, sampler, eta, steps, seed), exact[name])
        key = f"{schedule}/{sampler}/{eta:g}/{steps}"
        for what, value in zip(("mean", "spread", "share"), found, strict=True):
            values[f"{key}/{name}/{what}"] = value
            values[f"{key}/{what}"] = max(values.get(f"{key}/{what}", 0.0), value)
    return values


def drawn(
    mixture: Mixture, schedule: Schedule, sampler: Sampler, eta: float, steps: int, seed: int
) -> torch.Tensor:
    """Return draws of a mixture, (draw, dimension)."""
    dimensions = mixture.means.shape[1]
    rng = torch.Generator().manual_seed(seed)
    even = SobolEngine(dimensions, scramble=True, seed=seed).draw(DRAWS, dtype=torch.float64)
    start = [torch.special.ndtri(even.clamp(1e-9, 1 - 1e-9))]

    def draw() -> torch.Tensor:
        return start.pop() if start else torch.randn(DRAWS, dimensions, generator=rng, dtype=torch.float64)

    return sample(mixture.exact(schedule), schedule, draw, steps=steps, eta=eta, sampler=sampler)


def claims() -> list[Claim]:
    """Return the claims on five steps of each schedule."""
    experiment = Experiment("diffusion", "samplers", run_seed, seeds=(0,), tables=tables)

    def claim(schedule: Schedule, what: str, metric: str, bound: float) -> Claim:
        return Claim(
            claim=f"Five steps of `multistep` draw {what} of known mixtures, schedule {schedule}",
            source="ours",
            metric=f"{metric}, the largest of {len(MIXTURES)} mixtures, with a perfect network and eta 0",
            experiment=experiment,
            ours=f"{schedule}/multistep/0/5/{metric.rsplit(maxsplit=1)[-1]}",
            baseline=f"{schedule}/ddim/0/5/{metric.rsplit(maxsplit=1)[-1]}",
            baseline_name="five steps of `ddim`",
            compare="at_most",
            bound=bound,
        )

    return [
        each
        for schedule in SCHEDULES
        for each in (
            claim(schedule, "the mean", "error, in standard deviations, of the mean", OFF),
            claim(schedule, "the modes", "error of a mode's share", SHARE),
        )
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the largest errors by sampler and steps, and those of five steps by mixture."""
    known = averages(values)

    def row(key: str) -> str:
        mean, spread, share = (known[f"{key}/{what}"] for what in ("mean", "spread", "share"))
        return f"{100 * mean:.1f} / {100 * spread:.1f} / {share:.3f}"

    kinds = list(product(SCHEDULES, SAMPLERS, ETAS))
    title = (
        "with a perfect network: error of the mean and of the standard deviation, % of the latter / error "
    )
    return [
        ResultTable(
            f"Draws of {len(MIXTURES)} mixtures {title}of a mode's share; the largest of all mixtures",
            ("schedule", "sampler", "eta", *(f"{steps} steps" for steps in STEPS)),
            [
                [schedule, sampler, f"{eta:g}", *(row(f"{schedule}/{sampler}/{eta:g}/{n}") for n in STEPS)]
                for schedule, sampler, eta in kinds
            ],
        ),
        ResultTable(
            f"Five steps {title}of a mode's share",
            ("schedule", "sampler", "eta", *MIXTURES),
            [
                [
                    schedule,
                    sampler,
                    f"{eta:g}",
                    *(row(f"{schedule}/{sampler}/{eta:g}/5/{m}") for m in MIXTURES),
                ]
                for schedule, sampler, eta in kinds
            ],
        ),
    ]
