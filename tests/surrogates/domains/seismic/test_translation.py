"""The loss of latent-space translation: each of its parts, and what is refused."""

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.domains.seismic.translation import Translation, error
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

GATHER = VariableSpec(name="gather", dims=("sample", "shot", "time", "receiver"), shape=(2, 40, 16))
IMAGE = VariableSpec(name="image", dims=("sample", "depth", "lateral"), shape=(12, 16))
GRIDS = {"name": "stack", "grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]}
X_NET = {"name": "invertible_x_net", "latent": 8, "channels": [4, 8], "architecture": [1, 1]}
CONTEXT = Context.of([GATHER], [IMAGE])
UNET = {"name": "latent_unet", "latent": 8, "channels": [4, 8], "repeat": 1, "depth": 1}


def pipeline(network: dict = X_NET, both_ways: bool = True) -> Pipeline:
    torch.manual_seed(0)
    return Pipeline(
        PipelineConfig(
            inputs=[GATHER], targets=[IMAGE], transform=GRIDS, network=network, both_ways=both_ways
        )
    )


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "gather": torch.randn(4, 2, 40, 16, generator=generator),
        "image": torch.randn(4, 12, 16, generator=generator),
    }


def value(objective: Translation, way: Pipeline, batch: dict) -> tuple[torch.Tensor, dict]:
    return objective(way, batch, torch.Generator().manual_seed(0))


def test_one_direction_is_the_weighted_sum_of_both_errors(batch) -> None:
    way = pipeline(UNET, both_ways=False).eval()
    loss, parts = value(
        Translation(CONTEXT, l1=2.0, l2=3.0, weights={"image": 5.0}, perceptual=()), way, batch
    )
    difference = way(batch)["image"] - batch["image"]
    expected = 2 * difference.abs().mean() + 3 * difference.square().mean()
    torch.testing.assert_close(loss, 5 * expected)
    torch.testing.assert_close(parts, {"image": expected})


def test_both_ways_add_up(batch) -> None:
    way = pipeline().eval()
    loss, parts = value(Translation(CONTEXT, weights={"gather": 10.0}, perceptual=()), way, batch)
    assert set(parts) == {"image", "gather"}
    torch.testing.assert_close(loss, parts["image"] + 10 * parts["gather"])
    difference = way.reversed()(batch)["gather"] - batch["gather"]
    torch.testing.assert_close(parts["gather"], difference.abs().mean() + difference.square().mean())


def test_shapes_count_by_the_weight_of_their_variable(batch) -> None:
    way = pipeline().eval()
    plain, _ = value(Translation(CONTEXT, perceptual=()), way, batch)
    image = {"image": 0.5, "gather": 0.0}
    shaped, _ = value(Translation(CONTEXT, perceptual=("gradient",), perceptual_weights=image), way, batch)
    difference = way(batch)["image"] - batch["image"]
    expected = sum(difference.diff(dim=axis).abs().mean() for axis in (-2, -1))
    torch.testing.assert_close(shaped - plain, 0.5 * expected)


def test_cycle_is_the_error_of_what_went_there_and_back(batch) -> None:
    way = pipeline().eval()
    plain, _ = value(Translation(CONTEXT, perceptual=()), way, batch)
    loss, parts = value(Translation(CONTEXT, perceptual=(), cycle={"gather": 2.0}), way, batch)
    back = way.reversed()({"image": way(batch)["image"]})["gather"]
    expected = (back - batch["gather"]).abs().mean() + (back - batch["gather"]).square().mean()
    torch.testing.assert_close(parts["gather_cycle"], expected)
    torch.testing.assert_close(loss - plain, 2 * expected)
    assert "image_cycle" not in parts


def test_weight_of_the_cycles_grows_over_the_steps_and_is_whole_in_validation(batch) -> None:
    way, objective = pipeline().train(), Translation(CONTEXT, perceptual=(), cycle={"image": 1.0}, warmup=10)
    extra = []
    for step in (0, 5, 10, 20):
        objective.step = step
        loss, parts = value(objective, way, batch)
        extra.append(float((loss.detach() - parts["image"] - parts["gather"]) / parts["image_cycle"]))
    assert extra == pytest.approx([0.0, 0.5, 1.0, 1.0], abs=1e-5)
    objective.step = 0
    loss, parts = value(objective, way.eval(), batch)
    torch.testing.assert_close(loss, parts["image"] + parts["gather"] + parts["image_cycle"])


@pytest.mark.parametrize(("network", "both_ways"), [(X_NET, True), (UNET | {"autoencode": True}, False)])
def test_reconstruction_trains_the_decoder_of_the_input(batch, network: dict, both_ways: bool) -> None:
    way = pipeline(network, both_ways).eval()
    plain, _ = value(Translation(CONTEXT, perceptual=()), way, batch)
    loss, parts = value(Translation(CONTEXT, perceptual=(), reconstruction=0.5), way, batch)
    difference = way.network.reconstruct_input(batch["gather"]) - batch["gather"]
    expected = difference.abs().mean() + difference.square().mean()
    torch.testing.assert_close(parts["input_reconstruction"], expected)
    torch.testing.assert_close(loss - plain, 0.5 * (expected + parts["output_reconstruction"]))
    loss.backward()
    assert all(parameter.grad is not None for parameter in way.parameters())


