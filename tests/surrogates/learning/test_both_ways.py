"""Networks between two grids, and in both directions: shapes, shared weights, normalisation of each side."""

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.normaliser import MinMax, Normaliser
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig, Sides
from surrogates.learning.transforms import Stack

GATHER = VariableSpec(
    name="shot_gather", dims=("sample", "shot", "time", "receiver"), shape=(2, 24, 10), units="1"
)
VELOCITY = VariableSpec(
    name="velocity_model", dims=("sample", "depth", "lateral"), shape=(12, 10), units="m s-1"
)
GRIDS = {"name": "stack", "grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]}
X_NET = {"name": "invertible_x_net", "latent": 8, "channels": [2, 4], "architecture": [1, 1]}


def config(**changes: object) -> PipelineConfig:
    given: dict[str, object] = {
        "inputs": [GATHER],
        "targets": [VELOCITY],
        "transform": GRIDS,
        "network": X_NET,
        "normalisation": {"inputs": "standard", "targets": "min_max"},
        "both_ways": True,
    }
    return PipelineConfig.model_validate(given | changes)


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    return {
        "shot_gather": 3.0 * torch.randn(4, 2, 24, 10, generator=rng) + 1.0,
        "velocity_model": 1500.0 + 3000.0 * torch.rand(4, 12, 10, generator=rng),
    }


@pytest.fixture
def pipeline(batch: dict[str, torch.Tensor]) -> Pipeline:
    torch.manual_seed(0)
    made = Pipeline(config())
    made.fit_normalisers([batch])
    return made.eval()


def test_a_network_answers_on_another_grid(pipeline: Pipeline, batch: dict[str, torch.Tensor]) -> None:
    assert pipeline.layout.grid == ("depth", "lateral")
    assert pipeline(batch)["velocity_model"].shape == (4, 12, 10)


def test_the_other_direction_answers_what_the_network_s_reverse_does(
    pipeline: Pipeline, batch: dict[str, torch.Tensor]
) -> None:
    other = pipeline.reversed()
    assert other.target_names == ["shot_gather"]
    answer = other(batch)["shot_gather"]
    velocity = pipeline.target_normaliser(batch["velocity_model"][:, None])
    by_hand = pipeline.input_normaliser.inverse(pipeline.network.reverse(velocity))
    torch.testing.assert_close(answer, by_hand)
    torch.testing.assert_close(other.reversed()(batch), pipeline(batch))


def test_both_directions_share_weights_that_count_once(
    pipeline: Pipeline, batch: dict[str, torch.Tensor]
) -> None:
    other = pipeline.reversed()
    names = set(pipeline.state_dict())
    assert not any("other" in name for name in names)
    before = other(batch)["shot_gather"]
    with torch.no_grad():
        for parameter in pipeline.parameters():
            parameter.mul_(1.1)
    assert not torch.allclose(other(batch)["shot_gather"], before)
    assert {id(p) for p in other.parameters()} == {id(p) for p in pipeline.parameters()}


def test_weights_that_are_replaced_reach_both_directions(
    pipeline: Pipeline, batch: dict[str, torch.Tensor]
) -> None:
    first = pipeline.reversed()(batch)["shot_gather"]
    torch.manual_seed(5)
    source = Pipeline(config())
    pipeline.load_state_dict(source.state_dict(), assign=True)
    moved = pipeline.reversed()(batch)["shot_gather"]
    assert not torch.allclose(first, moved)
    torch.testing.assert_close(moved, source.eval().reversed()(batch)["shot_gather"])


def test_each_side_is_normalised_in_its_own_way(pipeline: Pipeline, batch: dict[str, torch.Tensor]) -> None:
    assert type(pipeline.input_normaliser) is Normaliser
    assert type(pipeline.target_normaliser) is MinMax
    targets = pipeline.target_normaliser(batch["velocity_model"][:, None])
    assert (float(targets.min()), float(targets.max())) == pytest.approx((-1.0, 1.0), abs=1e-5)
    shots = pipeline.input_normaliser(batch["shot_gather"])
    np.testing.assert_allclose(shots.mean((0, 2, 3)), 0.0, atol=1e-5)
    np.testing.assert_allclose(shots.std((0, 2, 3), correction=0), 1.0, atol=1e-5)
    turned = pipeline.reversed().config.sides
    assert turned == Sides(inputs="min_max", targets="standard")


def test_a_constant_channel_keeps_its_scale() -> None:
    normaliser = MinMax(2)
    normaliser.observe(torch.tensor([[5.0, 1.0], [5.0, 3.0]]))
    normaliser.finish()
    torch.testing.assert_close(normaliser(torch.tensor([[6.0, 3.0]])), torch.tensor([[1.0, 1.0]]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"name": "mlp"}, "transform": {"name": "stack"}}, "has one direction.*invertible_x_net"),
        ({"head": {"name": "gaussian"}}, "the head 'point'"),
        ({"inputs": [GATHER.model_copy(update={"missing": True})]}, "may be missing: shot_gather"),
        ({"transform": {**GRIDS, "name": "seismic/gathers"}}, "needs the transform 'stack'"),
    ],
)
def test_what_cannot_be_turned_round_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Pipeline(config(**changes))


def test_one_direction_has_no_other() -> None:
    pipeline = Pipeline(config(both_ways=False))
    with pytest.raises(ConfigError, match=r"task\.both_ways=true"):
        pipeline.reversed()


@pytest.mark.parametrize("key", ["grid", "target_grid"])
def test_a_grid_of_unknown_dimensions_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"task.transform.{key}: no variable has the dimension 'dpeth'"):
        Pipeline(config(transform={**GRIDS, key: ["dpeth", "lateral"]}))


@pytest.mark.parametrize("key", ["grid", "target_grid"])
def test_a_grid_that_names_a_dimension_twice_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"task.transform.{key}: 'lateral' stands twice; name each"):
        Pipeline(config(transform={**GRIDS, key: ["lateral", "lateral"]}))


def test_what_there_is_instead_of_a_dimension_is_told_once() -> None:
    with pytest.raises(ConfigError, match=r"'dpeth'\. Did .* velocity_model have depth, lateral, sample\.$"):
        Stack(Context.of([VELOCITY], [VELOCITY]), grid=("dpeth",))


def test_a_target_grid_that_the_targets_lack_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"target_grid: no variable has the dimension 'time'"):
        Pipeline(config(transform={"name": "stack", "grid": ["time", "receiver"]}))
