"""Hundreds of groups stay one table to filter, one picture and one file."""

import csv
import io

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.evaluate import Target, evaluate
from surrogates.evaluation.metrics import MAE, RMSE, AbsoluteErrorQuantile
from surrogates.evaluation.tables import Table
from surrogates.report.page import render, tables
from surrogates.report.scenarios import heat_maps, scenario_tables, scores_csv

GROUPS, EACH = 600, 5
TARGET = Target(VariableSpec(name="gain", dims=("sample",), shape=(), units="m"))
LABELS = [f"tdl_{number % 6}, {number // 6} m s-1" for number in range(GROUPS)]


def of_many_groups(groups: int = GROUPS) -> Table:
    truth = torch.arange(groups).repeat_interleave(EACH).float()
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=len(truth))).float()

    def near(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"gain": inputs["hint"]}

    def far(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"gain": inputs["hint"] + 2}

    table = evaluate(
        {"near": near, "far": far},
        [{"gain": truth, "hint": truth + noise}],
        [TARGET],
        {"rmse": RMSE(), "mae": MAE(), "p90": AbsoluteErrorQuantile(0.9)},
        Blocks.of(len(truth), groups=np.repeat(LABELS[:groups], EACH)),
    )
    values = {label: tuple(label.split(", ")) for label in LABELS[:groups]}
    return Table(
        table.rows,
        table.examples,
        table.cells,
        group_variables=("channel_model", "speed"),
        group_values=values,
    )


@pytest.mark.slow  # 27,000 rows
def test_six_hundred_groups_keep_their_blocks_and_a_page_of_moderate_size() -> None:
    table = of_many_groups()
    assert len(table.groups) == 1 + GROUPS
    assert {row.blocks for row in table.rows if row.group != "all"} == {EACH}
    (shown,) = scenario_tables(table)
    assert shown.header == ["channel_model", "speed", "near", "far"]
    assert len(shown.lines) == GROUPS
    line, best = shown.lines[7]
    assert line[:2] == ["tdl_1", "1 m s-1"]
    assert float(line[2]) < float(line[3])
    assert best == 2
    page = render("run", {}, table, [TARGET], {}, {})
    assert len(page) < 1_000_000
    assert page.count("<img") == 1
    assert max(len(each.header) for each in tables(table, [TARGET])) < 10


def test_a_heat_map_has_the_last_variable_as_columns_in_the_order_of_its_numbers() -> None:
    (figure,) = heat_maps(of_many_groups(72)).values()
    near, far = figure.axes[:2]
    assert near.get_title() == "near"
    assert [label.get_text() for label in near.get_yticklabels()] == [f"tdl_{n}" for n in range(6)]
    assert [label.get_text() for label in near.get_xticklabels()] == [f"{n} m s-1" for n in range(12)]
    values = np.asarray(near.images[0].get_array()), np.asarray(far.images[0].get_array())
    assert values[0].shape == (6, 12)
    assert values[0].mean() < values[1].mean()


def test_the_file_holds_every_row_of_every_metric() -> None:
    table = of_many_groups(72)
    rows = list(csv.DictReader(io.StringIO(scores_csv(table))))
    assert len(rows) == len(table.rows) == 73 * 3 * 2
    chosen = [row for row in rows if (row["channel_model"], row["speed"]) == ("tdl_3", "2 m s-1")]
    assert len(chosen) == 6
    assert float(chosen[0]["value"]) == table.value("near", "gain", "rmse", "tdl_3, 2 m s-1")