def many() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {"gather": torch.zeros(2000, 1, 1, 1), "image": torch.randn(2000, 12, 16, generator=generator)}


def test_unpaired_examples_are_a_share_and_always_the_same() -> None:
    way, batch = pipeline().train(), many()
    objective = Translation(CONTEXT, unpaired=0.3, cycle={"gather": 1.0})
    paired = objective._paired(way, batch).flatten()
    assert paired.mean().item() == pytest.approx(0.7, abs=0.03)
    order = torch.randperm(2000)
    again = objective._paired(way, {"image": batch["image"][order].flip(-1)}).flatten()
    torch.testing.assert_close(again, paired[order], rtol=0, atol=0)
    more = Translation(CONTEXT, unpaired=0.6, cycle={"gather": 1.0})._paired(way, batch).flatten()
    assert (more <= paired).all()
    assert objective._paired(way.eval(), batch).min() == 1


def test_unpaired_examples_teach_through_their_cycle_alone(batch) -> None:
    way = pipeline().train()
    objective = Translation(CONTEXT, unpaired=0.5, cycle={"gather": 1.0})
    alone = many()["image"]
    lonely = alone[objective._paired(way, {"image": alone}).flatten() == 0][:4]
    loss, parts = value(objective, way, {"gather": batch["gather"], "image": lonely})
    assert parts["image"] == parts["gather"] == 0
    torch.testing.assert_close(loss, parts["gather_cycle"])
    assert loss > 0


def test_missing_cells_do_not_count(batch) -> None:
    spec = IMAGE.model_copy(update={"missing": True})
    config = PipelineConfig(inputs=[GATHER], targets=[spec], transform=GRIDS, network=UNET)
    torch.manual_seed(0)
    way = Pipeline(config).eval()
    holes = batch["image"].clone()
    holes[:, 6:] = torch.nan
    loss, _ = value(Translation(CONTEXT, perceptual=()), way, batch | {"image": holes})
    difference = (way(batch)["image"] - batch["image"])[:, :6]
    torch.testing.assert_close(loss, difference.abs().mean() + difference.square().mean())
    shaped, _ = value(Translation(CONTEXT), way, batch | {"image": holes})
    assert shaped.isfinite()


def test_error_of_nothing_is_zero() -> None:
    ones = torch.ones(2, 1, 3, 3)
    assert error(ones, 0 * ones, 0 * ones, 1.0, 1.0) == 0


@pytest.mark.parametrize(
    ("arguments", "network", "both_ways", "message"),
    [
        ({"weights": {"imag": 1.0}}, X_NET, True, r"weights names 'imag'.* Did you mean 'image'.*gather"),
        (
            {"weights": {"gather": 1.0}},
            UNET,
            False,
            r"weights names 'gather'.*inputs too with task\.both_ways=true",
        ),
        ({"cycle": {"image": 1.0}}, UNET, False, r"cycle needs both directions; add task\.both_ways=true"),
        ({"reconstruction": 1.0}, UNET, False, r".*'latent_unet' cannot reconstruct; .*autoencode=true"),
    ],
)
def test_what_the_network_cannot_do_is_refused(batch, arguments, network, both_ways, message) -> None:
    way = pipeline(network, both_ways)
    value(Translation(CONTEXT), way, batch)
    with pytest.raises(ConfigError, match=rf"^objective 'translation': {message}[^\n]*$"):
        value(Translation(CONTEXT, **arguments), way, batch)


def test_settings_that_contradict_each_other_are_refused() -> None:
    Translation(CONTEXT, unpaired=0.5, cycle={"image": 1.0})
    with pytest.raises(ConfigError, match=r"unpaired is 0\.5, but neither cycle nor reconstruction counts"):
        Translation(CONTEXT, unpaired=0.5)
    with pytest.raises(ConfigError, match=r"vgg_weights is given, but perceptual does not name vgg16_local"):
        Translation(CONTEXT, vgg_weights="vgg.pth")


@pytest.mark.parametrize(("network", "both_ways"), [(UNET, False), (X_NET, True)])
def test_first_loss_in_half_precision_is_that_of_single(batch, network: dict, both_ways: bool) -> None:
    way = pipeline(network, both_ways).eval()
    objective = Translation(CONTEXT, cycle={"gather": 1.0} if both_ways else None)
    exact, parts = value(objective, way, batch)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, found = value(objective, way, batch)
    torch.testing.assert_close(rounded, exact, rtol=0.01, atol=0)
    torch.testing.assert_close(found, parts, rtol=0.02, atol=0)
