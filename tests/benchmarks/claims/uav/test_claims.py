"""The claims on flights: their numbers are those that a seed gives, and their tables show every method."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from benchmarks.claims.claim import ClaimRow, claim_rows, experiments_of
from benchmarks.claims.report import tables_of
from benchmarks.claims.uav import claims, course, held_out, moved, networks, published, trust

Values = Mapping[str, float]


def course_values(ours: float, covered: float = 0.66) -> Values:
    """Numbers of a seed: ours, and a constant velocity whose FDE is 1 m."""
    values: dict[str, float] = {}
    for shape in course.SHAPES:
        for name in (*course.BASELINES, course.VELOCITY_WHITE, course.OURS):
            error = {course.OURS: ours, course.VELOCITY_WHITE: 1.2, "imm": 0.8}.get(name, 1.0)
            values |= {f"{shape}/{name}/{metric}": error for metric in course.METRICS}
            if name != course.VELOCITY_WHITE:
                values |= {f"{shape}/{name}/coverage_0.68": covered, f"{shape}/{name}/coverage_0.95": 0.94}
    return values | course.derived(values)


def held_out_values(ours: float = 0.7, covered: float = 0.7) -> Values:
    """Numbers of a seed: ours, and constant position whose FDE is 1 m, the best of all others."""
    values: dict[str, float] = {}
    for held in (*held_out.TITLES, held_out.POOLED):
        for name in (*held_out.BASELINES, held_out.VELOCITY_WHITE, held_out.OURS):
            error = {held_out.OURS: ours, "constant_position": 1.0}.get(name, 2.0)
            values |= {f"{held}/{name}/{metric}": error for metric in held_out.METRICS}
            values |= {f"{held}/{name}/coverage_{level}": covered for level in held_out.LEVELS}
    values |= {f"{held}/{held_out.OURS}/coverage_0.95": 0.93 for held in (*held_out.TITLES, "all")}
    return values | held_out.derived(values)


def trust_values(tail: float = 2.5) -> Values:
    """Numbers of a seed: the distance alone finds errors of 1.5 times the median."""
    values: dict[str, float] = {}
    for held in trust.SHOWN:
        values |= {f"{held}/tail/{order}": 1.5 for order in trust.TENTHS}
        values |= {f"{held}/rank/{order}": 0.4 for order in trust.TENTHS} | {f"{held}/tail/trust": tail}
    return values


def moved_values(change: float = 1e-7) -> Values:
    errors = {"constant_velocity": 1.0, "position": 2.0, "velocity": 0.5}
    values = {
        f"{condition}/{method}/{metric}": error
        * (10 if (condition, method) == ("shifted", "position") else 1)
        for condition in moved.TITLES
        for method, error in errors.items()
        for metric in moved.METRICS
    }
    return values | {"change/position": 18.0, "change/velocity": change}


def network_values(leaky: float = 0.4) -> Values:
    values = {
        f"{place}/{name}/{metric}": 0.5
        for place in networks.DATA
        for name in networks.TITLES
        for metric in networks.METRICS
        if (name == "leaky") == (place == "leaky_test") or (place == "common" and name == "velocity")
    }
    sizes = {f"parameters/{name}": 88323.0 for name in networks.TITLES}
    return values | sizes | {"common/leaky/fde": leaky}


def published_values(factor: float = 1.0) -> Values:
    values = {
        "circles/mix_vel_white_norm_64_2_0p5/ade": 0.5,
        "circles/mix_vel_white_norm_64_2_0p5/normalised_mse": 3.2e-5,
        "normalised/least": 1e-7 * factor**100,
        "normalised/most": 1e-3,
    }
    for place, methods in published.NOTED.items():
        for method, row in methods.items():
            noted = dict(zip(published.METRICS, row, strict=True))
            values |= {f"{place}/{method}/{metric}": factor * float(text) for metric, text in noted.items()}
        values |= published.differences(place, values)
    return values


def recorder_values(hesitant: float = 0.3) -> Values:
    return {"all/hesitant/fde": hesitant, "all/true/fde": 3.5}


def rows(*makers: Callable[[], Values]) -> list[dict[str, Any]]:
    """Rows as `run_seeds` leaves them, the same for every seed."""
    names = (
        "vector_published", "course_gazebo", "vector_moved", "vector_networks", "course_recorders",
        "course_held_out", "trust",
    )  # fmt: skip
    given = dict(zip(names, makers, strict=True))
    given["course_wide"] = given["course_gazebo"]
    return [
        {"command": command, "values": given[name](), "seconds": 1.0, "commit": "abc"}
        for name, experiment in experiments_of(claims()).items()
        for command in experiment.commands
    ]


@pytest.fixture
def good() -> list[dict[str, Any]]:
    return rows(
        published_values,
        lambda: course_values(0.5),
        moved_values,
        network_values,
        recorder_values,
        held_out_values,
        trust_values,
    )


def held(rows: list[dict[str, Any]]) -> Iterator[tuple[ClaimRow, bool]]:
    return ((row, row.holds) for row in claim_rows(claims(), rows))


def test_every_claim_finds_its_numbers_and_holds_on_good_ones(good: list[dict[str, Any]]) -> None:
    assert all(holds for _, holds in held(good))
    assert len({(row.claim, row.metric) for row, _ in held(good)}) == len(claims())


def test_every_claim_can_fail() -> None:
    bad = rows(
        lambda: published_values(1.02),
        lambda: (
            course_values(1.1, covered=0.8) | {f"off/{shape}/course/0.95": 0.06 for shape in course.SHAPES}
        ),
        lambda: moved_values(2e-6) | {f"{condition}/velocity/fde": 5.0 for condition in moved.TITLES},
        lambda: network_values(0.6),
        lambda: recorder_values(4.0),
        lambda: held_out_values(0.85, covered=0.5) | {"off/course/0.95": 0.06, "worst/course/0.95": 0.2},
        lambda: trust_values(1.2),
    )
    assert not any(holds for _, holds in held(bad))


def test_the_gain_is_over_the_better_of_constant_velocity_and_the_published_network() -> None:
    values = course_values(0.75)
    assert values["best/circle"] == 1.0
    assert values["gain/circle"] == pytest.approx(0.25)
    assert values["off/all/course/0.68"] == pytest.approx(0.02)
    assert f"off/all/{course.VELOCITY_WHITE}/0.68" not in values


def test_the_gain_on_unseen_flights_is_over_the_best_of_three() -> None:
    values = held_out_values(0.6)
    assert values["best/racing"] == 1.0
    assert values["gain/noisy"] == pytest.approx(0.4)
    assert values["worst/course/0.68"] == pytest.approx(0.02)


def test_tables_show_every_method_and_a_dash_where_it_gives_no_number(good: list[dict[str, Any]]) -> None:
    of_published, of_course, _, of_held_out, of_trust, of_moved, of_networks = tables_of(claims(), good)
    assert len(of_published.rows) == sum(map(len, published.NOTED.values())) + 1
    assert [
        "noisy synthetic circles",
        "constant_velocity",
        *["0.368 / 0.519 / 1.212"] * 2,
        "-",
    ] in of_published.rows
    assert of_published.rows[5][1:] == [
        "mix_vel_white_norm_64_2_0p5",
        "- / 0.500 / -",
        "- / - / -",
        "3.2e-05",
    ]
    assert [row[0] for row in of_course.rows][-2:] == [
        "published 5000_vel_white_norm_64_2_0p5",
        "ours (uav/course)",
    ]
    assert of_course.rows[-2][1] == "1.200 / 1.200 / 1.200 / - / - / - / -"
    assert of_course.rows[-1][3] == "0.500 / 0.500 / 0.500 / 0.660 / - / 0.940 / -"
    assert of_held_out.rows[-1][1] == "0.700 / 0.700 / 0.700 / - / 0.930 / -"
    assert of_trust.rows[0] == ["the three families pooled", "2.50 / 0.40", "1.50 / 0.40", "1.50 / 0.40"]
    assert of_moved.rows[1] == [
        "shifted by 100, 100, 20 m",
        "1.000 / 1.000",
        "20.000 / 20.000",
        "0.500 / 0.500",
    ]
    assert of_networks.rows[-1][1:3] == ["88323", "- / -"]
