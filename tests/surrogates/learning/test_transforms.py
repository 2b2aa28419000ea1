"""Inputs as channels: what is missing is told, and statistics follow from those of the variables."""

import numpy as np
import pytest
import torch

from datasets.store.statistics import Moments
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.layout import Layout
from surrogates.learning.normaliser import moments_of
from surrogates.learning.transforms import Stack, layout_moments, merged
from surrogates.testing import draw_batch
from tests.pieces.spine import DAMP, FIELDS, HEAT, HEIGHT, SPEED

WHOLE = Context.of([HEIGHT.model_copy(update={"missing": False}), SPEED], [HEAT])


def test_a_channel_tells_where_an_input_was_observed() -> None:
    made, batch = Stack(FIELDS), draw_batch(FIELDS)
    assert made.channel_names == ["height", "speed", "height observed"]
    channels = made(batch).tensor
    torch.testing.assert_close(channels[:, 2], batch["height"].isfinite().float())
    torch.testing.assert_close(channels[:, 1], batch["speed"][:, None, None].expand(-1, 4, 3))


def test_statistics_of_channels_follow_from_those_of_the_variables() -> None:
    made, batch = Stack(WHOLE), draw_batch(WHOLE, 8)

    def statistics(name: str) -> Moments:
        return Moments.of(batch[name].reshape(1, -1).double().numpy(), None, axes=1)

    told, found = made.channel_moments(statistics), moments_of(made(batch).tensor)
    np.testing.assert_allclose(told.mean, found.mean, rtol=1e-5)
    np.testing.assert_allclose(told.std, found.std, rtol=1e-5)
    assert Stack(FIELDS).channel_moments(statistics) is None  # the observed cells are not among them


def test_statistics_of_several_stores_are_those_of_all_their_values() -> None:
    values = np.random.default_rng(0).normal(size=(1, 30))
    parts = [Moments.of(part, None, axes=1) for part in (values[:, :7], values[:, 7:])]
    whole = merged(parts)
    assert merged(parts[:1]) is parts[0]
    np.testing.assert_allclose(whole.mean, values.mean(1))
    np.testing.assert_allclose(whole.std, values.std(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid": ("y", "xx")}, r"task\.transform\.grid: no variable has the dimension 'xx'"),
        ({"grid": ("y", "y")}, r"task\.transform\.grid: 'y' stands twice"),
        ({"target_grid": ("z",)}, r"task\.transform\.target_grid: no variable has the dimension 'z'"),
    ],
)
def test_a_grid_that_no_variable_has_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Stack(Context.of([HEIGHT], [HEAT, DAMP]), **arguments)


def test_statistics_by_a_folded_dimension_are_not_those_of_channels() -> None:
    wave = HEIGHT.model_copy(
        update={"dims": ("sample", "sensor", "x"), "shape": (3, 4), "statistics_axes": ("sensor",)}
    )
    layout = Layout((wave,), ("x",), "sample", {"sensor": 3})
    assert layout_moments(layout, lambda _: Moments.of(np.ones((1, 3, 4)), None, axes=(0, 2))) is None
