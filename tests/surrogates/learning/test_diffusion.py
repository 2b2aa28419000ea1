"""Noise levels, parametrisations, and samplers against closed forms."""

from functools import partial
from typing import get_args

import pytest
import torch
from torch import Tensor

from benchmarks.claims.diffusion.mixtures import MIXTURES
from surrogates.learning.diffusion import (
    TRACE,
    Level,
    Prediction,
    Sampler,
    Schedule,
    clean_from,
    converted,
    level_at,
    mixed,
    noise_in,
    posterior,
    predicted,
    pulled,
    sample,
    time_at,
)

SCHEDULES = get_args(Schedule)
KINDS = get_args(Prediction)
SAMPLERS = get_args(Sampler)
DRAWS = 20_000
MIXTURE = MIXTURES["two modes"]
MEAN, SPREAD = float(MIXTURE.mean), MIXTURE.spread


def draws(schedule: Schedule, steps: int, eta: float, seed: int = 0, sampler: Sampler = "ddim") -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    draw = partial(torch.randn, DRAWS, 1, generator=rng, dtype=torch.float64)
    exact = MIXTURE.exact(schedule)
    return sample(exact, schedule, draw, steps=steps, eta=eta, sampler=sampler)


def assert_drawn(found: Tensor, mean: float = 0.02, share: float = 0.03) -> None:
    off, _, apart = MIXTURE.errors(found, MIXTURE.shares)  # no mode reaches the other's half
    assert off < mean and apart < share


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_noise_grows_from_a_trace_to_all_there_is(schedule: Schedule) -> None:
    signal, noise = level_at(schedule, torch.linspace(0, 1, 101, dtype=torch.float64))
    assert noise[0] ** 2 == pytest.approx(TRACE, rel=0.15)
    assert signal[-1] < 0.01 and noise[-1] == pytest.approx(1.0, abs=1e-4)
    assert (signal.diff() < 0).all() and (noise.diff() > 0).all()


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_variance_is_preserved(schedule: Schedule) -> None:
    signal, noise = level_at(schedule, torch.linspace(0, 1, 101, dtype=torch.float64))
    torch.testing.assert_close(signal**2 + noise**2, torch.ones_like(signal))


def test_linear_schedule_is_that_of_a_thousand_steps() -> None:
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    published = (1 - beta).cumprod(0).sqrt()
    signal, _ = level_at("linear", torch.linspace(0, 1, 1000, dtype=torch.float64))
    assert (signal - published).abs().max() < 2e-3


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kind", KINDS)
def test_predictions_follow_from_each_other(schedule: Schedule, kind: Prediction) -> None:
    rng = torch.Generator().manual_seed(1)
    clean, noise = torch.randn(2, 50, 3, 4, generator=rng, dtype=torch.float64)
    level = level_at(schedule, torch.linspace(0.01, 0.99, 50, dtype=torch.float64), 3)
    noisy = mixed(clean, noise, level)
    outputs = predicted(kind, clean, noise, level)
    torch.testing.assert_close(clean_from(kind, outputs, noisy, level), clean)
    torch.testing.assert_close(noise_in(noisy, clean, level), noise)
    for other in KINDS:
        there = converted(other, kind, outputs, noisy, level)
        torch.testing.assert_close(there, predicted(other, clean, noise, level))
        torch.testing.assert_close(converted(kind, other, there, noisy, level), outputs)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_step_keeps_the_distribution_of_every_level(schedule: Schedule, eta: float) -> None:
    """x_s is normal with mean a_s x_0 and variance s_s^2, whatever the step came from."""
    time = torch.tensor([0.7, 0.4], dtype=torch.float64)
    now, then = (level_at(schedule, each) for each in time)
    clean, noise = torch.full((1,), 1.3, dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)
    wiener = schedule == "decoupled"
    mean = [
        posterior(mixed(clean, sign * noise, now), clean, now, then, eta=eta, wiener=wiener)
        for sign in (1, -1)
    ]
    middle, reach = (mean[0][0] + mean[1][0]) / 2, (mean[0][0] - mean[1][0]) / 2
    torch.testing.assert_close(middle, then.signal * clean)
    torch.testing.assert_close(reach**2 + mean[0][1] ** 2, then.noise**2)


def test_markov_posterior_is_that_of_two_gaussians() -> None:
    """q(x_s | x_t, x_0) is proportional to q(x_t | x_s) q(x_s | x_0)."""
    now, then = (level_at("cosine", torch.tensor([each], dtype=torch.float64)) for each in (0.6, 0.5))
    clean, noisy = torch.tensor([0.7], dtype=torch.float64), torch.tensor([-0.4], dtype=torch.float64)
    kept = now.signal / then.signal
    added = now.noise**2 - (kept * then.noise) ** 2
    precision = 1 / then.noise**2 + kept**2 / added
    expected = (then.signal * clean / then.noise**2 + kept * noisy / added) / precision
    mean, spread = posterior(noisy, clean, now, then, eta=1.0, wiener=False)
    torch.testing.assert_close(mean, expected)
    torch.testing.assert_close(spread, precision.rsqrt())


