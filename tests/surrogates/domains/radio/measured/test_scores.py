"""Scores of many draws on measured maps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from datasets.factory.build import build
from datasets.radio.drive_test import DriveTest
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.folds import RandomCells, SpatialBlocks, Split, protocols
from surrogates.domains.radio.baselines import interpolators
from surrogates.domains.radio.baselines.interpolators import Kriging
from surrogates.domains.radio.measured.scores import (
    Method,
    Record,
    cell_side,
    mean_over_records,
    of_interpolator,
    paired_gain,
    pooled,
    read_context,
    read_records,
    score_draws,
)
from surrogates.evaluation.scattered import Answer
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from tests.surrogates.domains.radio.conftest import CELL

ROOT = Path(__file__).parents[5]
DUKE = ROOT.parent / "shared" / "data" / "radio" / "duke"
BLOCKS = {"blocks": (SpatialBlocks(32.0, CELL), 10)}
RSRP = Context.of([], [VariableSpec(name="rsrp", dims=("sample", "y", "x"), shape=(32, 32))])


@pytest.fixture
def records(batch: dict) -> list[Record]:
    """Two maps measured in a third of their outdoor cells."""
    rng = np.random.default_rng(0)
    seen = (rng.random((2, 32, 32)) < 0.3) & (batch["building_height"].numpy() <= 0)
    inputs = [{name: value[n : n + 1] for name, value in batch.items()} for n in range(2)]
    rsrp = np.where(seen, batch["path_gain"].double().numpy(), np.nan)
    return [Record(name, *each) for name, *each in zip("AB", rsrp, inputs, strict=True)]


def off_by(error: float, deviation: float | None = None) -> Method:
    def method(record: Record, split: Split) -> Answer:
        truth = record.rsrp[split.held_out]
        return Answer(truth + error, None if deviation is None else np.full(truth.size, deviation))

    return method


def test_a_stopped_run_goes_on_and_another_method_joins_it(records: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    whole = score_draws(records, {"one": off_by(1.0)}, BLOCKS, tmp_path / "whole.jsonl", progress=False)
    calls = []

    def counted(record: Record, split: Split) -> Answer:
        calls.append(record.name)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return off_by(1.0)(record, split)

    with pytest.raises(KeyboardInterrupt):
        score_draws(records, {"one": counted}, BLOCKS, path, progress=False)
    path.write_text(path.read_text()[:-20])  # the last line was cut off
    rows = score_draws(records, {"one": counted}, BLOCKS, path, progress=False)
    assert sorted(map(str, rows)) == sorted(map(str, whole))
    assert len(calls) == 8 + 20 - 6
    more = score_draws(records, {"one": counted, "two": off_by(2.0)}, BLOCKS, path, progress=False)
    assert len(calls) == 8 + 20 - 6
    assert len(more) == 40
    assert [json.loads(line) for line in path.read_text().splitlines()] == more


def test_the_folds_of_a_division_are_pooled_cell_by_cell(records: list[Record], tmp_path: Path) -> None:
    def by_fold(record: Record, split: Split) -> Answer:
        truth = record.rsrp[split.held_out]
        return Answer(truth + truth.size)

    rows = score_draws(records, {"one": by_fold}, BLOCKS, tmp_path / "rows.jsonl", progress=False)
    first = [row for row in rows if row["record"] == "A" and row["division"] == 0]
    sizes = np.array([row["cells"] for row in first])
    assert len(first) == 5
    assert sizes.sum() == np.isfinite(records[0].rsrp).sum()
    found = pooled(rows)["blocks", "one", "A"]
    assert len(found) == 2
    assert found[0] == pytest.approx(np.sqrt((sizes.astype(float) ** 3).sum() / sizes.sum()))


def test_coverage_counts_truths_inside_the_90_percent_interval(records: list[Record], tmp_path: Path) -> None:
    methods = {"wide": off_by(1.0, 1.0), "narrow": off_by(1.0, 0.5), "silent": off_by(1.0)}
    rows = score_draws(
        records, methods, {"random": (RandomCells(50), 2)}, tmp_path / "r.jsonl", progress=False
    )
    coverage = mean_over_records(rows, "coverage")
    assert coverage["random", "wide"].tolist() == [1.0, 1.0]
    assert coverage["random", "narrow"].tolist() == [0.0, 0.0]
    assert ("random", "silent") not in coverage


def test_gains_are_paired_by_division(records: list[Record], tmp_path: Path) -> None:
    def harder(extra: float) -> Method:
        def method(record: Record, split: Split) -> Answer:
            return Answer(record.rsrp[split.held_out] + split.held_out.sum() + extra)

        return method

    methods = {"ours": harder(0.0), "other": harder(2.0)}
    rows = score_draws(
        records, methods, {"random": (RandomCells(50), 6)}, tmp_path / "rows.jsonl", progress=False
    )
    gain, low, high = paired_gain(rows, "random", "ours", "other")
    assert gain == pytest.approx(2.0)
    assert high - low < 1e-6


def test_an_unfinished_run_has_no_mean(records: list[Record], tmp_path: Path) -> None:
    rows = score_draws(records, {"one": off_by(1.0)}, BLOCKS, tmp_path / "rows.jsonl", progress=False)
    with pytest.raises(ValueError, match="'one' was scored on 1 divisions of one record and 2 of another"):
        mean_over_records(rows[:-5])


def test_only_given_cells_reach_an_interpolator(records: list[Record]) -> None:
    split = RandomCells(50).split(records[0].measured, 0)
    blind = records[0]._replace(rsrp=np.where(split.given, records[0].rsrp, np.nan))
    answers = [of_interpolator(Kriging(RSRP, CELL))(each, split) for each in (records[0], blind)]
    np.testing.assert_array_equal(answers[0].mean, answers[1].mean)
    whole = Kriging(RSRP, CELL, samples="rsrp_samples")(
        {**blind.inputs, "rsrp_samples": torch.from_numpy(blind.rsrp).float()[None]}
    )["rsrp"][0].numpy()
    np.testing.assert_allclose(answers[0].mean, whole[split.held_out], atol=1e-2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The store of the measured cells A and C, both phones."""
    if not DUKE.is_dir():
        pytest.skip("the Duke measurements are not beside this checkout")
    settings = yaml.safe_load((ROOT / "conf" / "site" / "duke.yaml").read_text()) | {
        "measurements": str(DUKE / "duke_cbrs_rsrp_cells_A_C.csv"),
        "buildings": str(DUKE / "duke_site1_building_height_128.npy"),
    }
    url = str(tmp_path_factory.mktemp("duke") / "duke.zarr")
    build(DriveTest.make(settings), url, workers=0, progress=False)
    return url


