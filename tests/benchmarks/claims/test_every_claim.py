"""Every claim of every domain can hold and can fail, and what was recorded of it is what it says now."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.claims.claim import Claim, claim_rows, experiments_of
from benchmarks.claims.report import claims_of, domains, read_seeds, tables_of

RESULTS = Path(__file__).parents[3] / "docs" / "results"
CLAIMS = {domain: claims_of(domain) for domain in domains()}
EVERY = [
    pytest.param(claim, id=f"{domain} {claim.experiment.name} {number}")
    for domain, claims in CLAIMS.items()
    for number, claim in enumerate(claims)
]
SPREAD = [param for param in EVERY if param.values[0].surely_above is not None]
each_domain = pytest.mark.parametrize("domain", CLAIMS)


def numbers(claim: Claim, *, good: bool) -> Mapping[str, float]:
    """Numbers that meet the target of a claim by 1 % of the baseline, or miss it by as much."""
    step = 0.01 if good else -0.01
    baseline, margin = 1.0, claim.bound + step
    ours = {
        "lower_by": lambda: baseline - margin,
        "higher_by": lambda: baseline + margin,
        "times_lower": lambda: baseline / margin,
        "at_most": lambda: claim.bound - step * abs(claim.bound),
        "at_least": lambda: margin,
    }
    return {claim.baseline: baseline, claim.ours: ours[claim.compare]()}


def rows(claim: Claim, values: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Rows as `run_seeds` leaves them, one for each seed."""
    return [
        {"command": command, "values": each, "seconds": 1.0, "commit": "abc"}
        for command, each in zip(claim.experiment.commands, values, strict=True)
    ]


@pytest.mark.parametrize("claim", EVERY)
@pytest.mark.parametrize("good", [True, False])
def test_a_claim_holds_on_one_side_of_its_target_and_fails_on_the_other(claim: Claim, good: bool) -> None:
    same = [numbers(claim, good=good)] * len(claim.experiment.seeds)
    (row,) = claim_rows([claim], rows(claim, same))
    assert row.holds is good
    assert row.seeds == len(claim.experiment.seeds)


@pytest.mark.parametrize("claim", SPREAD)
def test_a_gain_that_seeds_do_not_agree_on_is_none(claim: Claim) -> None:
    """Its mean is above the target; the interval over seeds reaches below zero."""
    count = len(claim.experiment.seeds)
    gains = [claim.bound + 20.0 * count, *[claim.bound - 10.0] * (count - 1)]
    (row,) = claim_rows([claim], rows(claim, [{claim.ours: gain, claim.baseline: 1.0} for gain in gains]))
    assert row.ours > claim.bound
    assert not row.holds


@each_domain
def test_no_two_claims_are_the_same(domain: str) -> None:
    claims = CLAIMS[domain]
    assert len({(claim.claim, claim.metric) for claim in claims}) == len(claims)
    assert len({(claim.experiment.name, claim.ours, claim.baseline) for claim in claims}) == len(claims)


@each_domain
def test_claims_of_one_name_share_one_experiment_of_their_domain(domain: str) -> None:
    """`run_seeds` runs each name once."""
    assert len({id(claim.experiment) for claim in CLAIMS[domain]}) == len(experiments_of(CLAIMS[domain]))
    assert {claim.experiment.domain for claim in CLAIMS[domain]} == {domain}


@each_domain
def test_every_claim_finds_its_recorded_seeds(domain: str) -> None:
    recorded = [row["command"] for row in read_seeds(RESULTS / "seeds" / f"{domain}.jsonl")]
    wanted = [command for each in experiments_of(CLAIMS[domain]).values() for command in each.commands]
    assert sorted(recorded) == sorted(wanted)


@each_domain
def test_recorded_results_are_those_of_the_recorded_seeds(domain: str) -> None:
    seeds = read_seeds(RESULTS / "seeds" / f"{domain}.jsonl")
    made = [asdict(row) for row in claim_rows(CLAIMS[domain], seeds)]
    for each, known in zip(made, json.loads((RESULTS / f"{domain}.json").read_text()), strict=True):
        # Published scores are of files that may be absent; arithmetic may differ in the last digit.
        assert each == known | {"published": each["published"]} | {
            name: pytest.approx(known[name]) for name in ("ours", "baseline", "low", "high", "seconds")
        }


@each_domain
def test_tables_are_those_of_the_recorded_seeds_and_there_are_none_without(domain: str) -> None:
    claims, seeds = CLAIMS[domain], read_seeds(RESULTS / "seeds" / f"{domain}.jsonl")
    tables = tables_of(claims, seeds)
    recorded = json.loads((RESULTS / "tables" / f"{domain}.json").read_text())
    assert json.loads(json.dumps([asdict(table) for table in tables])) == recorded
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    assert tables_of(claims, []) == []
