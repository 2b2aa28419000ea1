"""3-D U-Net and diffusion on the same volumes: gain, delay and direction of arrival.

Both learn dominant paths. The areas of the test are not seen in training. Both networks have as many
parameters, to within 5 %, and are trained as long; each learns once with a known and once with an unknown
transmitter, from samples of up to 10 % of the cells, and is scored with few and with many, by the same draws.
Cells that count are the stable ones, with and without line of sight apart. The same networks are scored on
traced volumes with diffraction of some transmitters of the test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.factory.recipe import Arrays, generators
from datasets.radio.urban3d import Urban3d
from datasets.store.specs import TEST, Split
from surrogates.domains.radio.volumes.sight import CLASSES
from surrogates.evaluation.calibration import Calibrations
from surrogates.evaluation.evaluate import Method
from surrogates.evaluation.scoring import calibrations_of, fitted_baselines
from surrogates.experiment.experiment import Experiment as Opened
from surrogates.inference.bundle import load_bundle
from surrogates.learning.contract import Predictor
from surrogates.runs.evaluate import model_of

AREAS = {
    "product": "dominant_path",
    "areas": 48,
    "window_size": 128.0,
    "validation": 0.125,
    "test": 0.25,
}
TRAINING = 200
"""Steps."""
TRACED, RAYS = 6, 100_000
"""Transmitters of the test that are traced with diffraction, and the rays of each of two traces."""
NETWORKS = {"unet_3d": "3-D U-Net", "radiodiff_3d": "diffusion"}
KNOWN = {"volumes_sampled": "transmitter known", "volumes_unknown": "transmitter unknown"}
SETTINGS = (("volumes_sampled", 0.0), ("volumes_unknown", 0.1))
"""Those of the paper, a transmitter or samples alone: what is known, and the share of the cells sampled."""
SHARES = {"volumes_sampled": (0.0, 0.1), "volumes_unknown": (0.01, 0.1)}
MEMBERS, STEPS = 16, 5
TARGETS = {
    "path_gain": ("path gain, dB", 1.0),
    "time_of_arrival": ("delay, ns", 1e9),
    "azimuth_of_arrival": ("azimuth, degrees", 57.29578),
    "zenith_of_arrival": ("zenith, degrees", 57.29578),
}
METRICS = "[rmse, crps, energy_score, coverage, member_coverage]"
SCORES = {"rmse": "RMSE", "crps": "CRPS", "energy_score": "energy score"}
COVERAGES = {
    "member_coverage": "share inside 90 % intervals of the members",
    "coverage": "share inside 90 % intervals after calibration on all cells",
}
SPARSE = "radio/nearest_volume_samples, {name: radio/volume_kriging, max_samples: 100}"
BASELINES = {0.0: "radio/direct_path", 0.01: SPARSE, 0.1: SPARSE}
TITLES = {
    "direct_path": "free space",
    "nearest_volume_samples": "3 nearest samples",
    "volume_kriging": "kriging",
}
SOURCE = "Wang et al., IEEE TNSE 2025, arXiv:2507.12166, on dominant-path volumes of the built-in cities"


class TracedTest(Urban3d):
    """Some transmitters of the test areas, traced with diffraction: all of it is a test."""

    def records(self) -> int:
        return TRACED

    def splits(self) -> list[Split]:
        return [Split.all_test(TRACED, "areas that no network learned from")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        labels = Urban3d.make(AREAS).splits()[0].labels
        own = np.flatnonzero(labels == TEST)
        chosen = own[np.linspace(0, len(own) - 1, TRACED).astype(int)][indices]
        return super().simulate(chosen, generators(self.seed, chosen))


def volumes() -> Path:
    """Return the store that both networks learn from."""
    return runs.stored(Urban3d.make(AREAS), "claims_volumes", workers=1)


def traced_volumes() -> Path:
    """Return the store of traced volumes with diffraction."""
    recipe = TracedTest.make(AREAS | {"product": "diffraction", "rays": RAYS})
    return runs.stored(recipe, "claims_volumes_traced", workers=1)


def task(network: str, known: str, share: float = 0.1) -> list[str]:
    """Return the overrides of a network and of what it knows; `share` of the cells is sampled in the test."""
    return [
        f"experiment=radio/{network}",
        "size=tiny",
        f"task=radio/{known}",
        f"dataset={volumes()}",
        f"task.preparations=[{{name: radio/volume_samples, share: {share}}}]",
        f"task.metrics={METRICS}",
        "task.plots=[]",
        "task.baselines=[]",
        f"trainer.max_steps={TRAINING}",
    ]


def trained(network: str, known: str, seed: int) -> Path:
    """Return the run of a network; while it trains, a single member is enough."""
    single = ["task.predictor.samples=1"] if network == "radiodiff_3d" else []
    return runs.trained_run([*task(network, known), *single], seed)


def method_of(run: Path, steps: int = STEPS) -> Method:
    """Return the network of a run; of diffusion the mean of `MEMBERS` members of so many steps."""
    bundle = load_bundle(run / "bundle", runs.CPU)
    ((pipeline, predictor),) = bundle.parts
    if bundle.samples:
        node = {"name": "diffusion", "samples": MEMBERS, "sampling_steps": steps}
        predictor = Predictor.build(node, pipeline.context)
    (method,) = model_of(replace(bundle, parts=((pipeline, predictor),))).values()
    return method


def run_seed(seed: int) -> dict[str, float]:
    """Train both networks with a known and an unknown transmitter, and score them with few and many samples.

    Returns
    -------
    dict
        ``<network>/<known>/<share>/<target>_<class>/<metric>``, before those of traced volumes ``traced/``,
        ``<baseline>/<share>/<target>_<class>/<metric>``, and ``<network>/<known>/parameters``.
    """
    torch.set_num_threads(1)
    values: dict[str, float] = {}
    for network, known in product(NETWORKS, KNOWN):
        run = trained(network, known, seed)
        values[f"{network}/{known}/parameters"] = runs.parameters(run)
        methods = {"model": method_of(run)}
        for share in SHARES[known]:
            given, name = [*task(network, known, share), f"seed={seed}"], f"{network}/{known}/{share:g}"
            on = runs.open_experiment(given)
            calibrations = calibrated(methods, on)
            values |= runs.prefixed(name, by_sight(methods, on, calibrations)["model"])
            if (known, share) in SETTINGS:
                traced = runs.open_experiment([*given, f"dataset={traced_volumes()}"])
                values |= runs.prefixed(f"traced/{name}", by_sight(methods, traced, calibrations)["model"])
    for share, baselines in BASELINES.items():
        given = [*task("unet_3d", "volumes_sampled", share), f"task.baselines=[{baselines}]", f"seed={seed}"]
        on = runs.open_experiment(given)
        for method, scores in by_sight(fitted_baselines(on), on, {}).items():
            values |= runs.prefixed(f"{method.rpartition('/')[2]}/{share:g}", scores)
    return values


def calibrated(methods: Mapping[str, Method], on: Opened) -> Calibrations:
    """Return the calibration of each target, for its cells of both classes of sight as well."""
    return {
        method: dict(own) | {f"{name}_{each}": found for name, found in own.items() for each in CLASSES}
        for method, own in calibrations_of(methods, on, device=runs.CPU).items()
    }


def by_sight(
    methods: Mapping[str, Method], on: Opened, calibrations: Calibrations
) -> dict[str, dict[str, float]]:
    """Return the scores of each method in all cells and in those of each class of sight."""
    table = runs.scored(methods, on, "{group}|{method}|{target}/{metric}", calibrations=calibrations)
    found: dict[str, dict[str, float]] = {}
    for name, value in table.items():
        group, method, rest = name.split("|")
        if group == "all":
            found.setdefault(method, {})[rest] = value
    return found


def claims() -> list[Claim]:
    """Return the claims on both networks, in the cells without line of sight."""
    experiment = Experiment("radio3d", "networks", run_seed, tables=tables)

    def told(known: str, share: float) -> str:
        return f"{KNOWN[known]}, {share:.0%} samples" if share else f"{KNOWN[known]}, no samples"

    def better(known: str, share: float, target: str, score: str) -> Claim:
        number = f"{known}/{share:g}/{target}_without_sight/{score}"
        title = TARGETS[target][0].partition(", ")[0]
        return Claim(
            claim=f"Without line of sight diffusion answers the {title} better than regression",
            source=SOURCE,
            metric=f"{SCORES[score]}, {told(known, share)}",
            experiment=experiment,
            ours=f"radiodiff_3d/{number}",
            baseline=f"unet_3d/{number}",
            baseline_name=NETWORKS["unet_3d"],
        )

    def covers(known: str, share: float, score: str, bound: float) -> Claim:
        number = f"{known}/{share:g}/path_gain_without_sight"
        return Claim(
            claim=f"Without line of sight at least {bound:.0%} of the path gains lie in intervals of 90 %",
            source=SOURCE,
            metric=f"{COVERAGES[score]}, {told(known, share)}",
            experiment=experiment,
            ours=f"radiodiff_3d/{number}/{score}",
            baseline=f"unet_3d/{number}/coverage",
            baseline_name=f"{NETWORKS['unet_3d']}, calibrated",
            compare="at_least",
            bound=bound,
        )

    return [
        *(
            better(known, share, target, score)
            for (known, share), target, score in product(SETTINGS, TARGETS, ("rmse", "energy_score"))
        ),
        *(
            covers(known, share, score, bound)
            for (known, share), (score, bound) in product(
                SETTINGS, {"member_coverage": 0.85, "coverage": 0.87}.items()
            )
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return a table for each score: what is known, and who answers, by rows; quantities by columns."""
    if not values:
        return []
    mean = averages(values)
    header = ["transmitter", "samples", "method", *(title for title, _ in TARGETS.values())]
    kinds = [
        *((f"{title}, no line of sight", score, "without_sight") for score, title in SCORES.items()),
        *((f"{title}, no line of sight", score, "without_sight") for score, title in COVERAGES.items()),
        ("RMSE, line of sight", "rmse", "in_sight"),
    ]
    apart = [
        ResultTable(
            f"Radio volumes, dominant paths: {title}, means over {len(values)} seeds",
            header,
            [[*row, *_row(mean, name, sight, score)] for row, name in _methods()],
        )
        for title, score, sight in kinds
    ]
    traced = [
        ResultTable(
            f"Radio volumes, traced with diffraction: {title}, networks that learned dominant paths",
            header,
            [
                [
                    KNOWN[known],
                    f"{share:.0%}",
                    NETWORKS[network],
                    *_row(mean, f"traced/{network}/{known}/{share:g}", "without_sight", score),
                ]
                for (known, share), network in product(SETTINGS, NETWORKS)
            ],
        )
        for title, score, _ in (kinds[0], kinds[2], kinds[3])
    ]
    return [*apart, *traced]


def _methods() -> list[tuple[list[str], str]]:
    """Return the first columns of each row of a table, and how its numbers are called."""
    networks = [
        ([KNOWN[known], f"{share:.0%}", NETWORKS[network]], f"{network}/{known}/{share:g}")
        for known in KNOWN
        for share, network in product(SHARES[known], NETWORKS)
    ]
    baselines = [
        (["-", f"{share:.0%}", TITLES[method]], f"{method}/{share:g}")
        for share, baselines in BASELINES.items()
        for method in TITLES
        if method in baselines
    ]
    return [*networks, *baselines]


def _row(mean: Mapping[str, float], name: str, sight: str, score: str) -> list[str]:
    """Return the mean score of each quantity, in the units of the table; a share has none."""
    row = []
    for target, (_, factor) in TARGETS.items():
        number = f"{name}/{target}_{sight}/{score}"
        known = {number: mean[number] * (1.0 if score in COVERAGES else factor)} if number in mean else {}
        row.append(cell(known, number))
    return row
