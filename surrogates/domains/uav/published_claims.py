"""The published networks on the published flights: the errors that were measured of them come out here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogates.domains.uav import claim_runs as runs
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell

if TYPE_CHECKING:
    from surrogates.experiment.experiment import Experiment as Run

NAME = "vector_published"
METRICS = ("mse", "ade", "fde")
CV = "constant_velocity"
PLACES = {
    "circles": "Gazebo circles C1-C3",
    "eights": "Gazebo figure-8 I1-I2",
    "synthetic": "noisy synthetic circles",
}
POSITION_WHITE, POSITION_MAX = "5000_pos_white_norm_64_2_0p5", "5000_pos_max_norm_64_2_0p5"
VELOCITY_WHITE, VELOCITY_MAX = "5000_vel_white_norm_64_2_0p5", "5000_vel_max_norm_64_2_0p5"
# Mean squared error of a coordinate (m2), ADE and FDE at 1 s (m), in the digits in which they were noted when
# the published arithmetic was run on all windows of the published tracks.
ROWS: dict[str, dict[str, tuple[str, str, str]]] = {
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


def run_seed(seed: int, places: Sequence[str] = tuple(PLACES)) -> Mapping[str, float]:
    """Score every published network; nothing here is drawn, so all seeds are one.

    Returns
    -------
    mapping
        ``<place>/<method>/<metric>``, with ``normalised_mse`` of the networks; ``worst/<place>``, the largest
        relative difference from the noted errors; ``digit/<place>``, how much of it their last digit alone
        allows; and ``normalised/least`` and ``most`` over networks and tracks.
    """
    networks = runs.published()
    values: dict[str, float] = {}
    for place in places:
        experiment = runs.open_experiment(_words(*_tracks(place)))
        for name, value in runs.scores({**experiment.build_baselines(), **networks}, experiment).items():
            _, method, metric = name.split("/")
            as_noted = {"mse": value**2} if metric == "rmse" else {metric: value}
            values |= {f"{place}/{method}/{key}": number for key, number in as_noted.items()}
        values |= differences(place, values)
        values |= {
            f"{place}/{name}/normalised_mse": error for name, error in normalised_errors(experiment).items()
        }
    errors = [value for name, value in values.items() if name.endswith("/normalised_mse")]
    return values | {"normalised/least": min(errors), "normalised/most": max(errors)}


def normalised_errors(experiment: "Run") -> dict[str, float]:
    """Return the mean squared error of each network in its own normalised units, by the name of its file."""
    import torch

    from surrogates.domains.uav.published import published_pipeline

    found = {}
    for path in sorted(runs.require("weights").glob("*.pth")):
        pipeline, total, count = published_pipeline(path), 0.0, 0
        for batch in experiment.loader("test"):
            with torch.no_grad():
                features = pipeline.features(batch)
                error = pipeline.normalised(features) - pipeline.normalised_targets(batch, features)
            total, count = total + float(error.double().square().sum()), count + error.numel()
        found[path.stem] = total / count
    return found


def differences(place: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the largest relative difference from the noted errors, and that of their last digit."""
    noted = {
        f"{place}/{method}/{metric}": text
        for method, row in ROWS[place].items()
        for metric, text in zip(METRICS, row, strict=True)
    }
    worst = max(abs(values[name] / float(text) - 1) for name, text in noted.items())
    digit = max(0.5 * 10.0 ** -len(text.partition(".")[2]) / float(text) for text in noted.values())
    return {f"worst/{place}": worst, f"digit/{place}": digit}


def _tracks(place: str) -> tuple[Path, str]:
    if place == "synthetic":
        return runs.synthetic(), "circle"
    return runs.gazebo(), "circle" if place == "circles" else "lemniscate"


def _words(store: Path, family: str) -> list[str]:
    return [
        "experiment=uav/vector",
        "size=tiny",
        f"dataset={{url: {store}, select: {{family: {family}}}}}",
        "task.window={dimension: time, length: 20, horizon: 10, stride: 1}",
        f"task.baselines=[{CV}]",
        "task.metrics=[rmse, uav/ade, uav/fde]",
        "task.groups=null",
        "trainer.batch_size=2048",
    ]


def claims() -> list[Claim]:
    """Return one claim for each set of tracks, and one on the error that the paper states."""
    experiment = Experiment(name=NAME, command=f"{runs.CODE} {NAME} {{seed}}", run=run_seed, seeds=(0,))
    abstract = Claim(
        claim="The published networks reach the abstract's error on the published flights",
        source=f"{runs.VECTOR}, abstract: MSE of 2e-8 to 2e-7",
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
            source=f"weights and tracks of {runs.VECTOR}; errors noted with the published arithmetic",
            metric=f"largest relative difference of MSE, ADE, FDE; {len(ROWS[place])} methods, all windows",
            experiment=experiment,
            ours=f"worst/{place}",
            baseline=f"digit/{place}",
            baseline_name="what the last digit of the noted errors leaves open",
            compare="at_most",
            bound=0.01,
        )
        for place, title in PLACES.items()
    ]
    return [*same, abstract]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return every published network on every set of tracks, ours beside the noted errors."""
    values = averages(rows, NAME)
    body = [
        [
            title,
            method,
            cell(values, *(f"{place}/{method}/{metric}" for metric in METRICS)),
            noted,
            _scientific(values.get(f"{place}/{method}/normalised_mse")),
        ]
        for place, title in PLACES.items()
        for method in sorted({key.split("/")[1] for key in values if key.startswith(f"{place}/")})
        for noted in [" / ".join(ROWS[place].get(method, ("-",) * len(METRICS)))]
    ]
    title = (
        "Published networks on published tracks, all windows of 30 samples: MSE of a coordinate m2 / ADE m / "
        "FDE at 1 s m; and the MSE in the network's own normalised units"
    )
    header = ["tracks", "method", "here", "noted with the published code", "MSE, normalised"]
    return [ResultTable(title, header, body)] if body else []


def _scientific(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