@pytest.fixture
def duke(store: str) -> list[Record]:
    """Its maps."""
    return read_records(store)


def test_baselines_know_cells_and_receivers_of_a_site_whose_antennas_have_carriers_of_their_own(
    store: str,
) -> None:
    context = read_context(store)
    assert cell_side(context) == 4.0
    ridge = Baseline.build({"name": "radio/geometry_ridge"}, context)
    assert (ridge.targets, ridge.cell, ridge.receiver_height) == (["rsrp"], 4.0, 1.5)
    with pytest.raises(ConfigError, match=r"'frequency' varies from 3\.58e\+09 to 3\.69e\+09 Hz"):
        Baseline.build({"name": "radio/free_space"}, context)


# RMSE, dB, mean of 20 draws of 200 random cells, by another implementation: mean, log-distance (from the
# middle of the window), inverse distance, 3 nearest samples, kriging.
KNOWN = {
    "A Samsung": (15.15, 14.86, 5.15, 4.73, 4.25),
    "A Pixel": (13.17, 13.19, 5.46, 5.13, 4.60),
    "C Samsung": (12.29, 12.00, 5.24, 5.13, 4.62),
    "C Pixel": (12.71, 12.70, 5.89, 5.18, 4.70),
}
METHODS = ("SampleMean", "SampleLogDistance", "InverseDistance", "NearestSamples", "Kriging")


@pytest.mark.slow
def test_baselines_on_random_cells_are_those_known_of_the_duke_cells(
    duke: list[Record], tmp_path: Path
) -> None:
    middle = [
        each._replace(inputs={**each.inputs, "transmitter_position": torch.tensor([[256.0, 256.0, 24.0]])})
        for each in duke
    ]
    methods = {name: of_interpolator(getattr(interpolators, name)(RSRP, CELL)) for name in METHODS}
    random = {"random": (protocols(CELL)["random"], 20)}
    found = pooled(score_draws(middle, methods, random, tmp_path / "rows.jsonl", progress=False))
    for record, expected in KNOWN.items():
        values = [found["random", name, record].mean() for name in METHODS]
        assert values == pytest.approx(expected, abs=0.3), record


def test_every_measured_outdoor_cell_of_the_duke_maps_is_held_out_once(duke: list[Record]) -> None:
    for record in duke:
        for name in ("blocks_64m", "blocks_128m"):
            held = sum(
                protocols(CELL)[name].split(record.measured, 5 + fold).held_out.astype(int)
                for fold in range(5)
            )
            assert (held == record.measured).all()
