"""Our predictor on families of paths, recorders and vehicles that its training never saw, all simulated."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from benchmarks.claims.uav import flights
from benchmarks.claims.uav.course import BASELINES, COVERAGES, LEVELS, OURS, course, coverage_metrics, renamed
from benchmarks.claims.uav.flights import CV, RENAMED
from benchmarks.claims.uav.published import VELOCITY_WHITE
from datasets.uav.px4_like import UNSEEN
from datasets.uav.variables import RECORDERS, VEHICLES
from surrogates.evaluation.scoring import calibrations_of
from surrogates.inference.bundle import load_bundle
from surrogates.runs.methods import methods_of

TITLES = {
    "waypoints": "hurried waypoints",
    "racing": "racing",
    "goal_switching": "goal switching",
    "noisy": "noisy recorder",
    "racer": "a racer as vehicle",
}
KNOWN = {
    "recorder": tuple(each for each in RECORDERS if each not in UNSEEN["recorder"]),
    "vehicle": tuple(each for each in VEHICLES if each not in UNSEEN["vehicle"]),
    "family": tuple(each for each in flights.WIDE["families"] if each not in UNSEEN["family"]),
}
POOLED = "all"
FAMILIES = UNSEEN["family"]
REFERENCES = (CV, "constant_position", VELOCITY_WHITE)
METRICS = ("ade", "fde")
INTERVALS = ("task.intervals.groups=[family,recorder,vehicle]", "task.intervals.scale=[deviation,distance]")
"""Overrides that calibrate on whole kinds of flights, wider far from the training data."""
SOURCE = (
    "Simulated flights of three families, a recorder and a vehicle that are kept out of training altogether; "
    "intervals are calibrated on other flights of the kinds that were trained on"
)


def kinds(**changes: Sequence[str]) -> str:
    """Return the override of the store that leaves kinds out of training, with only some of its flights."""
    allowed = ", ".join(f"{name}: [{', '.join(values)}]" for name, values in changes.items())
    return f"dataset={{url: {flights.wide_flights()}, split: split_by_kind, select: {{{allowed}}}}}"


def known(*extra: str) -> list[str]:
    """Return the overrides of our predictor on all kinds but those that are kept out."""
    return course(kinds(), *flights.ON_WIDE, *INTERVALS, *extra)


def run_seed(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Train our predictor with one seed on the known flights, and score it on those that were kept out.

    Returns
    -------
    dict
        ``<held out>/<method>/<metric>``, of the families also pooled as `all`, with coverages as in `course`;
        ``best/<held out>``, the lowest FDE of `REFERENCES`, and ``gain/<held out>``, how much lower ours is,
        relative to it; ``off/<level>`` and ``worst/<level>``, the distance of our calibrated coverage
        from its level, of the families pooled and of the worst of them.
    """
    published = {VELOCITY_WHITE: flights.published_networks()[VELOCITY_WHITE]}
    given = known(*extra)
    bundle = load_bundle(runs.trained_run(given, seed) / "bundle")
    baselines = runs.open_experiment([*given, f"task.baselines={flights.listed(BASELINES)}"])
    methods = {
        OURS if name == bundle.title else RENAMED.get(name, name): each
        for name, each in methods_of(bundle, baselines).items()
    }
    calibrations = calibrations_of(methods, baselines, device=runs.CPU)
    values: dict[str, float] = {}
    for variable, held in UNSEEN.items():
        data = kinds(**(KNOWN | {variable: held}))
        on = runs.open_experiment(course(data, f"task.groups={variable}", coverage_metrics(METRICS)))
        found = runs.scored({**methods, **published}, on, calibrations=calibrations)
        pooled = f"{POOLED}/"
        if len(held) == 1:  # one group is not named apart from all
            found = {name.replace(pooled, f"{held[0]}/", 1): value for name, value in found.items()}
        values |= renamed(found)
    return values | derived(values)


def derived(values: Mapping[str, float]) -> dict[str, float]:
    """Return the gains over the best reference, and the distances of our coverages from their levels."""
    found: dict[str, float] = {}
    for held in TITLES:
        best = min(values[f"{held}/{name}/fde"] for name in REFERENCES)
        found |= {f"best/{held}": best, f"gain/{held}": 1 - values[f"{held}/{OURS}/fde"] / best}
    for method in (OURS, "imm"):
        for level in LEVELS:

            def off(held: str, method: str = method, level: float = level) -> float:
                return abs(values[f"{held}/{method}/coverage_{level}"] - level)

            found[f"off/{method}/{level}"] = off(POOLED)
            found[f"worst/{method}/{level}"] = max(map(off, FAMILIES))
    return found


def claims() -> list[Claim]:
    """Return the claims on flights unlike those of training."""
    experiment = Experiment("uav", "course_held_out", run_seed, tables=tables)
    return [
        *(
            Claim(
                claim="On flights that training never saw, our predictor is at least 20 % better than the "
                "best of constant velocity, constant position and the published GRU S",
                source=SOURCE,
                metric=f"1 - ours / the best of the three, FDE at 1 s in m, {title}",
                experiment=experiment,
                ours=f"gain/{held}",
                baseline=f"best/{held}",
                baseline_name="FDE of the best of the three",
                compare="at_least",
                bound=0.2,
            )
            for held, title in TITLES.items()
        ),
        *(
            Claim(
                claim=f"There its calibrated {100 * level:.0f} % intervals are right to {100 * bound:.0f} "
                "points",
                source=SOURCE,
                metric=f"distance of the coverage at 1 s from {level}, axes pooled, {title}",
                experiment=experiment,
                ours=f"{key}/{OURS}/{level}",
                baseline=f"{key}/imm/{level}",
                baseline_name=BASELINES["imm"],
                compare="at_most",
                bound=bound,
            )
            for level in LEVELS
            for key, title, bound in (
                ("off", "the three families pooled", 0.05),
                ("worst", "the worst of the three families", 0.1),
            )
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return every method on all that was kept out."""
    found = averages(values)
    shown = (*METRICS, *COVERAGES.values())
    names = {**BASELINES, VELOCITY_WHITE: f"published {VELOCITY_WHITE}", OURS: "ours (uav/course)"}
    body = [
        [title, *(cell(found, *(f"{held}/{name}/{metric}" for metric in shown)) for held in TITLES)]
        for name, title in names.items()
    ]
    title = (
        "Simulated flights of kinds that were kept out of training; ours and the filters know other kinds: "
        "ADE m / FDE at 1 s m / coverage at 1 s of calibrated 68 % intervals / of 68 % by the bare standard "
        "deviation / of calibrated 95 % intervals / of 95 % by the bare standard deviation"
    )
    return [ResultTable(title, ["method", *TITLES.values()], body)]
