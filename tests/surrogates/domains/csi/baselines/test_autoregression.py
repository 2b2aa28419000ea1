"""Linear prediction continues what obeys a recursion, and gives up where it would explode."""

import numpy as np
import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.domains.csi.baselines.autoregression import AR, PAD, extrapolated, prony
from surrogates.domains.csi.baselines.linear_prediction import coefficients, residual_variance, roll_out
from surrogates.domains.csi.errors import snapshot_nmse
from tests.surrogates.domains.csi.channels import (
    AHEAD,
    DOWNLINK,
    HISTORY,
    HORIZON,
    PAST,
    batch_of,
    context,
    exponentials,
    noisy,
)

TINY = 1e-14


def drawn(weights: list[complex], steps: int, series: int, seed: int = 0) -> torch.Tensor:
    """Draw series of an autoregression with unit innovations, (1, time, series)."""
    rng = np.random.default_rng(seed)
    values = np.zeros((steps, series), complex)
    for step in range(len(weights), steps):
        innovation = (rng.normal(size=series) + 1j * rng.normal(size=series)) / 2**0.5
        values[step] = sum(a * values[step - 1 - lag] for lag, a in enumerate(weights)) + innovation
    return torch.from_numpy(values)[None]


def test_coefficients_and_innovations_of_an_autoregression_are_recovered() -> None:
    poles = 0.9 * np.exp(0.6j), 0.7 * np.exp(-1j)
    weights = [sum(poles), -poles[0] * poles[1]]
    series = drawn(weights, 400, 200)[:, 50:]
    found = coefficients(series, 2, TINY)
    np.testing.assert_allclose(found[0], weights, atol=0.01)
    np.testing.assert_allclose(residual_variance(series, found), [1.0], rtol=0.02)


def test_coefficients_are_those_of_numpy() -> None:
    series = drawn([0.5j], 16, 7, seed=1)
    rows = [series[0, 3 - lag : 16 - lag].reshape(-1) for lag in (1, 2, 3)]
    expected, *_ = np.linalg.lstsq(np.stack(rows, 1), series[0, 3:].reshape(-1).numpy())
    np.testing.assert_allclose(coefficients(series, 3, TINY)[0], expected, atol=1e-10)


def test_a_recursion_is_rolled_out_from_its_own_steps() -> None:
    past = torch.tensor([[[1.0], [2.0]]], dtype=torch.complex128)
    fibonacci = torch.ones(1, 2, dtype=torch.complex128)
    assert roll_out(past, fibonacci, 4)[0, :, 0].tolist() == [3, 5, 8, 13]


@pytest.mark.parametrize("paths", [1, 3, 8])
def test_prony_continues_up_to_eight_exponentials_exactly(paths: int) -> None:
    whole = exponentials(paths=paths)
    found = prony(whole[:, :, :HISTORY], 8, TINY, HORIZON)
    assert snapshot_nmse(found, whole[:, :, HISTORY:]).max() < 1e-6


def test_prony_does_not_continue_twelve_exponentials() -> None:
    whole = exponentials(paths=12)
    found = prony(whole[:, :, :HISTORY], 8, TINY, HORIZON)
    assert snapshot_nmse(found, whole[:, :, HISTORY:]).mean() > 1e-2


def test_prony_is_the_same_in_the_angle_delay_domain() -> None:
    past = noisy(exponentials(paths=12), 0.1)[:, :, :HISTORY]
    bins = torch.fft.fftn(past, dim=(1, 3), norm="ortho")
    there = torch.fft.ifftn(prony(bins, 8, 1e-4, HORIZON), dim=(1, 3), norm="ortho")
    torch.testing.assert_close(there, prony(past, 8, 1e-4, HORIZON), atol=1e-9, rtol=1e-9)


def test_an_extrapolation_that_explodes_gives_the_last_snapshot() -> None:
    growing = 3.0 ** torch.arange(HISTORY + HORIZON, dtype=torch.float64)
    calm = exponentials(1)
    wild = torch.zeros_like(calm) + growing[:, None] / growing[HISTORY - 1]
    past = torch.cat([wild, calm])[:, :, :HISTORY]
    found = prony(past, 2, 1e-4, HORIZON)
    torch.testing.assert_close(found[0], past[0, :, -1:].expand(-1, HORIZON, -1))
    assert not torch.allclose(found[1], past[1, :, -1:].expand(-1, HORIZON, -1))
    below = past / 10  # 27 / 10 is below five times 1, but the growth is to 81 / 10
    torch.testing.assert_close(prony(below, 2, 1e-4, HORIZON)[0], below[0, :, -1:].expand(-1, HORIZON, -1))
    small = past / 100
    assert prony(small, 2, 1e-4, HORIZON)[0].abs().max() == pytest.approx(0.81, rel=1e-2)


def test_each_antenna_follows_a_recursion_of_its_own() -> None:
    one, other = exponentials(1, 1, paths=2), exponentials(1, 1, paths=2, seed=9)
    whole = torch.cat([one, other], dim=1)
    found = extrapolated(whole[:, :, :HISTORY], 2, TINY, HORIZON)
    assert snapshot_nmse(found, whole[:, :, HISTORY:]).max() < 1e-6


def test_the_order_is_that_of_the_channels() -> None:
    clean = batch_of(noisy(exponentials(20, paths=2), 1e-6))
    assert AR(context()).fit([clean]).orders[AHEAD] >= 2
    decaying = drawn([0.7], HISTORY + HORIZON + 100, 5 * 4 * 12)[0, 100:].T.reshape(5, 4, 12, -1)
    assert AR(context()).fit([batch_of(decaying.transpose(2, 3))]).orders[AHEAD] == 1
    assert AR(context(), order=3).fit([clean]).orders[AHEAD] == 3


@pytest.mark.parametrize("kind", [AR, PAD])
def test_a_past_of_zeros_is_continued_by_zeros(kind) -> None:
    answer = kind(context())(batch_of(torch.zeros(2, 4, HISTORY + HORIZON, 12, dtype=torch.complex64)))[AHEAD]
    assert answer.dtype == torch.complex64
    assert answer.shape == (2, 4, HORIZON, 12)
    assert not answer.any()


def test_a_past_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="16 snapshots was found, more than 16 expected"):
        AR(context(), order=16)(batch_of(exponentials()))


def test_another_band_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'downlink_future' lies in another band .* csi/wiener"):
        AR(context(target=DOWNLINK))


def test_data_of_other_dimensions_are_refused() -> None:
    known = context()
    (ahead,) = known.targets
    turned = ahead.model_copy(update={"dims": (ahead.dims[0], "horizon", "antenna", ahead.dims[3])})
    with pytest.raises(ConfigError, match=r"past of .* is not clear"):
        PAD(known.between(known.inputs, [turned]))
    assert PAST in known.input_names
