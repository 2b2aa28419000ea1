"""Formulas and interpolators."""

import pytest
import torch

from physics.propagation import friis_path_gain
from surrogates.domains.radio.baselines.formulas import FreeSpace, LogDistance, LogDistanceBySight, UrbanMacro
from surrogates.domains.radio.link import Link
from tests.surrogates.domains.radio.conftest import LINK, context_of


def test_free_space_is_friis_at_the_slant_distance(batch: dict) -> None:
    answer = FreeSpace(context_of("path_gain"), LINK)(batch)["path_gain"]
    slant = (9.0**2 + 19.0**2 + 10.0**2) ** 0.5
    expected = friis_path_gain(torch.tensor(slant), 3.66e9)
    assert float(answer[0, 12, 17]) == pytest.approx(float(expected), abs=0.1)


def test_directional_target_gets_the_antenna_gain(batch: dict, link: Link) -> None:
    answer = FreeSpace(context_of("path_gain", "path_gain_directional"), LINK)(batch)
    gain = link.antenna_gain(link.path(batch), batch["transmitter_azimuth"])
    torch.testing.assert_close(answer["path_gain_directional"] - answer["path_gain"], gain, atol=1e-4, rtol=0)


def test_uma_falls_behind_the_wall(batch: dict) -> None:
    answer = UrbanMacro(context_of("path_gain"), LINK)(batch)["path_gain"]
    assert float(answer[0, 19, 15]) < float(answer[0, 14, 15]) - 5.0


@pytest.mark.parametrize("baseline", [LogDistance, LogDistanceBySight])
def test_distance_laws_recover_their_own_data(batch: dict, link: Link, baseline: type) -> None:
    path = link.path(batch)
    law = -40.0 - 25.0 * torch.log10(path.link.distance)
    if baseline is LogDistanceBySight:
        law = torch.where(path.sight, law, law - 15.0)
    fitted = baseline(context_of("path_gain"), LINK).fit([{**batch, "path_gain": law}])
    torch.testing.assert_close(fitted(batch)["path_gain"], law, atol=1e-2, rtol=0)
