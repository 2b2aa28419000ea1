"""Baselines that learn linear maps find those of numpy, batch by batch, and the order that generalises."""

import numpy as np
import pytest
import torch

from surrogates.domains.csi.baselines.choosing import HeldOut
from surrogates.domains.csi.baselines.moments import Moments
from surrogates.domains.csi.baselines.pasts import pasts_of
from surrogates.domains.csi.baselines.vector_autoregression import VectorAR
from surrogates.domains.csi.baselines.wiener import Wiener, by_subcarrier
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

ANTENNAS, SUBCARRIERS = 2, 3
MAPS = np.random.default_rng(3).normal(size=(SUBCARRIERS, ANTENNAS, ANTENNAS)) + 0.5j
MAPS *= 0.8 / np.abs(np.linalg.eigvals(MAPS)).max(axis=1)[:, None, None]
"""Of a stable process, for each sub-carrier."""


def in_parts(batch, *ends: int):
    starts = (0, *ends)
    return [
        {name: value[a:b] for name, value in batch.items()}
        for a, b in zip(starts, (*ends, None), strict=True)
    ]


def test_wiener_is_the_centred_ridge_regression_of_numpy() -> None:
    channels = noisy(exponentials(90, ANTENNAS, SUBCARRIERS) + (0.3 - 0.4j), 0.05)
    batch = batch_of(channels[:80])
    known = context(ANTENNAS, SUBCARRIERS)
    fitted = Wiener(known, ridge=1e-2).fit(in_parts(batch, 30, 31))
    new = batch_of(channels[80:])
    answer = fitted({PAST: new[PAST]})[AHEAD]
    for k in range(SUBCARRIERS):
        x, y, z = (
            by_subcarrier(each.to(torch.complex128))[k].numpy()
            for each in (batch[PAST], batch[AHEAD], new[PAST])
        )
        centred, middle = x - x.mean(0), y.mean(0)
        weight = 1e-2 * (np.abs(centred) ** 2).sum(0).mean()
        rows = np.concatenate([centred, weight**0.5 * np.eye(x.shape[1])])
        right = np.concatenate([y - middle, np.zeros((x.shape[1], y.shape[1]))])
        maps, *_ = np.linalg.lstsq(rows, right)
        expected = (z - x.mean(0)) @ maps + middle
        np.testing.assert_allclose(by_subcarrier(answer)[k].numpy(), expected, atol=1e-4)


def test_wiener_learns_a_rotation_between_bands() -> None:
    whole = exponentials(60, ANTENNAS, SUBCARRIERS, paths=1)
    batch = batch_of(whole, target=DOWNLINK)
    batch[DOWNLINK] = 1j * batch[PAST][:, [1, 0]][:, :, -HORIZON:]
    fitted = Wiener(context(ANTENNAS, SUBCARRIERS, target=DOWNLINK), ridge=1e-8).fit([batch])
    assert snapshot_nmse(fitted({PAST: batch[PAST]})[DOWNLINK], batch[DOWNLINK]).max() < 1e-3


@pytest.mark.parametrize("count", [40, 400])
def test_wiener_of_few_examples_does_not_learn_their_noise(count: int) -> None:
    """Of 40 examples of 32 numbers in noise; the same weight as published is right of ten times as many."""
    channels = noisy(exponentials(count + 50, ANTENNAS, 8, paths=2), 0.3)
    batch, new = batch_of(channels[:count]), batch_of(channels[count:])
    known = context(ANTENNAS, 8)

    def error(fitted: Wiener) -> float:
        return float(snapshot_nmse(fitted({PAST: new[PAST]})[AHEAD], new[AHEAD]).mean())

    chosen, published = Wiener(known).fit(in_parts(batch, 11, 30)), Wiener(known, ridge=1e-4).fit([batch])
    assert chosen.ridges[AHEAD] > 1e-4
    assert error(chosen) < (0.5 if count == 40 else 1.0) * error(published)
    alone = Wiener(known, ridge=chosen.ridges[AHEAD]).fit([batch])  # of all examples, held out or not
    torch.testing.assert_close(chosen({PAST: new[PAST]})[AHEAD], alone({PAST: new[PAST]})[AHEAD])


