"""Our predictor on Gazebo flights, trained on simulated flights alone, against what needs no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogates.domains.uav import claim_runs as runs
from surrogates.domains.uav.published_claims import VELOCITY_WHITE
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell

NAME, RECORDERS = "course_gazebo", "course_recorders"
OURS = "course"
BASELINES = {
    "constant_position": "constant position",
    "constant_velocity": "constant velocity",
    "constant_acceleration": "constant acceleration",
    "quadratic_fit": "quadratic fit over 1 s",
    "kalman_cv": "Kalman filter, constant velocity",
    "kalman_ca": "Kalman filter, constant acceleration",
    "coordinated_turn": "coordinated turn",
    "imm": "interacting multiple models",
}
REFERENCES = {"constant_velocity": BASELINES["constant_velocity"], VELOCITY_WHITE: "VECTOR's velocity GRU S"}
SHAPES = {"circle": "circles C1-C3", "lemniscate": "figure-8 I1-I2", "all": "circles and figure-8 together"}
METRICS = ("ade", "fde", "rmse")


def course(*words: str) -> list[str]:
    """Return the command line of our predictor."""
    return ["experiment=uav/course", "size=tiny", *words]


def run_seed(seed: int, extra: Sequence[str] = ()) -> Mapping[str, float]:
    """Train our predictor with one seed on simulated flights, and score it on the Gazebo flights.

    Returns
    -------
    mapping
        ``<shape>/<method>/<metric>``, with ``coverage_<level>`` of the intervals that simulated validation
        flights calibrated and ``gaussian_<level>`` of the bare deviations; ``gain/<shape>``, how much lower
        our FDE is than ``best/<shape>``, the lower one of `REFERENCES`, as a share of it; and
        ``off/<shape>/<method>/<level>``, how far the calibrated coverage at 1 s is from its level.
    """
    import torch

    from surrogates.evaluation.scoring import calibrations_of
    from surrogates.inference.bundle import load_bundle
    from surrogates.runs.evaluate import methods_of

    networks, gazebo, simulated = runs.published(), runs.gazebo(), f"dataset={runs.flights()}"
    run = runs.trained_run(course(simulated, *extra), seed)
    bundle = load_bundle(run / "bundle")
    baselines = runs.open_experiment(course(simulated, f"task.baselines={runs.listed(BASELINES)}"))
    known = {
        OURS if name == bundle.title else name: each for name, each in methods_of(bundle, baselines).items()
    }
    calibrations = calibrations_of(known, baselines, device=torch.device("cpu"))
    on = runs.open_experiment(course(*_on_gazebo(gazebo), _metrics()))
    values = runs.scores({**known, **networks}, on, calibrations=calibrations)
    return {**values, **derived(values)}


def run_recorders(seed: int, extra: Sequence[str] = ()) -> Mapping[str, float]:
    """Score our predictor, trained with true and with hesitant recorders, on the Gazebo flights.

    Returns
    -------
    mapping
        ``<shape>/<recorders>/<metric>`` with `true` and `hesitant` recorders, and constant velocity.
    """
    stores = {"hesitant": runs.flights(), "true": runs.flights_of_true_recorders()}
    networks = {
        name: runs.network(runs.trained_run(course(f"dataset={store}", *extra), seed))
        for name, store in stores.items()
    }
    on = runs.open_experiment(course(*_on_gazebo(runs.gazebo()), f"task.metrics={runs.listed(METRICS)}"))
    baseline = runs.open_experiment(
        course(f"dataset={stores['true']}", "task.baselines=[uav/constant_velocity]")
    )
    return runs.scores({**networks, **baseline.build_baselines()}, on)


def draw(folder: Path) -> None:
    """Draw a few windows of the Gazebo flights, and error and coverage against the horizon."""
    import torch

    from surrogates.core.build import build
    from surrogates.inference.bundle import load_bundle
    from surrogates.report.examples import examples_of
    from surrogates.runs.evaluate import methods_of

    simulated = f"dataset={runs.flights()}"
    run = runs.trained_run(course(simulated), 0)
    baselines = runs.open_experiment(course(simulated, "task.baselines=[uav/constant_velocity, uav/imm]"))
    known = list(methods_of(load_bundle(run / "bundle"), baselines).items())
    methods = {OURS: known[0][1], **dict(known[1:]), "GRU S, published": runs.published()[VELOCITY_WHITE]}
    on = runs.open_experiment(course(*_on_gazebo(runs.gazebo())))
    examples = examples_of(methods, on, split="test", device=torch.device("cpu"))
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tracks", "horizon"):
        (figure,) = build("plots", {"name": f"uav_{name}"})(examples).values()
        figure.savefig(folder / f"uav_{name}.png", dpi=80, bbox_inches="tight")


def _on_gazebo(store: Path) -> list[str]:
    return [
        f"dataset={store}",
        "task.window.stride=1",
        "task.groups=family",
        "trainer.batch_size=1024",
    ]


def derived(values: Mapping[str, float]) -> dict[str, float]:
    """Return the gains over the better reference, and the distances of coverages from their levels."""
    found: dict[str, float] = {}
    for shape in SHAPES:
        best = min(values[f"{shape}/{name}/fde"] for name in REFERENCES)
        found |= {f"best/{shape}": best, f"gain/{shape}": 1 - values[f"{shape}/{OURS}/fde"] / best}
        for method in (OURS, *BASELINES):
            for level in runs.LEVELS:
                name = f"{shape}/{method}/coverage_{level}"
                found |= (
                    {f"off/{shape}/{method}/{level}": abs(values[name] - level)} if name in values else {}
                )
    return found


def _metrics() -> str:
    coverages = [
        f"{{name: uav/horizon_coverage, level: {level}, intervals: {kind}}}"
        for level in runs.LEVELS
        for kind in ("calibrated", "gaussian")
    ]
    plain = runs.listed(METRICS).strip("[]")
    return f"task.metrics=[{', '.join([plain, *coverages])}]"


def claims() -> list[Claim]:
    """Return what is claimed of flights that the predictor has never seen."""
    experiment = Experiment(name=NAME, command=f"{runs.CODE} {NAME} {{seed}}", run=run_seed)
    source = (
        f"Gazebo flights of {runs.VECTOR}; ours trained on simulated flights alone, whose recorders have the "
        "kind of clock and drift that these logs show"
    )
    fde = "FDE at 1 s in m, Gazebo {}, all windows"
    gains = [
        Claim(
            claim="Our predictor is at least 20 % better than constant velocity and the published GRU S",
            source=source,
            metric=f"1 - ours / the better of both, {fde.format(SHAPES[shape])}",
            experiment=experiment,
            ours=f"gain/{shape}",
            baseline=f"best/{shape}",
            baseline_name=f"FDE of the better of {' and '.join(REFERENCES.values())}",
            compare="at_least",
            bound=0.2,
        )
        for shape in ("circle", "lemniscate")
    ]
    coverages = [
        Claim(
            claim=f"Its calibrated {100 * level:.0f} % intervals are right to 5 points",
            source=source,
            metric=f"distance of the coverage at 1 s from {level}, axes pooled, Gazebo {title}, all windows",
            experiment=experiment,
            ours=f"off/{shape}/{OURS}/{level}",
            baseline=f"off/{shape}/imm/{level}",
            baseline_name=BASELINES["imm"],
            compare="at_most",
            bound=0.05,
        )
        for level in runs.LEVELS
        for shape, title in SHAPES.items()
    ]
    filters = [
        Claim(
            claim=f"Our predictor beats the filter '{BASELINES[name]}', tuned on the same simulated flights",
            source=source,
            metric=fde.format(SHAPES[shape]),
            experiment=experiment,
            ours=f"{shape}/{OURS}/fde",
            baseline=f"{shape}/{name}/fde",
            baseline_name=BASELINES[name],
            compare="lower_by",
            bound=0.0,
        )
        for name in ("imm", "coordinated_turn")
        for shape in ("circle", "lemniscate")
    ]
    recorders = Experiment(
        name=RECORDERS, command=f"{runs.CODE} {RECORDERS} {{seed}}", run=run_recorders, seeds=(0,)
    )
    taught = Claim(
        claim="Recorders that hesitate and drift in training are what carries over to logs",
        source=source,
        metric=f"{fde.format(SHAPES['all'])}; the baseline is our network trained on true recorders",
        experiment=recorders,
        ours="all/hesitant/fde",
        baseline="all/true/fde",
        baseline_name="trained on true recorders",
        compare="lower_by",
        bound=0.0,
    )
    return [*gains, *coverages, *filters, taught]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return every method on circles and figure-8."""
    values = averages(rows, NAME)
    published = sorted({key.split("/")[1] for key in values if "_norm_" in key})
    names = {**BASELINES, **{name: f"published {name}" for name in published}, OURS: "ours (uav/course)"}
    shown = [*METRICS, *runs.COVERAGES.values()]
    body = [
        [
            title,
            *(cell(values, *(f"{shape}/{name}/{metric}" for metric in shown)) for shape in SHAPES),
        ]
        for name, title in names.items()
    ]
    title = (
        "Gazebo flights, all windows; ours and the filters know simulated flights alone, mean of the seeds: "
        "ADE m / FDE at 1 s m / RMSE m / coverage at 1 s of calibrated 68 % intervals / of 68 % by the bare "
        "standard deviation / of calibrated 95 % intervals / of 95 % by the bare standard deviation"
    )
    return [ResultTable(title, ["method", *SHAPES.values()], body)] if values else []
