"""The distance to the training data is small for records like them, and grows with all differences."""

import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.learning.distance import (
    DISTANCE,
    FARTHEST,
    MOST_NUMBERS,
    MOST_RECORDS,
    Neighbours,
    describe,
    doubt,
    evenly,
    stretch,
    watched,
)
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig


def waves(count: int, seed: int, *, size: float = 1.0, level: float = 0.0, waves: int = 2) -> Tensor:
    """Sines with random phases on a grid, (record, 1, 8, 32)."""
    phase = torch.rand((count, 1, 8, 1), generator=torch.Generator().manual_seed(seed)) * 6.3
    return level + size * torch.sin(waves * 6.3 * torch.arange(32) / 32 + phase)


@pytest.fixture(scope="module")
def neighbours() -> Neighbours:
    return Neighbours.of(describe(waves(400, 0)), np.arange(400))


def test_a_new_record_of_the_same_kind_has_about_the_distance_1(neighbours: Neighbours) -> None:
    found = neighbours(describe(waves(200, 1)))
    assert float(found.median()) == pytest.approx(1.0, abs=0.2)
    assert float(found.max()) < 10


@pytest.mark.parametrize("change", [{"size": 1.5}, {"level": 0.5}, {"waves": 5}])
def test_another_size_level_or_wave_length_is_far(neighbours: Neighbours, change: dict) -> None:
    assert float(neighbours(describe(waves(50, 1, **change))).min()) > 10


def test_without_a_grid_the_values_are_compared() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    torch.testing.assert_close(describe(values), values)


def test_statistics_of_a_channel_are_level_spread_slope_and_curvature() -> None:
    ramp = torch.arange(5.0).view(1, 1, 5) * 2
    torch.testing.assert_close(describe(ramp), torch.tensor([[4.0, 8.0**0.5, 2.0, 0.0]]))


def test_folded_rows_are_one_record() -> None:
    rows = torch.randn((6, 3, 16), generator=torch.Generator().manual_seed(0))
    found = describe(rows, folded=2)
    assert found.shape == (3, 12)
    torch.testing.assert_close(found[1, :3], rows[2:4].mean((0, 2)))


def test_many_channels_are_described_together() -> None:
    assert describe(torch.zeros(2, 5000, 8)).shape == (2, 4)
    assert describe(torch.zeros(2, 3, 8, 8)).shape == (2, 3 * 6)


def test_an_input_that_never_varied_counts_when_it_does() -> None:
    described = torch.cat(
        [torch.rand(100, 1, generator=torch.Generator().manual_seed(0)), torch.ones(100, 1)], 1
    )
    neighbours = Neighbours.of(described, np.arange(100))
    other = described[:1] + torch.tensor([[0.0, 1.0]])
    assert float(neighbours(described[:1])) < 2
    assert float(neighbours(other)) > 100


def test_what_is_not_finite_is_as_far_as_can_be(neighbours: Neighbours) -> None:
    described = describe(waves(2, 1))
    described[0, 0], described[1, 1] = torch.nan, torch.inf
    assert neighbours(described).tolist() == [FARTHEST, FARTHEST]


def test_windows_of_one_block_are_no_neighbours_of_each_other() -> None:
    centre = torch.arange(20.0).repeat_interleave(10)[:, None]
    described = centre + 0.001 * torch.rand((200, 1), generator=torch.Generator().manual_seed(0))
    apart = Neighbours.of(described, np.repeat(np.arange(20), 10))
    assert float(apart(torch.tensor([[19.0 + 1.0]]))) == pytest.approx(1.0, rel=0.05)
    assert (
        Neighbours.of(described, np.zeros(200)).unit < 0.01 * apart.unit
    )  # one block: only itself is left out


def test_neighbours_stay_few() -> None:
    assert len(Neighbours.of(torch.rand(5000, 3), np.arange(5000)).records) == MOST_RECORDS
    assert Neighbours.of(torch.rand(300, 4000), np.arange(300)).records.numel() <= MOST_NUMBERS


def test_the_distance_of_a_record_does_not_depend_on_the_others(neighbours: Neighbours) -> None:
    described = describe(waves(64, 3))
    whole = neighbours(described)
    assert torch.equal(whole, torch.cat([neighbours(each[None]) for each in described]))


def test_records_alike_have_a_unit_of_1() -> None:
    assert Neighbours.of(torch.ones(4, 2), np.arange(4)).unit == 1.0


def test_half_of_the_width_grows_with_the_distance() -> None:
    assert (stretch(0.0), stretch(1.0), stretch(3.0)) == (0.5, 1.0, 2.0)


def test_without_deviations_trust_falls_with_the_distance() -> None:
    distance = torch.tensor([1.0, 4.0])
    assert doubt({"y": torch.zeros(2, 3), DISTANCE: distance}, ["y"]) is distance


def test_doubt_is_the_deviation_wider_with_the_distance() -> None:
    deviation = torch.tensor([[1.0, 3.0], [1.0, torch.nan], [torch.nan, torch.nan]])
    answer = {"y_standard_deviation": deviation, DISTANCE: torch.tensor([1.0, 3.0, 1.0])}
    found = doubt(answer, ["y"])
    torch.testing.assert_close(found, torch.tensor([2.0, 2.0, torch.nan]), equal_nan=True)


def test_doubt_of_several_targets_is_in_the_same_order_in_other_units() -> None:
    rng = torch.Generator().manual_seed(0)
    y, z = torch.rand((2, 50, 4), generator=rng)
    answer = {"y_standard_deviation": y, "z_standard_deviation": z, DISTANCE: torch.rand(50, generator=rng)}
    other = doubt(answer | {"z_standard_deviation": 1000 * z}, "yz")
    torch.testing.assert_close(other, 1000**0.5 * doubt(answer, "yz"))


def test_doubt_by_quantiles_is_half_of_what_they_enclose() -> None:
    quantiles = torch.tensor([[[1.0], [2.0], [7.0]]])
    answer = {"y": torch.tensor([[2.0]]), "y_quantile": quantiles, DISTANCE: torch.tensor([1.0])}
    torch.testing.assert_close(doubt(answer, ["y"]), torch.tensor([3.0]))


def test_examples_are_evenly_chosen() -> None:
    assert evenly(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly(3, 4).tolist() == [0, 1, 2]


@pytest.fixture
def pipeline() -> Pipeline:
    x = VariableSpec(name="x", dims=("sample", "t"), shape=(6,), units="m")
    y = VariableSpec(name="y", dims=("sample", "t"), shape=(6,), units="m")
    torch.manual_seed(0)
    made = Pipeline(PipelineConfig(inputs=[x], targets=[y], network={"name": "mlp", "width": 4})).eval()
    made.input_normaliser.mean.fill_(3.0)
    return made


def test_what_the_network_is_given_is_watched_after_the_normaliser_nan_as_the_mean(
    pipeline: Pipeline,
) -> None:
    values = torch.full((2, 6), 5.0)
    values[1] = torch.nan
    with watched(pipeline) as seen:
        pipeline({"x": values})
        pipeline({"x": values + 1})  # only the first is kept
    (found,) = seen
    assert found[:, 0].tolist() == [2.0, 0.0]
    with watched(pipeline) as nothing:
        pass
    pipeline({"x": values})
    assert not nothing


def test_another_thread_is_not_watched(pipeline: Pipeline) -> None:
    with watched(pipeline) as seen:
        other = threading.Thread(target=pipeline, args=({"x": torch.zeros(1, 6)},))
        other.start()
        other.join()
        pipeline({"x": torch.full((3, 6), 5.0)})
    assert seen[0].shape[0] == 3
