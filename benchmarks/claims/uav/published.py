"""The published networks on the published flights: errors here against the noted ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from benchmarks.claims.uav import flights
from benchmarks.claims.uav.flights import CV, VECTOR
from surrogates.domains.uav.published import published_pipeline
from surrogates.experiment.experiment import Experiment as Run

METRICS = ("mse", "ade", "fde")
TRACKS = {
    "circles": "Gazebo circles C1-C3",
    "eights": "Gazebo figure-8 I1-I2",
    "synthetic": "noisy synthetic circles",
}
POSITION_WHITE, POSITION_MAX = "5000_pos_white_norm_64_2_0p5", "5000_pos_max_norm_64_2_0p5"
VELOCITY_WHITE, VELOCITY_MAX = "5000_vel_white_norm_64_2_0p5", "5000_vel_max_norm_64_2_0p5"
# Mean squared error of a coordinate (m2), ADE and FDE at 1 s (m), in the digits in which they were noted when
# the published arithmetic was run on all windows of the published tracks.
NOTED: dict[str, dict[str, tuple[str, str, str]]] = {
    "circles": {
        CV: ("0.091", "0.400", "0.856"),
        POSITION_WHITE: ("0.393", "0.715", "1.383"),
        POSITION_MAX: ("0.279", "0.529", "1.100"),
        VELOCITY_WHITE: ("0.142", "0.355", "0.684"),
        VELOCITY_MAX: ("0.192", "0.419", "0.846"),
    },
    "eights": {
        CV: ("0.421", "0.837", "1.895"),
        POSITION_WHITE: ("0.555", "0.824", "1.569"),
        POSITION_MAX: ("0.635", "0.811", "1.651"),
        VELOCITY_WHITE: ("0.433", "0.674", "1.446"),
        VELOCITY_MAX: ("0.601", "0.825", "1.813"),
    },
    "synthetic": {
        CV: ("0.368", "0.519", "1.212"),
        POSITION_WHITE: ("180.6", "17.3", "18.1"),
        VELOCITY_MAX: ("0.216", "0.389", "0.819"),
    },
}


def run_seed(seed: int, tracks: Sequence[str] = tuple(TRACKS)) -> dict[str, float]:
    """Score every published network; nothing is random, so there is one seed.

    Returns
    -------
    dict
        ``<tracks>/<method>/<metric>``, with ``normalised_mse`` of the networks; ``worst/<tracks>``, the
        largest relative difference from the noted errors; ``digit/<tracks>``, the difference that rounding to
        their last digit allows; and ``normalised/least`` and ``most`` over networks and tracks.
    """
    networks = flights.published_networks()
    values: dict[str, float] = {}
    for name in tracks:
        on = runs.open_experiment(_overrides(*_tracks(name)))
        values |= runs.scored({**on.build_baselines(), **networks}, on, f"{name}/{{method}}/{{metric}}")
        rmse = {each: values.pop(each) for each in list(values) if each.endswith("/rmse")}
        values |= {f"{each.removesuffix('rmse')}mse": value**2 for each, value in rmse.items()}
        values |= differences(name, values)
        values |= {f"{name}/{each}/normalised_mse": error for each, error in normalised_errors(on).items()}
    errors = [value for name, value in values.items() if name.endswith("/normalised_mse")]
    return values | {"normalised/least": min(errors), "normalised/most": max(errors)}


def normalised_errors(experiment: Run) -> dict[str, float]:
    """Return the mean squared error of each network in its own normalised units, by the name of its file."""
    found = {}
    for path in flights.weights():
        pipeline, total, count = published_pipeline(path), 0.0, 0
        for batch in experiment.loader("test"):
            with torch.no_grad():
                features = pipeline.features(batch)
                error = pipeline.normalised(features) - pipeline.normalised_targets(batch, features)
            total, count = total + float(error.double().square().sum()), count + error.numel()
        found[path.stem] = total / count
    return found


def differences(tracks: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the largest relative difference from the noted errors, and that of their last digit."""
    noted = {
        f"{tracks}/{method}/{metric}": text
        for method, row in NOTED[tracks].items()
        for metric, text in zip(METRICS, row, strict=True)
    }
    worst = max(abs(values[name] / float(text) - 1) for name, text in noted.items())
    digit = max(0.5 * 10.0 ** -len(text.partition(".")[2]) / float(text) for text in noted.values())
    return {f"worst/{tracks}": worst, f"digit/{tracks}": digit}


def _tracks(name: str) -> tuple[Path, str]:
    if name == "synthetic":
        return flights.synthetic(), "circle"
    return flights.gazebo(), "circle" if name == "circles" else "lemniscate"


def _overrides(store: Path, family: str) -> list[str]:
    return [
        "experiment=uav/vector",
        "size=tiny",
        f"dataset={{url: {store}, select: {{family: {family}}}}}",
        "task.window={dimension: time, length: 20, horizon: 10, stride: 1}",
        f"task.baselines=[uav/{CV}]",
        "task.metrics=[rmse, uav/ade, uav/fde]",
        "task.groups=null",
        "trainer.batch_size=2048",
    ]


def claims() -> list[Claim]:
    """Return one claim for each set of tracks, and one on the error that the paper states."""
    experiment = Experiment("uav", "vector_published", run_seed, seeds=(0,), tables=tables)
    abstract = Claim(
        claim="The published networks reach the abstract's error on the published flights",
        source=f"{VECTOR}, abstract: MSE of 2e-8 to 2e-7",
        metric="least MSE in normalised units of any published network on any set of tracks",
        experiment=experiment,
        ours="normalised/least",
        baseline="normalised/most",
        baseline_name="the largest of them",
        compare="at_most",
        bound=2e-7,
        published=2e-8,
    )
    same = [
        Claim(
            claim=f"The published weights give the errors here that they give in the published code: {title}",
            source=f"weights and tracks of {VECTOR}; errors noted with the published arithmetic",
            metric=f"largest relative difference of MSE, ADE, FDE; {len(NOTED[name])} methods, all windows",
            experiment=experiment,
            ours=f"worst/{name}",
            baseline=f"digit/{name}",
            baseline_name="what the last digit of the noted errors leaves open",
            compare="at_most",
            bound=0.01,
        )
        for name, title in TRACKS.items()
    ]
    return [*same, abstract]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return every published network on every set of tracks, ours beside the noted errors."""
    known = averages(values)
    body = [
        [
            title,
            method,
            cell(known, *(f"{name}/{method}/{metric}" for metric in METRICS)),
            " / ".join(NOTED[name].get(method, ("-",) * len(METRICS))),
            _scientific(known.get(f"{name}/{method}/normalised_mse")),
        ]
        for name, title in TRACKS.items()
        for method in sorted({key.split("/")[1] for key in known if key.startswith(f"{name}/")})
    ]
    title = (
        "Published networks on published tracks, all windows of 30 samples: MSE of a coordinate m2 / ADE m / "
        "FDE at 1 s m; and the MSE in the network's own normalised units"
    )
    header = ["tracks", "method", "here", "noted with the published code", "MSE, normalised"]
    return [ResultTable(title, header, body)]


def _scientific(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
