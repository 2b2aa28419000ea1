"""Whether our channels are those of CSI-RRG: the scores of no prediction in the 27 regular scenarios.

No prediction repeats the last uplink snapshot, noisy at 25 dB. Its error depends on nothing but the channels:
on how fast they change, on their power, and in FDD on their delays.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial

import numpy as np
import torch

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.files import require
from benchmarks.claims.tables import ResultTable, averages
from datasets.csi.rrg import RRG
from datasets.csi.scenarios import Scenario
from datasets.csi.variables import DOWNLINK, HISTORY, UPLINK
from datasets.factory.recipe import Arrays, generators
from datasets.store.streams import PREPARATION, stream
from physics.channels.noise import gaussian_noise
from physics.channels.response import mean_power

PUBLISHED = "csi_rrg_np_rnn_results.csv.gz"
SOURCE = "CSI-4CAST, arXiv:2510.12996, repository AI4OPT/CSI-4CAST, commit 8b3ddd2"
TARGETS = {"TDD": UPLINK, "FDD": DOWNLINK}
SAMPLES, THEIRS = 1000, 100
"""Samples of each scenario, ours and those behind a published number."""
SNR = 25.0
NOISE_POWER = 0.1
"""At the receiver that the spectral efficiency is meant for: an SNR of 10 dB."""
ERRORS, FAR = 3.0, 3
"""Combined standard errors beyond which a row is outside, and how many of 216 may be."""
NEAR = 2.0
"""Largest difference of spectral efficiencies, %."""


def recipe(samples: int = SAMPLES) -> RRG:
    """Return the benchmark's channels."""
    return RRG.make({"doppler": "csi-rrg", "samples_per_scenario": samples})


def measure(made: RRG, number: int, seed: int) -> dict[str, list[float]]:
    """Score no prediction on one scenario, unit by unit; nothing is stored.

    Parameters
    ----------
    made
        Recipe of the channels.
    number
        Index of the scenario.
    seed
        Seed of the channels and of the noise.

    Returns
    -------
    dict
        ``TDD/mse``, its standard deviation over samples ``TDD/mse_std``, ``TDD/se``, and ``TDD/se_std``, and
        those of FDD, one number for each step.
    """
    found = []
    for arrays, rngs in simulated(made, number, seed, made.unit_records()):
        history = torch.from_numpy(arrays[HISTORY])
        last = gaussian_noise(history[:, :, -1:], mean_power(history) * 10 ** (-SNR / 10), rngs)
        pairs = {duplex: torch.from_numpy(arrays[name]) for duplex, name in TARGETS.items()}
        found.append(
            {
                f"{duplex}/{name}": score(last, truth)
                for duplex, truth in pairs.items()
                for name, score in (("mse", squared_error), ("se", spectral_efficiency))
            }
        )
    values: dict[str, list[float]] = {}
    for name in found[0]:
        rows = torch.cat([each[name] for each in found]).double()
        values |= {name: rows.mean(0).tolist(), f"{name}_std": rows.std(0).tolist()}
    return values


def simulated(
    made: RRG, number: int, seed: int, size: int
) -> Iterator[tuple[Arrays, list[np.random.Generator]]]:
    """Yield the channels of a scenario, so many at a time, and for each record a generator of noise.

    Parameters
    ----------
    made
        Recipe of the channels.
    number
        Index of the scenario.
    seed
        Seed of the channels and of the noise.
    size
        Records that are simulated together; channels and noise do not depend on it.
    """
    first, count = number * made.samples_per_scenario, made.samples_per_scenario
    for start in range(0, count, size):
        indices = first + np.arange(start, min(start + size, count))
        rngs = [stream(seed, PREPARATION, int(index)) for index in indices]
        yield made.simulate(indices, generators(seed, indices)), rngs


