"""Surrogates whose answers are known: the last velocity goes on, or the last position stays."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from datasets.store.specs import VariableSpec

STEP, HISTORY, HORIZON = 0.1, 20, 10


def forecast_specs(history: int, horizon: int, step: float) -> tuple[VariableSpec, VariableSpec]:
    past = VariableSpec(
        name="position",
        dims=("trajectory", "time", "axis"),
        shape=(history, 3),
        units="m",
        attributes={"step": step},
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
) -> Any:
    """What the stream needs of a surrogate; `answer` gets the past and the steps ahead, both as tensors.

    `seen` holds all inputs that it was asked.
    """
    past, ahead = forecast_specs(history, horizon, step)
    seen: list[torch.Tensor] = []

    def ask(inputs: dict[str, torch.Tensor], rng: torch.Generator | None = None) -> dict[str, torch.Tensor]:
        seen.append(inputs["position"])
        return answer(inputs["position"], torch.arange(1, horizon + 1).view(1, -1, 1))

    bundle = SimpleNamespace(
        ask=ask, device=torch.device("cpu"), manifest=SimpleNamespace(ranges=ranges or {})
    )
    return SimpleNamespace(
        bundle=bundle, inputs={"position": past}, outputs={"position_forecast": ahead}, seen=seen
    )


def straight_on(past: torch.Tensor, ahead: torch.Tensor) -> dict[str, torch.Tensor]:
    """Constant velocity, from the last two points."""
    last = past[:, -1:]
    return {"position_forecast": last + ahead * (last - past[:, -2:-1])}


@pytest.fixture
def make_surrogate() -> Callable[..., Any]:
    return fake


@pytest.fixture
def straight() -> Any:
    """Keeps the velocity of the last two points."""
    return fake(straight_on)
