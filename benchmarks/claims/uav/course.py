"""Our predictor on Gazebo flights, trained only on simulated flights, against methods without a network."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from benchmarks.claims.uav import flights
from benchmarks.claims.uav.flights import CV, RENAMED, VECTOR, listed
from benchmarks.claims.uav.published import VELOCITY_WHITE
from surrogates.evaluation.scoring import calibrations_of
from surrogates.inference.bundle import load_bundle
from surrogates.runs.methods import methods_of

OURS = "course"
BASELINES = {
    "constant_position": "constant position",
    CV: "constant velocity",
    "constant_acceleration": "constant acceleration",
    "quadratic_fit": "quadratic fit over 1 s",
    "kalman_cv": "Kalman filter, constant velocity",
    "kalman_ca": "Kalman filter, constant acceleration",
    "coordinated_turn": "coordinated turn",
    "imm": "interacting multiple models",
}
REFERENCES = {CV: BASELINES[CV], VELOCITY_WHITE: "VECTOR's velocity GRU S"}
SHAPES = {"circle": "circles C1-C3", "lemniscate": "figure-8 I1-I2", "all": "circles and figure-8 together"}
METRICS = ("ade", "fde", "rmse")
LEVELS = (0.68, 0.95)
COVERAGES = {
    f"horizon_coverage (level={level}, intervals={kind})": f"{name}_{level}"
    for level in LEVELS
    for kind, name in (("calibrated", "coverage"), ("gaussian", "gaussian"))
}
"""Metrics of coverage at the end of the horizon, and their names here."""
SOURCE = (
    f"Gazebo flights of {VECTOR}; ours trained on simulated flights alone, whose recorders have the kind of "
    "clock and drift that these logs show"
)
FDE = "FDE at 1 s in m, Gazebo {}, all windows"
NARROW = "simulated flights alone"
WIDE = "simulated flights of all families, recorders and vehicles alone"
ALWAYS = "task.transform.fall_back=false"
"""Override of a network that never gives way to a kinematic answer."""


def course(*overrides: str) -> list[str]:
    """Return the overrides of our predictor."""
    return ["experiment=uav/course", "size=tiny", *overrides]


def on_gazebo(*overrides: str) -> list[str]:
    """Return the overrides of all windows of the Gazebo flights, by the shape of their paths."""
    every = ("task.window.stride=1", "task.groups=family", "trainer.batch_size=1024")
    return course(f"dataset={flights.gazebo()}", *every, *overrides)


def run_seed(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Train our predictor with one seed on simulated flights, and score it on the Gazebo flights.

    Returns
    -------
    dict
        ``<shape>/<method>/<metric>``, with ``coverage_<level>`` of the intervals that simulated validation
        flights calibrated and ``gaussian_<level>`` of the bare deviations; ``gain/<shape>``, how much lower
        our FDE is than ``best/<shape>``, the lower one of `REFERENCES`, relative to it; and
        ``off/<shape>/<method>/<level>``, the distance of the calibrated coverage at 1 s from its level.
    """
    return on_gazebo_trained(seed, f"dataset={flights.flights()}", ALWAYS, *extra)


