"""The claims on seismic imaging: every one can hold and can fail, by the numbers that it names itself."""

import runpy
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from surrogates.domains.seismic import claims as domain
from surrogates.runs.claims import Claim, claim_rows

Row = dict[str, Any]
CLAIMS = domain.claims()
NUMBERED = [pytest.param(claim, id=f"{claim.experiment.name} {n}") for n, claim in enumerate(CLAIMS)]
SPREAD = [pytest.param(claim, id=claim.ours) for claim in CLAIMS if claim.surely_above is not None]


def numbers(claim: Claim, *, good: bool) -> Mapping[str, float]:
    """Numbers that meet the target of a claim by 1 % of the baseline, or miss it by as much."""
    step = 0.01 if good else -0.01
    baseline, margin = 1.0, claim.bound + step
    ours = {
        "lower_by": baseline - margin,
        "higher_by": baseline + margin,
        "times_lower": baseline / margin,
        "at_most": claim.bound * (1 - step),
        "at_least": margin,
    }
    return {claim.baseline: baseline, claim.ours: ours[claim.compare]}


def rows(claim: Claim, values: Sequence[Mapping[str, float]]) -> list[Row]:
    """Rows as `run_seeds` leaves them, one for each seed."""
    return [
        {
            "experiment": claim.experiment.name,
            "seed": seed,
            "command": claim.experiment.command.format(seed=seed),
            "values": each,
            "seconds": 1.0,
            "commit": "abc",
        }
        for seed, each in zip(claim.experiment.seeds, values, strict=True)
    ]


@pytest.mark.parametrize("claim", NUMBERED)
@pytest.mark.parametrize("good", [True, False])
def test_a_claim_holds_on_one_side_of_its_target_and_fails_on_the_other(claim: Claim, good: bool) -> None:
    same = [numbers(claim, good=good)] * len(claim.experiment.seeds)
    (row,) = claim_rows([claim], rows(claim, same))
    assert row.holds is good
    assert row.seeds == len(claim.experiment.seeds)


@pytest.mark.parametrize("claim", SPREAD)
def test_a_gain_that_seeds_do_not_agree_on_is_none(claim: Claim) -> None:
    """Its mean is above the target; the interval over seeds reaches below zero."""
    values = [{claim.ours: gain, claim.baseline: 1.0} for gain in (3.0, -1.0, 1.0)]
    (row,) = claim_rows([claim], rows(claim, values))
    assert row.ours == 1.0
    assert not row.holds


def test_claims_that_ask_for_more_than_a_mean_are_there() -> None:
    assert SPREAD


def test_no_two_claims_are_the_same() -> None:
    assert len({(claim.claim, claim.metric) for claim in CLAIMS}) == len(CLAIMS)
    assert len({(claim.experiment.name, claim.ours, claim.baseline) for claim in CLAIMS}) == len(CLAIMS)


def test_claims_of_one_name_share_one_experiment() -> None:
    """`run_seeds` runs each name once."""
    about = {(each.name, each.command, each.seeds, each.run) for each in (c.experiment for c in CLAIMS)}
    assert len(about) == len({claim.experiment.name for claim in CLAIMS}) == len(domain.PARTS)


def test_commands_run_the_experiment_that_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for claim in CLAIMS:
        *module, name, seed = claim.experiment.command.format(seed=0).split()
        assert module == ["python", "-m", "surrogates.domains.seismic.claims"]
        assert (name, seed) == (claim.experiment.name, "0")
    monkeypatch.setattr(sys, "argv", ["claims", "network", "0"])
    monkeypatch.delitem(sys.modules, "surrogates.domains.seismic.claims")
    with pytest.raises(SystemExit, match=r"^error: no experiment 'network'\. Did you mean 'networks'"):
        runpy.run_module("surrogates.domains.seismic.claims", run_name="__main__")


def test_without_numbers_there_is_no_table() -> None:
    assert domain.tables([]) == []
