"""Normalisers against NumPy, and back."""

import numpy as np
import pytest
import torch

from datasets.store.statistics import Moments
from surrogates.core.errors import ConfigError
from surrogates.learning.normaliser import NORMALISERS, Normaliser, input_normaliser, moments_of

BATCHES = [
    torch.tensor([5.0, -300.0, 1e-3])[:, None] + torch.tensor([2.0, 40.0, 1e-4])[:, None] * values
    for values in torch.randn(4, 8, 3, 6, generator=torch.Generator().manual_seed(0))
]
ALL = torch.cat(BATCHES).transpose(0, 1).flatten(1).double().numpy()  # (channel, values)


def fitted(kind: str, batches: list[torch.Tensor] = BATCHES) -> Normaliser:
    made = NORMALISERS[kind](3)
    for batch in batches:
        made.observe(batch)
    made.finish()
    return made


def test_standard_takes_mean_and_deviation_of_each_channel() -> None:
    made = fitted("standard")
    np.testing.assert_allclose(made.mean, ALL.mean(1), rtol=1e-5)
    np.testing.assert_allclose(made.scale, ALL.std(1), rtol=1e-4)


def test_min_max_leads_from_minus_one_to_one() -> None:
    made = fitted("min_max")
    values = made(torch.cat(BATCHES)).transpose(0, 1).flatten(1)
    torch.testing.assert_close(values.amax(1), torch.ones(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(values.amin(1), -torch.ones(3), rtol=0, atol=1e-4)


def test_max_norm_makes_the_longest_vector_one_long() -> None:
    made = fitted("max_norm")
    assert float(made(torch.cat(BATCHES)).norm(dim=1).max()) == pytest.approx(1.0, rel=1e-5)


def test_whitening_makes_correlated_channels_independent() -> None:
    mixing = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [0.3, -0.4, 2.0]])
    batches = [mixing @ (batch - batch.mean()) for batch in torch.randn(4, 64, 3, 6)]
    values = fitted("whitening", batches)(torch.cat(batches)).transpose(0, 1).flatten(1)
    torch.testing.assert_close(torch.cov(values, correction=0), torch.eye(3), rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", NORMALISERS)
def test_inverse_undoes_it_and_stretch_is_its_slope(kind: str) -> None:
    made, values = fitted(kind), BATCHES[0]
    back = made.inverse(made(values))
    scale = torch.from_numpy(ALL.std(1)).float()[:, None]
    assert float(((back - values) / scale).abs().max()) < 2e-3
    if kind != "whitening":  # which turns axes; deviations then add up
        normalised = made(values)
        slope = made.inverse(normalised + 1.0) - made.inverse(normalised)
        torch.testing.assert_close(made.stretch(torch.ones_like(values)), slope, rtol=2e-3, atol=0)


@pytest.mark.parametrize("kind", ["standard", "min_max"])
def test_nan_and_cells_of_weight_zero_do_not_count(kind: str) -> None:
    holed = [batch.clone() for batch in BATCHES]
    weight = torch.ones_like(holed[0])
    weight[:4] = 0.0
    holed[0][:4] = 1e9
    for batch in holed[1:]:
        batch[:, :, 0] = torch.nan
    made = NORMALISERS[kind](3)
    made.observe(holed[0], weight)
    for batch in holed[1:]:
        made.observe(batch)
    made.finish()
    rest = torch.cat(
        [
            holed[0][4:].transpose(0, 1).flatten(1),
            *(b[:, :, 1:].transpose(0, 1).flatten(1) for b in holed[1:]),
        ],
        1,
    )
    expected = Moments.of(rest.double().numpy(), None, axes=1)
    same = NORMALISERS[kind](3)
    same.fit(expected)
    torch.testing.assert_close(made.mean, same.mean, rtol=1e-5, atol=0)
    torch.testing.assert_close(made.scale, same.scale, rtol=1e-5, atol=0)


def test_several_tensors_are_normalised_each_by_its_own_constants() -> None:
    several = input_normaliser("standard", {"one": 3, "two": 3})
    for batch in BATCHES:
        several.observe({"one": batch, "two": 10.0 * batch})
    several.finish()
    found = several({"one": BATCHES[0], "two": 10.0 * BATCHES[0]})
    torch.testing.assert_close(found["one"], found["two"], rtol=1e-3, atol=1e-3)


def test_moments_are_those_of_each_channel() -> None:
    moments = moments_of(BATCHES[0])
    flat = BATCHES[0].transpose(0, 1).flatten(1).double().numpy()
    np.testing.assert_allclose(moments.mean, flat.mean(1), rtol=1e-6)
    np.testing.assert_allclose(moments.std, flat.std(1), rtol=1e-4)
    assert moments.count.tolist() == [48, 48, 48]


def test_complex_channels_are_scaled_by_one_factor_and_not_shifted():
    generator = torch.Generator().manual_seed(0)
    wave = 3.0 + 4.0 * torch.randn(500, 1, 2, dtype=torch.complex64, generator=generator)
    parts = torch.view_as_real(wave).movedim(-1, 2).flatten(1, 2)
    values = torch.cat([parts, 7.0 + torch.rand(500, 1, 2, generator=generator)], dim=1)
    made = Normaliser(3, real_parts=[0])
    made.observe(values[:200])
    made.observe(values[200:])
    made.finish()
    scaled = made(values)
    assert made.mean[:2].tolist() == [0.0, 0.0]
    assert made.scale[0] == made.scale[1]
    assert float(scaled[:, :2].square().mean()) == pytest.approx(1.0, rel=1e-5)
    np.testing.assert_allclose(
        torch.atan2(scaled[:, 1], scaled[:, 0]), torch.atan2(values[:, 1], values[:, 0]), rtol=1e-5
    )
    assert float(scaled[:, 2].mean()) == pytest.approx(0.0, abs=1e-5)
    torch.testing.assert_close(made.inverse(scaled), values)


def test_moments_of_a_store_give_the_same_scale_as_batches():
    """The store counts real and imaginary parts of a variable together; both channels share them."""
    wave = (2.0 + np.random.default_rng(0).normal(size=(50, 2)) * (1 + 3j)).astype(np.complex64)
    stored = Moments.of(wave)
    both = Moments(
        *(np.repeat(getattr(stored, name), 2) for name in ("count", "mean", "m2", "minimum", "maximum"))
    )
    made = Normaliser(2, real_parts=[0])
    made.fit(both)
    assert float(made.scale[0]) == pytest.approx(np.sqrt((np.abs(wave) ** 2).mean() / 2), rel=1e-6)


def test_silent_complex_channels_keep_the_scale_one():
    made = Normaliser(2, real_parts=[0])
    made.observe(torch.zeros(4, 2, 3))
    made.finish()
    assert made.scale.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["min_max", "whitening"])
def test_what_would_change_a_phase_is_refused(kind):
    with pytest.raises(ConfigError, match=f"{kind} would change the phase of complex variables"):
        NORMALISERS[kind](2, [0])