def test_a_setting_is_chosen_on_examples_that_are_held_out_whatever_the_batches() -> None:
    batch = batch_of(exponentials(800, ANTENNAS, SUBCARRIERS))
    found = []
    for parts in ([batch], in_parts(batch, 7, 300, 301)):
        held_out = HeldOut(pasts_of(context(ANTENNAS, SUBCARRIERS), same_band=True))
        rest = [held_out.rest(part)[PAST] for part in parts]
        kept = torch.cat([each[PAST] for each in held_out.batches])
        assert len(kept) == 64 and len(kept) + sum(map(len, rest)) == 800
        torch.testing.assert_close(kept, batch[PAST][1::10][:64])
        found.append(torch.cat(rest))
    torch.testing.assert_close(*found)


def test_moments_do_not_depend_on_batches() -> None:
    vectors = torch.randn(2, 50, 6, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    whole, parts = Moments(), Moments()
    whole.add(vectors)
    for part in vectors.split(7, dim=1):
        parts.add(part)
    for one, two in zip(
        *(each.regression(slice(0, 4), slice(4, 6), 1e-4) for each in (whole, parts)), strict=True
    ):
        torch.testing.assert_close(one, two)


def vector_process(maps: np.ndarray, examples: int, mean: complex, seed: int = 0) -> torch.Tensor:
    """Draw examples of h[t] - mean = maps[k] (h[t - 1] - mean) + noise, (example, antenna, snapshot, k)."""
    rng = np.random.default_rng(seed)
    shape = (examples, maps.shape[1], maps.shape[0])
    value, steps = np.zeros(shape, complex), []
    for _ in range(60):
        value = np.einsum("kab,nbk->nak", maps, value) + rng.normal(size=shape) + 1j * rng.normal(size=shape)
        steps.append(value + mean)
    return torch.from_numpy(np.stack(steps[-HISTORY - HORIZON :], axis=2))


def test_vector_autoregression_recovers_maps_and_mean() -> None:
    batch = batch_of(vector_process(MAPS, 600, 2.0 - 1.0j))
    fitted = VectorAR(context(ANTENNAS, SUBCARRIERS), 1, ridge=1e-6).fit(in_parts(batch, 200, 250))
    found = fitted.recursions[AHEAD]
    np.testing.assert_allclose(found.maps, MAPS, atol=0.05)
    mean = torch.linalg.solve(torch.eye(ANTENNAS) - found.maps, found.offset)
    np.testing.assert_allclose(mean, np.full((SUBCARRIERS, ANTENNAS), 2.0 - 1.0j), atol=0.15)


def test_vector_autoregression_continues_what_the_antennas_tell_each_other() -> None:
    """Each antenna repeats what the other one had before: no antenna by itself is predictable."""
    swap = np.array([[0, 1.0], [1.0, 0]])
    steps = noisy(torch.zeros(40, ANTENNAS, 2, SUBCARRIERS, dtype=torch.complex128), 1.0)
    snapshots = list(steps.unbind(2))
    for _ in range(HISTORY + HORIZON - 2):
        snapshots.append(torch.einsum("ab,nbk->nak", torch.from_numpy(swap).to(steps), snapshots[-2]))
    batch = batch_of(torch.stack(snapshots, 2))
    fitted = VectorAR(context(ANTENNAS, SUBCARRIERS), ridge=1e-8).fit([batch])
    assert snapshot_nmse(fitted({PAST: batch[PAST]})[AHEAD], batch[AHEAD]).max() < 1e-6


def test_the_order_is_chosen_on_examples_that_are_held_out() -> None:
    """Of few examples, a higher order than that of the process learns the noise."""
    maps = np.tile(MAPS, (20, 1, 1))
    batch = batch_of(vector_process(maps, 12, 0.0))
    fitted = VectorAR(context(ANTENNAS, len(maps))).fit([batch])
    assert fitted.recursions[AHEAD].maps.shape == maps.shape


@pytest.mark.parametrize("kind", [Wiener, VectorAR])
def test_no_training_examples_are_refused(kind) -> None:
    with pytest.raises(ValueError, match="training examples"):
        kind(context()).fit([])
