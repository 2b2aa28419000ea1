"""The filter of an autoregression is filterpy's, and sees through noise."""

import numpy as np
import torch
from filterpy.kalman import KalmanFilter

from surrogates.domains.csi.baselines.autoregression import extrapolated
from surrogates.domains.csi.baselines.kalman import LEAST_PROCESS, Kalman, Model, filtered
from surrogates.domains.csi.baselines.linear_prediction import coefficients, residual_variance
from surrogates.domains.csi.errors import snapshot_nmse
from tests.surrogates.domains.csi.channels import (
    AHEAD,
    HISTORY,
    HORIZON,
    PAST,
    batch_of,
    context,
    exponentials,
    noisy,
)


def in_pairs(matrix: np.ndarray) -> np.ndarray:
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])


def test_forecasts_are_those_of_filterpy_on_real_and_imaginary_parts() -> None:
    past = noisy(exponentials(2, 3, 5), 0.1)[:, :, :HISTORY]
    order, share = 3, 0.05
    found = filtered(past, Model(order, share), 1e-4, HORIZON)
    antenna, subcarrier = past[1, 2], 4
    weights = coefficients(antenna[None], order, 1e-4)
    residual = float(residual_variance(antenna[None], weights))
    a = weights[0].numpy()
    noise = share * float(antenna.abs().square().mean())
    process = max(residual - noise * (1 + (abs(a) ** 2).sum()), LEAST_PROCESS * residual)
    points = antenna[:, subcarrier].numpy()
    oracle = KalmanFilter(dim_x=2 * order, dim_z=2)
    first = points[order - 1 :: -1]
    oracle.x = np.concatenate([first.real, first.imag])
    oracle.P = noise / 2 * np.eye(2 * order)
    transition = np.eye(order, k=-1).astype(complex)
    transition[0] = a
    oracle.F, oracle.R = in_pairs(transition), noise / 2 * np.eye(2)
    oracle.Q = in_pairs(process / 2 * np.diag([1.0, 0, 0]).astype(complex))
    oracle.H = in_pairs(np.eye(1, order).astype(complex))
    for point in points[order:]:
        oracle.predict()
        oracle.update([point.real, point.imag])
    for step in range(HORIZON):
        oracle.predict()
        expected = oracle.x[0] + 1j * oracle.x[order]
        np.testing.assert_allclose(found[1, 2, step, subcarrier], expected, atol=1e-9)


def test_the_filter_beats_the_bare_autoregression_in_noise() -> None:
    clean = exponentials(20, paths=1, seed=5)
    batch = batch_of(clean) | {PAST: batch_of(noisy(clean, 0.1))[PAST]}
    fitted = Kalman(context()).fit([batch])
    assert fitted.models[AHEAD].noise > 1e-3
    found = fitted({PAST: batch[PAST]})[AHEAD]
    order = fitted.models[AHEAD].order
    bare = extrapolated(batch[PAST].to(torch.complex128), order, 1e-4, HORIZON)
    assert snapshot_nmse(found, batch[AHEAD]).mean() < 0.9 * snapshot_nmse(bare, batch[AHEAD]).mean()


def test_a_past_of_zeros_is_continued_by_zeros() -> None:
    nothing = torch.zeros(1, 4, HISTORY, 12, dtype=torch.complex64)
    assert not Kalman(context(), order=2, noise=0.1)({PAST: nothing})[AHEAD].any()
