"""Surrogates whose answers are known, and bundles of forecasts with random weights."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from datasets.uav.variables import coordinates, track_specs
from surrogates.data.window import Window, horizon_coordinates, windowed
from surrogates.inference.bundle import save_bundle
from surrogates.inference.manifest import Coordinate
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

STEP, HISTORY, HORIZON = 0.1, 20, 10


def forecast_specs(history: int, horizon: int, step: float) -> tuple[VariableSpec, VariableSpec]:
    past = VariableSpec(
        name="position",
        dims=("trajectory", "time", "axis"),
        shape=(history, 3),
        units="m",
        attributes={"step": step, "window_dimension": "time"},
    )
    ahead = past.model_copy(
        update={
            "name": "position_forecast",
            "dims": ("trajectory", "horizon", "axis"),
            "shape": (horizon, 3),
        }
    )
    return past, ahead


def fake(
    answer: Callable[[torch.Tensor, torch.Tensor], dict[str, torch.Tensor]],
    history: int = HISTORY,
    horizon: int = HORIZON,
    step: float = STEP,
    ranges: dict[str, tuple[float, float]] | None = None,
    moves_along: bool = True,
    time_units: str = "s",
) -> Any:
    """What the stream needs of a surrogate; `answer` gets the past and the steps ahead, both as tensors.

    `seen` holds all inputs that it was asked.
    """
    past, ahead = forecast_specs(history, horizon, step)
    seen: list[torch.Tensor] = []

    def ask(inputs: dict[str, torch.Tensor], rng: torch.Generator | None = None) -> dict[str, torch.Tensor]:
        seen.append(inputs["position"].clone())
        return answer(inputs["position"], torch.arange(1, horizon + 1).view(1, -1, 1))

    transform = SimpleNamespace(offset_free=["position"] if moves_along else [])
    bundle = SimpleNamespace(
        predict=ask,
        device=torch.device("cpu"),
        manifest=SimpleNamespace(
            ranges=ranges or {}, coordinates={"time": Coordinate(values=[], attributes={"units": time_units})}
        ),
        parts=((SimpleNamespace(transform=transform), None),),
    )
    return SimpleNamespace(
        bundle=bundle, inputs={"position": past}, outputs={"position_forecast": ahead}, seen=seen
    )


def straight_on(past: torch.Tensor, ahead: torch.Tensor) -> dict[str, torch.Tensor]:
    """Constant velocity, from the last two points."""
    last = past[:, -1:]
    return {"position_forecast": last + ahead * (last - past[:, -2:-1])}


def bundle_of(folder: Path, values: str, normalisation: str, history: int, seed: int = 0, **others) -> Path:
    """A bundle with random weights, and constants of flights at a few metres a second."""
    (position,) = track_specs(100, ["position"])
    window = Window(history, horizon=10, dimension="time")
    steps = others.pop("steps", 1)
    config = PipelineConfig(
        inputs=[windowed(position, window, "time", 0.1, ahead=False)],
        targets=[windowed(position, window, "time", 0.1, ahead=True)],
        transform={"name": "windows", "values": values},
        network={"name": "vector", "width": 8, "depth": 2},
        record_dimension="trajectory",
        normalisation=normalisation,
        **others,
    )
    torch.manual_seed(seed)
    pipeline = Pipeline(config).eval()
    rng = np.random.default_rng(seed)
    time = np.arange(60) * 0.1
    tracks = np.cumsum(rng.normal(0, 0.3, (8, 60, 3)), axis=1) + 3.0 * time[None, :, None]
    tracks = torch.as_tensor(tracks, dtype=torch.float32)
    batch = {
        "position": tracks[:, :history],
        "position_forecast": tracks[:, history : history + 10],
    }
    pipeline.fit_normalisers([batch])
    return save_bundle(
        folder,
        pipeline,
        predictor={"name": "rollout", "steps": steps},
        ranges={"position": (-50.0, 50.0)},
        coordinates=horizon_coordinates(coordinates(100, quaternion=False), "time", window, 0.1),
    )


@pytest.fixture
def save_forecast() -> Callable[..., Path]:
    return bundle_of


@pytest.fixture
def make_surrogate() -> Callable[..., Any]:
    return fake


@pytest.fixture
def straight() -> Any:
    """Keeps the velocity of the last two points."""
    return fake(straight_on)
