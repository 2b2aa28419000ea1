"""Faulty transforms, objectives and predictors are found."""

from typing import Any

import pytest
import torch
from torch import Tensor

from surrogates import testing
from surrogates.learning.contract import Objective, Predictor
from surrogates.learning.transform import Features, Transform
from tests.pieces.spine import FIELDS, pipeline
from tests.surrogates.testing.faults import SquareWithTwiceTheGradient

BATCH = testing.draw_batch(FIELDS)


class Heights(Transform):
    """Heights, where they are known, and speeds; without a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.grid = ("y", "x")
        self.channel_names = ["height", "known", "speed"]
        self.in_channels = 3

    def forward(self, inputs: Any) -> Features:
        height, speed = inputs["height"], inputs["speed"]
        return self.of(height, height.isfinite().to(height.dtype), speed)

    def of(self, height: Tensor, known: Tensor, speed: Tensor) -> Features:
        """Return the channels."""
        return Features(torch.stack([height, known, speed[:, None, None].expand_as(height)], 1))


class LosesNaN(Heights):
    def forward(self, inputs: Any) -> Features:
        height = inputs["height"].nan_to_num()
        return self.of(height, torch.ones_like(height), inputs["speed"].nan_to_num())


class SpreadsNaN(Heights):
    def forward(self, inputs: Any) -> Features:
        height, speed = inputs["height"], inputs["speed"]
        return self.of(height, height.isfinite().to(height.dtype), speed + 0 * speed.mean())


class CentresByBatch(Heights):
    def forward(self, inputs: Any) -> Features:
        height, speed = inputs["height"], inputs["speed"]
        return self.of(height - height.nanmean(), height.isfinite().to(height.dtype), speed)


class Miscounts(Heights):
    def __init__(self) -> None:
        super().__init__()
        self.in_channels = 4


class ChangesInputs(Heights):
    def forward(self, inputs: Any) -> Features:
        inputs["speed"].clamp_(min=0.0)
        return super().forward(inputs)


class Noisy(Heights):
    def forward(self, inputs: Any) -> Features:
        return super().forward(dict(inputs) | {"speed": inputs["speed"] + torch.randn(())})


class WrongSlope(Heights):
    def forward(self, inputs: Any) -> Features:
        return super().forward(dict(inputs) | {"speed": SquareWithTwiceTheGradient.apply(inputs["speed"])})


class _Doubles:
    def encode(self, residual: Tensor) -> Tensor:
        return 2 * residual

    decode = deviation = encode


class WrongLink(Heights):
    def forward(self, inputs: Any) -> Features:
        return Features(super().forward(inputs).tensor, link=_Doubles())


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (LosesNaN, "NaN in '(height|speed)' is lost"),
        (SpreadsNaN, "NaN in 'speed' of one record changes 'channels' of others"),
        (CentresByBatch, "'channels' of a record depends on the others"),
        (Miscounts, r"'channels' has the shape \(4, 3, 4, 3\); expected"),
        (ChangesInputs, "after a call its input 'speed' differs|after a call its input"),
        (Noisy, "it draws from the global generator of torch"),
        (WrongSlope, "the gradient of its channels"),
        (WrongLink, "its link decodes what it encoded to"),
    ],
)
def test_a_faulty_transform_is_found(transform: type[Transform], message: str) -> None:
    testing.check_transform(Heights(), FIELDS)
    with pytest.raises(AssertionError, match=rf"^transform {transform.__name__}: ({message})[^\n]*$"):
        testing.check_transform(transform(), FIELDS)


class Squares(Objective):
    """Squared error of the heat alone, over the cells that count; without a fault."""

    def __call__(self, pipeline: Any, batch: Any, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        counts = batch["inside"] & batch["heat"].isfinite()
        error = (pipeline(batch)["heat"] - batch["heat"].nan_to_num()).square()
        return (error * counts).sum() / counts.sum(), {}


class CountsAll(Squares):
    def __call__(self, pipeline: Any, batch: Any, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        error = (pipeline(batch)["heat"] - batch["heat"].nan_to_num()).square()
        return error.mean(), {}


class NaNGradient(Squares):
    def __call__(self, pipeline: Any, batch: Any, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        counts = batch["inside"] & batch["heat"].isfinite()
        error = (pipeline(batch)["heat"] - batch["heat"]).square()
        return torch.where(counts, error, 0.0).sum() / counts.sum(), {}


class Sums(Squares):
    def __call__(self, pipeline: Any, batch: Any, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        loss, _ = super().__call__(pipeline, batch, rng)
        return loss * len(batch["heat"]), {}


class Shakes(Squares):
    def __call__(self, pipeline: Any, batch: Any, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        loss, _ = super().__call__(pipeline, batch, rng)
        return loss * (1 + torch.rand(())), {}


class HalfDetached(Squares):
    def __call__(self, pipeline: Any, batch: Any, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        loss, _ = super().__call__(pipeline, batch, rng)
        return (loss + loss.detach()) / 2, {}


class Untrained(Squares):
    def __call__(self, pipeline: Any, batch: Any, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        loss, _ = super().__call__(pipeline, batch, rng)
        weights = torch.cat([each.flatten() for each in pipeline.network.parameters()])
        return loss.detach() + 0 * weights.sum(), {}


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (CountsAll, "a cell of 'heat' that the mask leaves out changes the loss"),
        (NaNGradient, "the gradient of the loss is not finite"),
        (Sums, "the loss of a batch is .*, the mean of its records'"),
        (Shakes, "equal generators give different losses|draws from the global generator"),
        (HalfDetached, "the gradient of the loss is .* along itself, differences say"),
        (Untrained, "no gradient reaches the network"),
    ],
)
def test_a_faulty_objective_is_found(objective: type[Objective], message: str) -> None:
    testing.check_objective(Squares(), pipeline(), BATCH)
    with pytest.raises(AssertionError, match=rf"^objective {objective.__name__}: .*({message})"):
        testing.check_objective(objective(), pipeline(), BATCH)


class Asks(Predictor):
    """One forward pass; without a fault."""

    def __call__(self, pipeline: Any, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        return pipeline(inputs)


class Jitters(Asks):
    def __call__(self, pipeline: Any, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        return {name: value + torch.randn(()) for name, value in super().__call__(pipeline, inputs).items()}


class Averages(Asks):
    def __call__(self, pipeline: Any, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        answer = super().__call__(pipeline, inputs)
        return {name: 0.5 * (value + value.mean(0)) for name, value in answer.items()}


class Omits(Asks):
    def __call__(self, pipeline: Any, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        return {"heat": super().__call__(pipeline, inputs)["heat"]}


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (Jitters, "it draws from the global generator of torch"),
        (Averages, "'damp' of a record alone differs|'heat' of a record alone differs"),
        (Omits, r"it answers \['heat'\]; expected the target 'damp' too"),
    ],
)
def test_a_faulty_predictor_is_found(predictor: type[Predictor], message: str) -> None:
    testing.check_predictor(Asks(), pipeline(), BATCH)
    with pytest.raises(AssertionError, match=rf"^predictor {predictor.__name__}: ({message})"):
        testing.check_predictor(predictor(), pipeline(), BATCH)
