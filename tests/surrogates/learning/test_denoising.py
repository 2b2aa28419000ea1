"""Diffusion as a task: what the network is asked, fixed losses outside training, and the way back."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.learning.answers import member_name
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective, Predictor
from surrogates.learning.distance import watched
from surrogates.learning.members import Noise
from surrogates.learning.pipeline import Pipeline
from surrogates.testing import draw_batch
from tests.pieces.spine import FIELDS, SPARSE, denoising, pipeline

NAMED = {"name": "diffusion"}
SCALED = {"name": "stack", "fold": ["x"]}


class Told(nn.Module):
    """Answers what it is told, and notes what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer, self.asked = answer, []

    def forward(self, noisy: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        self.asked.append((noisy, time, condition))
        return self.answer.expand_as(noisy)


def objective(context: Context = FIELDS) -> Objective:
    return Objective.build(NAMED, context)


def loss(made: Pipeline, batch: Batch, seed: int = 0) -> float:
    with torch.no_grad():
        return float(objective(made.context)(made, batch, torch.Generator().manual_seed(seed))[0])


def test_losses_outside_training_depend_on_nothing_but_the_records() -> None:
    made, batch = denoising().eval(), draw_batch(FIELDS, 6)
    assert loss(made, batch, 0) == loss(made, batch, 1)
    halves = [{name: value[part] for name, value in batch.items()} for part in (slice(3), slice(3, 6))]
    whole = {name: torch.ones_like(value) for name, value in batch.items()} | {
        name: batch[name].nan_to_num(0.5) for name in batch if name != "inside"
    }
    halves = [{name: value[part] for name, value in whole.items()} for part in (slice(3), slice(3, 6))]
    assert loss(made, whole) == pytest.approx(np.mean([loss(made, each) for each in halves]), rel=1e-4)
    made.train()
    assert loss(made, batch, 0) != loss(made, batch, 1)


def test_training_spreads_the_times_of_a_batch_evenly() -> None:
    made = denoising().train()
    made.network = Told(torch.tensor(0.0))
    loss(made, draw_batch(FIELDS, 8))
    ((noisy, time, condition),) = made.network.asked
    assert noisy.shape == (8, 2, 4, 3) and condition.shape == (8, made.transform.in_channels, 4, 3)
    apart = time.sort().values.diff()
    torch.testing.assert_close(apart, torch.full((7,), 1 / 8))


def test_a_network_that_predicts_all_noise_to_be_zero_loses_its_variance() -> None:
    made = denoising(head={"name": "diffusion", "prediction": "eps"}).train()
    made.network = Told(torch.tensor(0.0))
    assert loss(made, draw_batch(FIELDS, 512)) == pytest.approx(1.0, abs=0.03)


def test_members_come_back_in_physical_units() -> None:
    """A network that knows the clean targets leads every member to them, through each kind of prediction."""
    batch = draw_batch(FIELDS, 3)
    made = denoising(head={"name": "diffusion", "prediction": "x0"}).eval()
    made.network = Told(torch.tensor(0.5))
    answer = predicted(made, batch)
    for spec in FIELDS.targets:
        scale, mean = (getattr(made.target_normaliser, each)[:, None] for each in ("scale", "mean"))
        wanted = dict(zip(made.target_names, (0.5 * scale + mean)[:, 0], strict=True))[spec.name]
        members = answer[member_name(spec.name)]
        assert members.shape == (3, 5, *batch[spec.name].shape[1:])
        torch.testing.assert_close(members, wanted.expand_as(members))


def predicted(made: Pipeline, batch: Batch, **settings: object) -> Batch:
    predictor = Predictor.build(NAMED | {"samples": 5, "sampling_steps": 4} | settings, made.context)
    inputs = {name: batch[name] for name in made.input_names}
    with torch.no_grad():
        return predictor(made, inputs)


@pytest.mark.parametrize("settings", [{}, {"eta": 1.0}, {"sampling_steps": 1}])
def test_asking_twice_gives_equal_members(settings: dict[str, object]) -> None:
    made, batch = denoising().eval(), draw_batch(FIELDS, 3)
    one, two = predicted(made, batch, **settings), predicted(made, batch, **settings)
    for name, value in one.items():
        assert torch.equal(value, two[name])


@pytest.mark.parametrize(
    "head",
    [
        {"schedule": "linear", "prediction": "eps"},
        {"schedule": "decoupled", "prediction": "both"},
        {"prediction": "x0", "loss": "mae"},
    ],
)
def test_every_kind_of_prediction_trains_and_samples(head: dict[str, str]) -> None:
    made, batch = denoising(head=NAMED | head), draw_batch(FIELDS, 4)
    value, terms = objective()(made.train(), batch, torch.Generator().manual_seed(0))
    value.backward()
    assert value.isfinite() and set(terms) == set(made.target_names)
    assert all(bool(p.grad.isfinite().all()) for p in made.network.parameters() if p.grad is not None)
    assert all(bool(each.isfinite().all()) for each in predicted(made.eval(), batch).values())


@pytest.mark.parametrize("transform", [{"name": "stack"}, SCALED])
def test_guided_members_have_the_measured_values(transform: dict[str, object]) -> None:
    made = denoising(context=SPARSE, transform=transform).eval()
    batch = draw_batch(SPARSE, 3)
    batch["warmth_samples"][:, 1:] = torch.nan
    known = batch["warmth_samples"].isfinite()
    assert known.any()
    free, half, guided = (predicted(made, batch, guidance=share) for share in (0.0, 0.5, 1.0))
    off = [(each[member_name("warmth")] - batch["warmth_samples"][:, None]) for each in (free, half, guided)]
    far = [float(each.abs().nan_to_num().max()) for each in off]
    assert far[2] < 1e-4 and far[2] < far[1] < far[0]
    assert not torch.equal(free[member_name("warmth")][:, :, 1:], guided[member_name("warmth")][:, :, 1:])


def test_guidance_without_measured_targets_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"guidance=0.5 needs measured targets .* such as 'heat_samples'"):
        predicted(denoising().eval(), draw_batch(FIELDS, 2), guidance=0.5)