def run_wide(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Return the numbers of `run_seed`, trained on flights of all families, recorders and vehicles."""
    return on_gazebo_trained(seed, f"dataset={flights.wide_flights()}", *flights.ON_WIDE, *extra)


def on_gazebo_trained(seed: int, *training: str) -> dict[str, float]:
    """Train our predictor as some overrides say, and score it and its baselines on the Gazebo flights."""
    networks = flights.published_networks()
    bundle = load_bundle(runs.trained_run(course(*training), seed) / "bundle")
    baselines = runs.open_experiment(course(*training, f"task.baselines={listed(BASELINES)}"))
    known = {
        OURS if name == bundle.title else RENAMED.get(name, name): each
        for name, each in methods_of(bundle, baselines).items()
    }
    calibrations = calibrations_of(known, baselines, device=runs.CPU)
    on = runs.open_experiment(on_gazebo(coverage_metrics()))
    values = renamed(runs.scored({**known, **networks}, on, calibrations=calibrations))
    return values | derived(values)


def run_recorders(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Score our predictor, trained with true and with hesitant recorders, on the Gazebo flights.

    Returns
    -------
    dict
        ``<shape>/<recorders>/<metric>`` with `true` and `hesitant` recorders, and constant velocity.
    """
    stores = {"hesitant": flights.flights(), "true": flights.flights_of_true_recorders()}
    networks = {
        name: flights.network(runs.trained_run(course(f"dataset={store}", ALWAYS, *extra), seed))
        for name, store in stores.items()
    }
    on = runs.open_experiment(on_gazebo(f"task.metrics={listed(METRICS)}"))
    baseline = runs.open_experiment(course(f"dataset={stores['true']}", f"task.baselines=[uav/{CV}]"))
    return runs.scored({**networks, **baseline.build_baselines()}, on)


def renamed(values: Mapping[str, float]) -> dict[str, float]:
    """Return scores in which the coverages have their short names."""
    found = {}
    for name, value in values.items():
        method, _, metric = name.rpartition("/")
        found[f"{method}/{COVERAGES.get(metric, metric)}"] = value
    return found


def derived(values: Mapping[str, float]) -> dict[str, float]:
    """Return the gains over the better reference, and the distances of coverages from their levels."""
    found: dict[str, float] = {}
    for shape in SHAPES:
        best = min(values[f"{shape}/{name}/fde"] for name in REFERENCES)
        found |= {f"best/{shape}": best, f"gain/{shape}": 1 - values[f"{shape}/{OURS}/fde"] / best}
        for method in (OURS, *BASELINES):
            for level in LEVELS:
                name = f"{shape}/{method}/coverage_{level}"
                if name in values:
                    found[f"off/{shape}/{method}/{level}"] = abs(values[name] - level)
    return found


def coverage_metrics(others: Sequence[str] = METRICS) -> str:
    """Return the override of metrics that scores coverages beside others."""
    coverages = [
        f"{{name: uav/horizon_coverage, level: {level}, intervals: {kind}}}"
        for level in LEVELS
        for kind in ("calibrated", "gaussian")
    ]
    return f"task.metrics=[{', '.join([listed(others).strip('[]'), *coverages])}]"


def claims() -> list[Claim]:
    """Return the claims on flights that the predictor has never seen."""
    gazebo = Experiment("uav", "course_gazebo", run_seed, tables=tables)
    wide = Experiment("uav", "course_wide", run_wide, seeds=(0,), tables=partial(tables, known=WIDE))
    recorders = Experiment("uav", "course_recorders", run_recorders, seeds=(0,))
    claim = partial(Claim, source=SOURCE)
    shapes = ("circle", "lemniscate")

    def fde(ours: str, baseline: str, shape: str) -> dict[str, Any]:
        return {"ours": f"{shape}/{ours}/fde", "baseline": f"{shape}/{baseline}/fde"}

    return [
        *(
            claim(
                claim="Our predictor is at least 20 % better than constant velocity and the published GRU S",
                metric=f"1 - ours / the better of both, {FDE.format(SHAPES[shape])}",
                experiment=gazebo,
                ours=f"gain/{shape}",
                baseline=f"best/{shape}",
                baseline_name=f"FDE of the better of {' and '.join(REFERENCES.values())}",
                compare="at_least",
                bound=0.2,
            )
            for shape in shapes
        ),
        *(
            claim(
                claim="Trained on all kinds of flights, our predictor is still at least 20 % better than "
                "constant velocity and the published GRU S",
                metric=f"1 - ours / the better of both, {FDE.format(SHAPES[shape])}",
                experiment=wide,
                ours=f"gain/{shape}",
                baseline=f"best/{shape}",
                baseline_name=f"FDE of the better of {' and '.join(REFERENCES.values())}",
                compare="at_least",
                bound=0.2,
            )
            for shape in shapes
        ),
        *(
            claim(
                claim="Our predictor beats constant position",
                metric=FDE.format(SHAPES[shape]),
                experiment=gazebo,
                **fde(OURS, "constant_position", shape),
                baseline_name=BASELINES["constant_position"],
            )
            for shape in shapes
        ),
        *(
            claim(
                claim=f"Its calibrated {100 * level:.0f} % intervals are right to 5 points",
                metric=f"distance of the coverage at 1 s from {level}, axes pooled, Gazebo {title}, "
                "all windows",
                experiment=gazebo,
                ours=f"off/{shape}/{OURS}/{level}",
                baseline=f"off/{shape}/imm/{level}",
                baseline_name=BASELINES["imm"],
                compare="at_most",
                bound=0.05,
            )
            for level in LEVELS
            for shape, title in SHAPES.items()
        ),
        *(
            claim(
                claim=f"Our predictor beats the filter '{BASELINES[name]}', tuned on the same simulated "
                "flights",
                metric=FDE.format(SHAPES[shape]),
                experiment=gazebo,
                **fde(OURS, name, shape),
                baseline_name=BASELINES[name],
            )
            for name in ("imm", "coordinated_turn")
            for shape in shapes
        ),
        claim(
            claim="Recorders that hesitate and drift in training are what carries over to logs",
            metric=f"{FDE.format(SHAPES['all'])}; the baseline is our network trained on true recorders",
            experiment=recorders,
            **fde("hesitant", "true", "all"),
            baseline_name="trained on true recorders",
        ),
    ]


def tables(values: Sequence[Mapping[str, float]], known: str = NARROW) -> list[ResultTable]:
    """Return every method on circles and figure-8, after training on what is `known`."""
    found = averages(values)
    published = sorted({key.split("/")[1] for key in found if "_norm_" in key})
    names = {**BASELINES, **{name: f"published {name}" for name in published}, OURS: "ours (uav/course)"}
    shown = [*METRICS, *COVERAGES.values()]
    body = [
        [title, *(cell(found, *(f"{shape}/{name}/{metric}" for metric in shown)) for shape in SHAPES)]
        for name, title in names.items()
    ]
    title = (
        f"Gazebo flights, all windows; ours and the filters know {known}, mean of the seeds: "
        "ADE m / FDE at 1 s m / RMSE m / coverage at 1 s of calibrated 68 % intervals / of 68 % by the bare "
        "standard deviation / of calibrated 95 % intervals / of 95 % by the bare standard deviation"
    )
    return [ResultTable(title, ["method", *SHAPES.values()], body)]
