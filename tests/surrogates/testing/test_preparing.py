"""Faulty preparations are found."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates import testing
from surrogates.data.batch import Batch
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation
from tests.pieces.spine import HEAT, HEIGHT, SPEED

CONTEXT = Context.of([HEIGHT, SPEED], [HEAT])


class Gusts(Preparation):
    """Noise on the speed, and how strong it was; without a fault."""

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        return [SPEED.model_copy(update={"name": "gust"})]

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        gust = torch.tensor([float(rng.standard_normal()) for rng in rngs]).to(batch["speed"])
        return self.answer(batch, gust)

    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        """Return the batch with gusts."""
        return {**batch, "speed": batch["speed"] + gust, "gust": gust}


class OwnDraws(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return super().answer(batch, gust + float(np.random.default_rng().normal()))


class GlobalDraws(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return super().answer(batch, gust + torch.randn(len(gust)))


class FirstDraws(Gusts):
    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        return self.answer(batch, torch.full_like(batch["speed"], float(rngs[0].standard_normal())))


class InPlace(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        batch["speed"] += gust
        return {**batch, "gust": gust}


class InTheBatch(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        batch.update(super().answer(batch, gust))
        return batch


class Loses(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return {name: value for name, value in super().answer(batch, gust).items() if name != "height"}


class Undeclared(Gusts):
    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        return []


class Double(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return super().answer({**batch, "speed": batch["speed"].double()}, gust)


class Flat(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return super().answer({**batch, "height": batch["height"].flatten(1)}, gust)


class WrongGust(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return {**super().answer(batch, gust), "gust": gust[:, None]}


class Nothing(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return super().answer(batch, 0 * gust)


class Everything(Gusts):
    def answer(self, batch: Batch, gust: torch.Tensor) -> Batch:
        return super().answer({**batch, "height": batch["height"] + 1}, gust)


@pytest.mark.parametrize(
    ("preparation", "message"),
    [
        (OwnDraws, "with equal generators '(gust|speed)' differs"),
        (GlobalDraws, "it draws from the global generator of torch"),
        (FirstDraws, "'(gust|speed)' of a record depends on the others"),
        (InPlace, "it changes the caller's 'speed' in place"),
        (InTheBatch, "it adds to, takes from or replaces in the batch"),
        (Loses, "it loses 'height'"),
        (Undeclared, "it adds 'gust'; expected what it provides, none"),
        (Double, "'speed' is float64 of shape"),
        (Flat, "'height' is float32 of shape"),
        (WrongGust, r"'gust' is float32 of shape \(4, 1\); expected float32 of \(4,\)"),
        (Nothing, "it changes none in 8 draws; expected changes of 'speed'"),
        (Everything, "it changes 'height', 'speed' in 8 draws"),
    ],
)
def test_a_faulty_preparation_is_found(preparation: type[Preparation], message: str) -> None:
    testing.check_preparation(Gusts(), CONTEXT, changes=["speed"])
    with pytest.raises(AssertionError, match=rf"^preparation {preparation.__name__}: ({message})[^\n]*$"):
        testing.check_preparation(preparation(), CONTEXT, changes=["speed"])


def test_what_is_switched_off_must_change_nothing() -> None:
    from tests.pieces.csi import EXAMPLES
    from tests.surrogates.domains.csi.channels import batch_of, exponentials

    given: dict[str, Any] = dict(EXAMPLES["preparations"]["csi/noise"](None))
    given["batch"] = batch_of(exponentials())
    with pytest.raises(AssertionError, match="switched off it changes 'uplink_history'"):
        testing.check_preparation(**given | {"off": {"degree": 1.0}})
    with pytest.raises(AssertionError, match="it is given as an object; expected a name or a node"):
        testing.check_preparation(Gusts(), CONTEXT, changes=["speed"], off={})