def test_folded_entries_have_noise_of_their_own() -> None:
    """A network that answers the noise it sees shows that no two entries share theirs."""
    made = denoising(transform=SCALED, head={"name": "diffusion", "prediction": "x0"}).eval()
    batch = draw_batch(FIELDS, 2)
    made.network = Told(torch.tensor(0.0))
    predicted(made, batch, sampling_steps=1)
    noisy = made.network.asked[0][0]  # (record, folded, member), in this order
    assert noisy.shape == (2 * 3 * 5, 2, 4)
    assert len({float(each) for each in noisy[:, 0, 0]}) == 30
    drawn = Noise.of({n: batch[n] for n in made.input_names}, FIELDS.inputs, "sample", 5).normal((3, 2, 4))
    torch.testing.assert_close(noisy.view(2, 3, 5, 2, 4), drawn.transpose(1, 2), rtol=1e-3, atol=1e-3)


def test_pieces_that_do_not_fit_are_refused_in_one_line() -> None:
    batch = draw_batch(FIELDS, 2)
    with pytest.raises(ConfigError, match=r"the head 'diffusion' has no answer of its own.*task=diffusion"):
        denoising()(batch)
    with pytest.raises(ConfigError, match=r"diffusion needs the head 'diffusion', found 'point'"):
        predicted(pipeline(), batch)
    with pytest.raises(ConfigError, match=r"'diffusion_unet' takes noise out of targets, which the head 'po"):
        pipeline(network={"name": "diffusion_unet", "width": 8, "depth": 1})
    with pytest.raises(ConfigError, match=r"the head 'diffusion' hands on the tensors condition, noisy, t"):
        pipeline(head=NAMED)
    with pytest.raises(ConfigError, match=r"prediction is 'eps' with the schedule 'decoupled'"):
        denoising(head=NAMED | {"schedule": "decoupled", "prediction": "eps"})


def test_encoding_serves_another_time() -> None:
    """Features of one time can be decoded at another: what saves calls of the encoder."""
    network = denoising().network.eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        noisy, condition = torch.randn(2, 2, 4, 3), torch.randn(2, network.stem.in_channels - 2, 4, 3)
        now, then = torch.tensor([0.5, 0.5]), torch.tensor([0.4, 0.4])
        levels = network.encode(noisy, now, condition)
        torch.testing.assert_close(network.decode(levels, now, condition), network(noisy, now, condition))
        assert not torch.allclose(network.decode(levels, then, condition), network(noisy, now, condition))


def test_the_distance_of_a_record_is_that_of_its_inputs_not_of_noise() -> None:
    made, batch = denoising(transform=SCALED).eval(), draw_batch(FIELDS, 3)
    found = []
    for samples in (1, 4):
        with watched(made) as seen:
            predicted(made, batch, samples=samples)
        found.append(seen[0])
    plain = pipeline(transform=SCALED).eval()
    with watched(plain) as seen, torch.no_grad():
        plain(batch)
    for each in found:
        torch.testing.assert_close(each, seen[0])


def test_directions_are_drawn_as_angles() -> None:
    """A network that answers cosine and sine of one direction leads every member to it."""
    grid = {"dims": ("sample", "y", "x"), "shape": (4, 3)}
    wind = VariableSpec(name="wind", **grid, units="degree", attributes={"topology": "circular"})
    made = denoising(
        context=Context.of(FIELDS.inputs, [wind]), head={"name": "diffusion", "prediction": "x0"}
    ).eval()
    scale = made.target_normaliser.scale
    angle = torch.tensor(200.0).deg2rad()
    made.network = Told((torch.stack([angle.cos(), angle.sin()]) / scale)[:, None, None])
    inputs = draw_batch(FIELDS, 3)
    members = predicted(made, inputs)[member_name("wind")]
    assert made.network.asked[0][0].shape[1] == 2
    torch.testing.assert_close(members % 360, torch.full_like(members, 200.0))
