"""Flights for training and scores of the claims, and networks to score on them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.claims import runs
from benchmarks.claims.files import require
from datasets.uav.importers import CsvFlights
from datasets.uav.px4_like import Px4Like
from surrogates.domains.uav.published import HISTORY, published_pipeline
from surrogates.evaluation.evaluate import Method
from surrogates.inference.bundle import load_bundle

TRAJECTORIES = 1500
VECTOR = "Nacar et al., VECTOR, Drones 9(1):8, 2025"
CV = "constant_velocity"
TEST_ONLY: dict[str, Any] = {"validation": 0.0, "test": 1.0, "still_speed": 0.0, "min_duration": 2.9}
SPINE = ("rmse", "mae", "persistence")
RENAMED = {"persistence": "constant_position"}
"""Names of methods in the scores that are kept, by the registered ones."""
WIDE: dict[str, Any] = {
    "trajectories": 1200,
    "shortest": 8.0,
    "longest": 20.0,
    "families": {
        "circle": 0.12, "lemniscate": 0.12, "line": 0.08, "minimum_snap": 0.1, "lissajous": 0.08,
        "go_to": 0.08, "goal_switching": 0.08, "waypoints": 0.08, "hover": 0.08, "racing": 0.08,
        "sticks": 0.1,
    },
    "recorders": {"direct": 0.5, "slow": 0.12, "filtered": 0.12, "smoothed": 0.12, "noisy": 0.14},
    "vehicles": {"x500": 0.6, "sih": 0.2, "racer": 0.2},
}  # fmt: skip
"""All families, recorders and vehicles of the simulator."""
ON_WIDE = ("trainer.max_steps=2500", "trainer.validate_every=500")
"""Overrides of a training on these flights, which are fewer and shorter than those of the other claims."""


def flights(name: str = "uav_claims", **changes: float) -> Path:
    """Return a store of simulated flights."""
    return runs.stored(Px4Like.make({"trajectories": TRAJECTORIES, **changes}), name)


def flights_of_true_recorders() -> Path:
    """Return flights of recorders with the vehicle's clock and true positions."""
    return flights("uav_claims_true", hesitant=0.0, drifting=0.0)


def wide_flights() -> Path:
    """Return flights of all families, recorders and vehicles."""
    return runs.stored(Px4Like.make(WIDE), "uav_wide")


def gazebo() -> Path:
    """Return the store of the published Gazebo flights: circles C1 to C3, figure-8 I1 and I2."""
    return _imported("gazebo", {"C*": "circle", "I*": "lemniscate"})


def synthetic() -> Path:
    """Return the store of the published noisy tracks without dynamics: lines and circles."""
    return _imported("synthetic", {"*/circle_*": "circle", "*/line_*": "line"})


def _imported(folder: str, families: Mapping[str, str]) -> Path:
    given = {"folder": str(require("uav", folder)), "families": families}
    return runs.stored(CsvFlights.make(given | TEST_ONLY), f"uav_{folder}", workers=0)


def weights() -> list[Path]:
    """Return the files of published weights."""
    return sorted(require("uav", "weights").glob("*.pth"))


def published_networks() -> dict[str, Method]:
    """Return the published networks by the names of their files."""
    return {path.stem: _of_the_last(published_pipeline(path), {"position": HISTORY}) for path in weights()}


def network(run: Path) -> Method:
    """Return the network of a run, which takes as much of the past as it was trained on."""
    bundle = load_bundle(run / "bundle")
    return _of_the_last(bundle.ask, {spec.name: spec.shape[0] for spec in bundle.manifest.pipeline.inputs})


def _of_the_last(ask: Callable[..., Any], samples: Mapping[str, int]) -> Method:
    """Predict from only the last samples of the past, so that all methods are scored on the same windows."""

    def answer(inputs: Mapping[str, Any], rng: Any) -> Any:
        return ask({name: inputs[name][:, -count:] for name, count in samples.items()})

    return answer


def listed(names: Iterable[str]) -> str:
    """Return pieces of this domain as a list of the command line; the spine's keep their names."""
    registered = {kept: name for name, kept in RENAMED.items()}
    names = [registered.get(name, name) for name in names]
    return "[" + ", ".join(name if name in SPINE else f"uav/{name}" for name in names) + "]"
