"""The claims on flights: their numbers are those that a seed gives, and their tables show every method."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from surrogates.core.errors import ConfigError
from surrogates.domains.uav import claims as domain
from surrogates.domains.uav import course_claims, moved_claims, network_claims, published_claims
from surrogates.runs.claims import ClaimRow, claim_rows

Values = Mapping[str, float]


def course_values(ours: float, covered: float = 0.66) -> Values:
    """Numbers of a seed: ours, and a constant velocity whose FDE is 1 m."""
    values: dict[str, float] = {}
    for shape in course_claims.SHAPES:
        for name in (*course_claims.BASELINES, course_claims.VELOCITY_WHITE, course_claims.OURS):
            error = {course_claims.OURS: ours, course_claims.VELOCITY_WHITE: 1.2, "imm": 0.8}.get(name, 1.0)
            values |= {f"{shape}/{name}/{metric}": error for metric in course_claims.METRICS}
            if name != course_claims.VELOCITY_WHITE:
                values |= {f"{shape}/{name}/coverage_0.68": covered, f"{shape}/{name}/coverage_0.95": 0.94}
    return values | course_claims.derived(values)


def moved_values(change: float = 1e-7) -> Values:
    errors = {"constant_velocity": 1.0, "position": 2.0, "velocity": 0.5}
    values = {
        f"{condition}/{method}/{metric}": error
        * (10 if (condition, method) == ("shifted", "position") else 1)
        for condition in moved_claims.TITLES
        for method, error in errors.items()
        for metric in moved_claims.METRICS
    }
    return values | {"change/position": 18.0, "change/velocity": change}


def network_values(leaky: float = 0.4) -> Values:
    values = {
        f"{place}/{name}/{metric}": 0.5
        for place in network_claims.PLACES
        for name in network_claims.NETWORKS
        for metric in network_claims.METRICS
        if (name == "leaky") == (place == "leaky_test") or (place == "common" and name == "velocity")
    }
    sizes = {f"parameters/{name}": 88323.0 for name in network_claims.NETWORKS}
    return values | sizes | {"common/leaky/fde": leaky}


def published_values(factor: float = 1.0) -> Values:
    values = {
        "circles/mix_vel_white_norm_64_2_0p5/ade": 0.5,
        "circles/mix_vel_white_norm_64_2_0p5/normalised_mse": 3.2e-5,
        "normalised/least": 1e-7 * factor**100,
        "normalised/most": 1e-3,
    }
    for place, methods in published_claims.ROWS.items():
        for method, row in methods.items():
            noted = dict(zip(published_claims.METRICS, row, strict=True))
            values |= {f"{place}/{method}/{metric}": factor * float(text) for metric, text in noted.items()}
        values |= published_claims.differences(place, values)
    return values


def recorder_values(hesitant: float = 0.3) -> Values:
    return {"all/hesitant/fde": hesitant, "all/true/fde": 3.5}


def rows(*makers: Callable[[], Values]) -> list[dict[str, Any]]:
    """Rows as `run_seeds` leaves them, the same for every seed."""
    names = [*(part.NAME for part in domain.PARTS), course_claims.RECORDERS]
    given = dict(zip(names, makers, strict=True))
    experiments = {claim.experiment.name: claim.experiment for claim in domain.claims()}
    return [
        {
            "experiment": name,
            "seed": seed,
            "command": experiment.command.format(seed=seed),
            "values": given[name](),
            "seconds": 1.0,
            "commit": "abc",
        }
        for name, experiment in experiments.items()
        for seed in experiment.seeds
    ]


@pytest.fixture
def good() -> list[dict[str, Any]]:
    return rows(published_values, lambda: course_values(0.5), moved_values, network_values, recorder_values)


def held(rows: list[dict[str, Any]]) -> Iterator[tuple[ClaimRow, bool]]:
    return ((row, row.holds) for row in claim_rows(domain.claims(), rows))


def test_every_claim_finds_its_numbers_and_holds_on_good_ones(good: list[dict[str, Any]]) -> None:
    assert all(holds for _, holds in held(good))
    assert len({(row.claim, row.metric) for row, _ in held(good)}) == len(domain.claims())


def test_every_claim_can_fail() -> None:
    bad = rows(
        lambda: published_values(1.02),
        lambda: (
            course_values(1.1, covered=0.8)
            | {f"off/{shape}/course/0.95": 0.06 for shape in course_claims.SHAPES}
        ),
        lambda: moved_values(2e-6) | {f"{condition}/velocity/fde": 5.0 for condition in moved_claims.TITLES},
        lambda: network_values(0.6),
        lambda: recorder_values(4.0),
    )
    assert not any(holds for _, holds in held(bad))


def test_the_gain_is_over_the_better_of_constant_velocity_and_the_published_network() -> None:
    values = course_values(0.75)
    assert values["best/circle"] == 1.0
    assert values["gain/circle"] == pytest.approx(0.25)
    assert values["off/all/course/0.68"] == pytest.approx(0.02)
    assert f"off/all/{course_claims.VELOCITY_WHITE}/0.68" not in values


def test_commands_run_the_experiment_that_they_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(network_claims, "run_seed", lambda seed: {"seed": float(seed)})
    for claim in domain.claims():
        name, seed = claim.experiment.command.format(seed=0).split()[-2:]
        assert (name, seed) == (claim.experiment.name, "0")
    domain.main(["vector_networks", "4"])
    assert '"seed": 4.0' in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"no experiment 'vector_network'\. Did you mean 'vector_networks'"):
        domain.main(["vector_network", "0"])


def test_tables_show_every_method_and_a_dash_where_it_gives_no_number(good: list[dict[str, Any]]) -> None:
    published, course, moved, networks = domain.tables(good)
    assert len(published.rows) == sum(map(len, published_claims.ROWS.values())) + 1
    assert [
        "noisy synthetic circles",
        "constant_velocity",
        *["0.368 / 0.519 / 1.212"] * 2,
        "-",
    ] in published.rows
    assert published.rows[5][1:] == ["mix_vel_white_norm_64_2_0p5", "- / 0.500 / -", "- / - / -", "3.2e-05"]
    assert [row[0] for row in course.rows][-2:] == [
        "published 5000_vel_white_norm_64_2_0p5",
        "ours (uav/course)",
    ]
    assert course.rows[-2][1] == "1.200 / 1.200 / 1.200 / - / - / - / -"
    assert course.rows[-1][3] == "0.500 / 0.500 / 0.500 / 0.660 / - / 0.940 / -"
    assert moved.rows[1] == ["shifted by 100, 100, 20 m", "1.000 / 1.000", "20.000 / 20.000", "0.500 / 0.500"]
    assert networks.rows[-1][1:3] == ["88323", "- / -"]
    assert all(len(row) == len(table.header) for table in domain.tables(good) for row in table.rows)
    assert domain.tables([]) == []
