"""Faulty heads are found."""

from typing import Any

import pytest
import torch
from torch import Tensor

from surrogates import testing
from surrogates.learning.answers import Answer, GaussianAnswer
from surrogates.learning.heads import Gaussian, Head, Point
from tests.surrogates.testing.faults import SquareWithTwiceTheGradient


class WrongSign(Point):
    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        return -super().loss(outputs, target).clamp(max=100.0)


class Overconfident(Gaussian):
    def answer(self, outputs: Tensor, back: Any) -> GaussianAnswer:
        mean, log_variance = self.mean_and_log_variance(outputs)
        return GaussianAnswer(back.value(mean), back.deviation(torch.exp(log_variance)))


class WrongHeadGradient(Point):
    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        return SquareWithTwiceTheGradient.apply(outputs - target)


class WideDraws(Gaussian):
    def answer(self, outputs: Tensor, back: Any) -> GaussianAnswer:
        given = super().answer(outputs, back)

        class Wide(GaussianAnswer):
            def draws(self, count: int, rng: torch.Generator) -> Tensor:
                return self.mean + 1.5 * (super().draws(count, rng) - self.mean)

        return Wide(given.mean, given.deviation)


class CrossingQuantiles(Gaussian):
    def answer(self, outputs: Tensor, back: Any) -> GaussianAnswer:
        given = super().answer(outputs, back)

        class Crossing(GaussianAnswer):
            def quantiles(self, levels: Any) -> Tensor:
                return super().quantiles([1 - level for level in levels])

        return Crossing(given.mean, given.deviation)


class OneLoss(Point):
    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        return super().loss(outputs, target).mean()


class Halves(Point):
    def answer(self, outputs: Tensor, back: Any) -> Answer:
        return Answer(back.value(outputs)[:, :1])


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (WrongSign(), "following its loss to targets about 0.5 leads to"),
        (Overconfident(True, 0.0), "fitted to targets of a standard deviation of 0.4 it says"),
        (WrongHeadGradient(), "the gradient of the loss and differences are"),
        (WideDraws(True, 0.0), "its draws have 1.* of its deviation"),
        (CrossingQuantiles(True, 0.0), "quantiles cross"),
        (OneLoss(), r"the loss has the shape \(\)"),
        (Halves(), "the mean has the shape"),
        (Gaussian(True, 0.5), "the gradient of the loss and differences are"),
    ],
)
def test_a_faulty_head_is_found(head: Head, message: str) -> None:
    testing.check_head(Gaussian(True, 0.0))
    with pytest.raises(AssertionError, match=rf"^head {type(head).__name__}: ({message})[^\n]*$"):
        testing.check_head(head)