def squared_error(answer: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error over antennas and subcarriers, shape (sample, step)."""
    return (answer - truth).abs().square().mean((1, 3))


def spectral_efficiency(answer: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the mean over subcarriers of log2(1 + SNR) with a beam matched to `answer`, (sample, step).

    Powers are not normalised, as in CSI-RRG: the SNR is |answer^H truth|^2 / (|answer|^2 noise power).
    """
    matched = (answer.conj() * truth).sum(1).abs().square() / answer.abs().square().sum(1)
    return torch.log2(1 + matched / NOISE_POWER).mean(-1)


@cache
def published() -> dict[tuple[str, str, int, int], dict[str, list[float]]]:
    """Return the published scores by duplex mode, model, delay spread (ns) and speed (m/s).

    Returns
    -------
    dict
        ``mse`` and ``se`` of each step, and ``se_again``: that of other samples of the same scenario, which
        belong to the test set `generalization`.
    """
    found: dict[tuple[str, str, int, int], dict[str, list[float]]] = {}
    with gzip.open(require("csi", PUBLISHED), "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if (row["model"], row["noise_type"]) == ("NP", "vanilla") and float(row["noise_degree"]) == SNR:
                scores = found.setdefault(
                    (row["duplex"], row["cm"], int(row["ds_ns"]), int(row["speed_mps"])), {}
                )
                efficiency = [float(row[f"se_{step}"]) for step in range(1, 5)]
                if row["is_gen"] == "1":
                    scores["se_again"] = efficiency
                else:
                    scores["se"] = efficiency
                    scores["mse"] = [float(row[f"mse_sum300_{step}"]) / 300 for step in range(1, 5)]
    return found


def run_seed(seed: int, samples: int = SAMPLES) -> dict[str, float]:
    """Compare every scenario; those that a stopped run has measured are read from its file.

    Returns
    -------
    dict
        Of each row (duplex mode, scenario, step): ``mse/...`` the difference from the published MSE in
        combined standard errors, ``se/...`` and ``again/...`` those of our spectral efficiencies and of the
        published ones of other samples in %, ``error/...`` the standard error of a published one in %. Over
        all rows: ``outside`` and ``worst_se``, and how many are ``apart`` and ``apart_again``.
    """
    made = recipe(samples)
    values: dict[str, float] = {}
    for number, scenario in enumerate(made.scenarios):
        key = {"scenario": str(scenario), "seed": seed, "samples": samples, "recipe_version": RRG.version}
        scores = runs.remembered("csi_no_prediction", key, partial(measure, made, number, seed))
        values |= compare(scenario, scores, samples)

    def sizes(kind: str) -> np.ndarray:
        return np.abs([value for name, value in values.items() if name.startswith(f"{kind}/")])

    return values | {
        "outside": float((sizes("mse") > ERRORS).sum()),
        "worst_se": float(sizes("se").max()),
        "apart": float((sizes("se") > NEAR).sum()),
        "apart_again": float((sizes("again") > NEAR).sum()),
    }


def compare(scenario: Scenario, ours: Mapping[str, Sequence[float]], samples: int) -> dict[str, float]:
    """Return the differences of a scenario's scores from the published ones, see `run_seed`.

    The standard error of a published mean is taken from the deviation over our samples.
    """
    values = {}
    for duplex in TARGETS:
        key = (duplex, scenario.model, round(1e9 * scenario.delay_spread), round(scenario.speed))
        theirs = published()[key]
        for step in range(4):
            name = f"{duplex}/{scenario}/step {step + 1}"
            error = ours[f"{duplex}/mse_std"][step] * (1 / samples + 1 / THEIRS) ** 0.5
            values[f"mse/{name}"] = (ours[f"{duplex}/mse"][step] - theirs["mse"][step]) / error
            values[f"se/{name}"] = 100 * (ours[f"{duplex}/se"][step] / theirs["se"][step] - 1)
            values[f"again/{name}"] = 100 * (theirs["se_again"][step] / theirs["se"][step] - 1)
            values[f"error/{name}"] = 100 * ours[f"{duplex}/se_std"][step] / theirs["se"][step] / THEIRS**0.5
    return values


def claims() -> list[Claim]:
    """Return the claims on the channels."""
    experiment = Experiment("csi", "channels", run_seed, seeds=(0,), tables=tables)
    of = f"of 216 (27 scenarios, TDD and FDD, 4 steps), {SAMPLES} samples against the {THEIRS} published"
    return [
        Claim(
            claim="Our channels change as those of CSI-RRG do: no prediction errs alike",
            source=SOURCE,
            metric=f"rows whose MSE differs by more than {ERRORS:g} combined standard errors, {of}",
            experiment=experiment,
            ours="outside",
            baseline="outside",
            baseline_name="published scores of no prediction",
            compare="at_most",
            bound=FAR,
        ),
        Claim(
            claim="A beam matched to the last snapshot is worth the same in our channels as in CSI-RRG's",
            source=SOURCE,
            metric=f"largest difference of the spectral efficiency, %, {of}",
            experiment=experiment,
            ours="worst_se",
            baseline="worst_se",
            baseline_name="published scores of no prediction",
            compare="at_most",
            bound=NEAR,
        ),
        Claim(
            claim="Our spectral efficiencies are nearer to the published ones than those of CSI-RRG's other "
            "samples of the same scenarios",
            source=SOURCE,
            metric=f"rows whose spectral efficiency differs by more than {NEAR:g} %, {of}",
            experiment=experiment,
            ours="apart",
            baseline="apart_again",
            baseline_name=f"published, {THEIRS} samples of the set `generalization`",
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the farthest step of each scenario and duplex mode."""
    known = averages(values)
    farthest: dict[str, dict[str, str]] = {"mse": {}, "se": {}}
    for name in values[0] if values else ():
        kind, _, row = name.partition("/")
        where = row.rpartition("/")[0]
        if kind in farthest:
            best = farthest[kind].setdefault(where, row)
            if abs(known[name]) > abs(known[f"{kind}/{best}"]):
                farthest[kind][where] = row
    rows = []
    for where, row in farthest["se"].items():
        error = known["mse/" + farthest["mse"][where]]
        numbers = [f"{error:+.1f}"]
        numbers += [
            f"{known['se/' + row]:+.1f}",
            f"{known['error/' + row]:.1f}",
            f"{known['again/' + row]:+.1f}",
        ]
        rows.append([where.replace("/", ", ", 1), *numbers])
    header = (
        "duplex mode, scenario",
        "MSE, combined standard errors",
        "spectral efficiency, %",
        "standard error of the published, %",
        "other published samples, %",
    )
    title = (
        "No prediction in CSI-RRG's regular scenarios at 25 dB, ours minus published, at the step that "
        "differs most. A spectral efficiency that differs by more than 2 % does so within the scatter of the "
        "100 samples behind it: other samples of the same scenario were published with differences as large"
    )
    return [ResultTable(title, header, rows)] if rows else []
