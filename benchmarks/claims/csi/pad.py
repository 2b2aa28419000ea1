"""Whether our PAD is that of CSI-RRG: its error at full size, over noise of 0 to 25 dB."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from statistics import mean

import torch

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.csi.channels import SOURCE, recipe, simulated
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.csi.rrg import RRG
from datasets.csi.scenarios import AWGN
from datasets.csi.variables import HISTORY, UPLINK
from physics.channels.noise import white_noise
from surrogates.domains.csi.baselines.autoregression import RIDGE, prony
from surrogates.domains.csi.errors import snapshot_nmse

PUBLISHED = {"A": 0.321, "C": 0.338, "D": 0.065}
"""NMSE by channel model: the mean over noise, steps, and the 9 regular delay spreads and speeds."""
SAMPLES = 100
"""Of each scenario, as many as are behind a published number."""
ORDER = 8
AT_A_TIME = 10
"""Samples of full size that are simulated together, 150 MB in double precision."""
TOLERANCE = 0.15


def measure(made: RRG, number: int, seed: int) -> dict[str, float]:
    """Return the NMSE of PAD on one scenario by the SNR of its past in dB; nothing is stored.

    Parameters
    ----------
    made
        Recipe of the channels.
    number
        Index of the scenario.
    seed
        Seed of the channels and of the noise.
    """
    found: dict[str, list[torch.Tensor]] = {}
    for arrays, rngs in simulated(made, number, seed, AT_A_TIME):
        history, truth = (torch.from_numpy(arrays[name]) for name in (HISTORY, UPLINK))
        for _, snr in AWGN:  # of each SNR the same draw
            past = white_noise(history, [snr] * len(rngs), deepcopy(rngs)).to(torch.complex128)
            answer = prony(past, ORDER, RIDGE, truth.shape[2])
            found.setdefault(f"{snr:g} dB", []).append(snapshot_nmse(answer, truth).mean((1, 2)))
    return {snr: float(torch.cat(parts).mean()) for snr, parts in found.items()}


def run_seed(seed: int, samples: int = SAMPLES) -> dict[str, float]:
    """Measure every scenario; those that a stopped run has measured are read from its file.

    Returns
    -------
    dict
        ``A``, ``C`` and ``D``: mean NMSE; ``A/0 dB``, ...: that at one SNR; ``A/30 ns``, ``A/1 m/s``, ...:
        that of one delay spread or speed; ``off``: the largest relative difference from a published mean.
    """
    made = recipe(samples)
    found: dict[str, list[float]] = {}
    for number, scenario in enumerate(made.scenarios):
        key = {"scenario": str(scenario), "seed": seed, "samples": samples, "recipe_version": RRG.version}
        scores = runs.remembered("csi_pad", key, partial(measure, made, number, seed))
        _, spread, speed = str(scenario).split(", ")
        for snr, value in scores.items():
            for name in ("", f"/{snr}", f"/{spread}", f"/{speed}"):
                found.setdefault(f"{scenario.model}{name}", []).append(value)
    values = {name: mean(each) for name, each in found.items()}
    return values | {"off": max(abs(values[model] / theirs - 1) for model, theirs in PUBLISHED.items())}


def claims() -> list[Claim]:
    """Return the claim on PAD."""
    return [
        Claim(
            claim="Prony's method in the angle-delay domain errs as published at full size",
            source=SOURCE,
            metric="largest relative difference of the NMSE of CDL-A, C and D from the published, mean over "
            f"SNRs of 0 to 25 dB, 9 scenarios of {SAMPLES} samples each, TDD",
            experiment=Experiment("csi", "pad", run_seed, seeds=(0,), tables=tables),
            ours="off",
            baseline="off",
            baseline_name="published scores of PAD",
            compare="at_most",
            bound=TOLERANCE,
        )
    ]


def _order(column: str) -> tuple[int, float]:
    """Sort columns such as ``10 dB`` by their unit, then by their number."""
    number, unit = column.split()
    return ("dB", "ns", "m/s").index(unit), float(number)


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of models, and of what their means are over."""
    known = averages(values)
    columns = sorted({name.partition("/")[2] for name in known if "/" in name}, key=_order)
    return [
        ResultTable(
            "PAD at full size (32 antennas, 300 subcarriers, TDD): NMSE",
            ("model", "published", "ours", *columns),
            [
                [f"CDL-{model}", f"{theirs:.3f}", *(cell(known, f"{model}{n}") for n in names)]
                for names in [["", *(f"/{column}" for column in columns)]]
                for model, theirs in PUBLISHED.items()
            ],
        )
    ]