def test_decoupled_step_is_the_published_one() -> None:
    clean, noise = torch.tensor([0.7], dtype=torch.float64), torch.tensor([-1.1], dtype=torch.float64)
    t, step = 0.8, 0.3

    def at(time: float) -> Level:
        return Level(torch.tensor([1 - time]), torch.tensor([time]).sqrt())

    now, then = at(t), at(t - step)
    noisy, drift = mixed(clean, noise, now), -clean
    mean, spread = posterior(noisy, clean, now, then, eta=1.0, wiener=True)
    torch.testing.assert_close(mean, noisy - drift * step - step / t**0.5 * noise)
    assert float(spread) == pytest.approx((step * (t - step) / t) ** 0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("schedule", "steps", "eta"),
    [
        ("cosine", 20, 0.0),
        ("cosine", 100, 1.0),
        ("linear", 20, 0.0),
        ("decoupled", 20, 0.0),
        ("decoupled", 20, 1.0),
    ],
)
def test_samplers_draw_a_known_mixture(schedule: Schedule, steps: int, eta: float) -> None:
    assert_drawn(draws(schedule, steps, eta))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_five_steps_that_look_back_draw_it_too(schedule: Schedule) -> None:
    """The steps leave 0.8 % of the standard deviation; the mean of so many draws varies by 0.7 %."""
    assert_drawn(draws(schedule, 5, 0.0, sampler="multistep"))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("sampler", "order"), [("ddim", 1), ("multistep", 2)])
def test_halved_steps_lessen_errors_by_the_order(schedule: Schedule, sampler: Sampler, order: int) -> None:
    """Away from the border between two modes, where any error is large."""
    start = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    few, many, exact = (
        sample(MIXTURE.exact(schedule), schedule, lambda: start, steps=steps, eta=0.0, sampler=sampler)
        for steps in (20, 40, 1280)
    )
    first, second = ((each - exact).abs().median() for each in (few, many))
    assert first / second > 0.75 * 2**order


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_times_undo_angles(schedule: Schedule) -> None:
    time = torch.linspace(0, 1, 101, dtype=torch.float64)
    level = level_at(schedule, time)
    torch.testing.assert_close(time_at(schedule, torch.atan2(level.noise, level.signal)), time)


@pytest.mark.parametrize(("schedule", "eta"), [("cosine", 0.0), ("decoupled", 0.0), ("decoupled", 1.0)])
def test_five_steps_nearly_draw_it(schedule: Schedule, eta: float) -> None:
    """Even a perfect network leaves an error of the steps: 3 to 5 % of the standard deviation."""
    assert_drawn(draws(schedule, 5, eta), 0.05, 0.035)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_one_step_answers_the_mean(schedule: Schedule, sampler: Sampler) -> None:
    drawn = draws(schedule, 1, 0.0, sampler=sampler)
    assert float(drawn.std()) < 0.02 * SPREAD
    assert float(drawn.mean()) == pytest.approx(MEAN, abs=0.02 * SPREAD)


def test_known_cells_draw_the_others_along() -> None:
    """Of two cells with the correlation 0.9 one is known to be 2; the other follows, but not up to 1.8."""
    together = torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)

    def denoise(noisy: Tensor, time: Tensor) -> Tensor:
        signal, noise = level_at("cosine", time[:1])
        inverse = torch.linalg.inv(signal**2 * together + noise**2 * torch.eye(2, dtype=torch.float64))
        return noisy @ (signal * together @ inverse).T

    rng = torch.Generator().manual_seed(0)
    draw = partial(torch.randn, DRAWS, 2, generator=rng, dtype=torch.float64)
    known = torch.tensor([2.0, torch.nan], dtype=torch.float64).expand(DRAWS, 2)
    means = [
        sample(pulled(denoise, known, share), "cosine", draw, steps=20, eta=1.0).mean(0)
        for share in (0.0, 0.5, 1.0)
    ]
    assert float(means[2][0]) == 2.0
    assert 1.0 < float(means[2][1]) < 1.8
    assert means[0].abs().max() < 0.05
    assert (means[0] < means[1]).all() and (means[1] < means[2]).all()


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_equal_noise_gives_equal_fields(eta: float, sampler: Sampler) -> None:
    one, two = (draws("cosine", 20, eta, sampler=sampler) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(draws("cosine", 20, eta), draws("cosine", 20, eta, seed=1))
