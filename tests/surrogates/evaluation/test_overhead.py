"""Operations are counted as by hand, and what is not counted is named."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from surrogates.data.batch import Batch
from surrogates.evaluation.overhead import counted_once, numbers_in, overheads

RECORD = {"field": torch.ones(1, 3, 10, 12)}


def flops(work: Callable[[Tensor], object], shape: tuple[int, ...]) -> tuple[int, tuple[str, ...]]:
    given = torch.randn(*shape)
    with torch.no_grad():
        return counted_once(lambda: work(given))[:2]


def test_a_convolution_and_a_linear_layer_cost_what_they_cost_by_hand() -> None:
    assert flops(nn.Conv2d(3, 8, (3, 5)), (1, 3, 10, 12)) == (2 * (8 * 8) * 8 * (3 * 3 * 5), ())
    assert flops(nn.Linear(7, 4), (5, 7)) == (2 * 5 * 7 * 4, ())


def test_elementwise_arithmetic_norms_and_pooling_cost_nothing_by_convention() -> None:
    layers = nn.Sequential(nn.BatchNorm2d(3), nn.GELU(), nn.MaxPool2d(2), nn.Softmax(1), nn.Upsample(8))
    assert flops(layers.eval(), (1, 3, 8, 8)) == (0, ())


@pytest.mark.parametrize(
    ("work", "shape", "name"),
    [
        (torch.fft.rfft2, (1, 8, 8), "_fft_r2c"),
        (nn.LSTM(4, 8).eval(), (5, 1, 4), "mkldnn_rnn_layer"),
        (lambda x: torch.linalg.solve(x, x), (8, 8), "_linalg_solve_ex"),
        (lambda x: torch.from_numpy(x.numpy() @ x.numpy()), (8, 8), "NumPy"),
        (lambda x: torch.as_tensor(np.abs(np.asarray(x))), (8, 8), "NumPy"),
        (
            lambda x: x.to(torch.complex64) @ x.to(torch.complex64),
            (8, 8),
            "mm of complex numbers",
        ),
    ],
)
def test_what_the_counter_does_not_know_is_named(
    work: Callable[[Tensor], object], shape: tuple[int, ...], name: str
) -> None:
    (found,) = flops(work, shape)[1]
    assert found.startswith(name)


def test_memory_is_the_peak_of_what_lives_at_once() -> None:
    def chain(x: Tensor) -> Tensor:
        for _ in range(10):
            x = torch.relu(x) + 1  # at most two new tensors and the one before
        return x

    given = torch.ones(1000)
    assert counted_once(lambda: chain(given))[2] == 3 * 4000
    assert counted_once(lambda: given.view(10, 100).T)[2] == 0
    assert counted_once(lambda: np.ones(10**6) + given.numpy()[0])[2] >= 8 * 10**6


def test_each_method_states_its_cost_for_one_record() -> None:
    network = nn.Conv2d(3, 1, 3, bias=False)

    def convolution(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"gain": network(inputs["field"])}

    def spectrum(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"gain": torch.fft.rfft2(inputs["field"]).abs()}

    found = overheads({"model": convolution, "spectrum": spectrum}, RECORD, {"model": 27})
    model, other = found
    assert (model.parameters, model.flops, model.is_lower_bound) == (27, 2 * 8 * 10 * 27, False)
    assert (other.flops, other.uncounted, other.as_dict()["lower_bound"]) == (0, ("_fft_r2c",), True)
    assert all(each.latency > 0 and each.runs >= 1 and each.device == "cpu" for each in found)
    assert model.memory == 4 * 8 * 10


def test_numbers_of_nested_holders_count_once() -> None:
    weights = torch.ones(4)
    holder = {"a": weights, "b": [weights, np.zeros((2, 3)), nn.Linear(2, 1)], "c": np.array(["text"])}
    assert numbers_in(holder) == 4 + 6 + 3
