"""Judgement of a refinement: what noise does not explain is held against it, and whoever asks is warned."""

import numpy as np
import pytest

from surrogates.domains.seismic.judgement import RefinementWarning, judged, warn_of
from tests.silence import no_warnings

MISFIT = np.array([[0.5, 0.05], [0.6, 0.3], [0.5, 0.3]])
NOISE = np.array([0.0, np.nan, 0.29])


def test_what_noise_does_not_explain_is_reported_and_flagged() -> None:
    verdict = judged(MISFIT, NOISE, 0.15, "sample")
    beyond = np.sqrt((MISFIT[2] ** 2 - 0.29**2) / (1 - 0.29**2))
    np.testing.assert_allclose(verdict["remaining_misfit"], [0.05, 0.3, beyond[1]])
    np.testing.assert_allclose(verdict["remaining_share"], [0.1, 0.5, beyond[1] / beyond[0]])
    trusted = verdict["refinement_trusted"]
    assert trusted.dtype == np.int8
    assert trusted.values.tolist() == [1, 0, 1]
    meanings = trusted.attrs["flag_meanings"].split()
    assert [meanings[trusted.attrs["flag_values"].tolist().index(each)] for each in trusted.values] == [
        "trusted", "not_trusted", "trusted",
    ]  # fmt: skip


def test_misfit_below_the_noise_leaves_nothing() -> None:
    verdict = judged(np.array([[0.1, 0.09]]), np.array([0.2]), 0.15, "sample")
    assert (verdict["remaining_misfit"][0], verdict["remaining_share"][0]) == (0.0, 0.0)
    assert verdict["refinement_trusted"][0] == 1


def test_one_line_says_how_many_which_and_what_to_do() -> None:
    with pytest.warns(RefinementWarning) as caught:
        warn_of(judged(MISFIT, NOISE, 0.01, "shot_record"), ["a", "b", "c"], 2)
    (message,) = (str(each.message) for each in caught)
    assert message.startswith("refinement of 3 of 3 records left a misfit above 0.01 that noise does not")
    assert "(shot_record a, b, c; 'refinement_trusted' is 0)" in message
    assert all(key in message for key in ("`refine_steps`", "`frequencies`", "`smoothing`"))
    assert "\n" not in message


def test_many_are_counted_and_none_is_silent() -> None:
    many = judged(np.ones((40, 2)), np.zeros(40), 0.15, "sample")
    with pytest.warns(
        RefinementWarning, match="40 of 40 records .* 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 30 more"
    ):
        warn_of(many, range(40), 2)
    with no_warnings():
        warn_of(judged(MISFIT[:1], NOISE[:1], 0.15, "sample"), [0], 2)
