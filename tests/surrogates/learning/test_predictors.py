"""What one step of a forecast hands on to the next."""

import torch

from surrogates.learning.predictors import Rollout, advanced, answered, ask, targets_of_one_step
from surrogates.testing import draw_batch
from tests.pieces.spine import AHEAD, LEVELS, PAST, SHORT, forecasting


def test_the_forecast_follows_the_past_and_its_oldest_samples_go() -> None:
    pipeline, batch = forecasting().eval(), draw_batch(LEVELS)
    answer = ask(pipeline, batch)
    moved = advanced(pipeline, batch, answer)
    assert set(moved) == {"level"}
    torch.testing.assert_close(moved["level"][:, :-2], batch["level"][:, 2:])
    torch.testing.assert_close(moved["level"][:, -2:], answer["level_forecast"])


def test_two_steps_of_a_rollout_are_two_answers_one_after_the_other() -> None:
    pipeline, batch = forecasting().eval(), draw_batch(LEVELS)
    first = ask(pipeline, batch)
    second = ask(pipeline, advanced(pipeline, batch, first))
    whole = Rollout(2)(pipeline, batch)["level_forecast"]
    torch.testing.assert_close(whole, torch.cat([first["level_forecast"], second["level_forecast"]], 1))
    assert whole.shape[1:] == AHEAD.shape


def test_what_is_answered_undoes_what_one_step_targets() -> None:
    one = targets_of_one_step(Rollout(2), [PAST], [AHEAD])
    assert one == [SHORT]
    assert answered(Rollout(2), one) == [AHEAD]
