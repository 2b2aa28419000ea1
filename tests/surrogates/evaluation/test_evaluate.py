"""All methods are scored on the same cells, and the table does not depend on the batches."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.evaluate import Target, align, evaluate
from surrogates.evaluation.metrics import MAE, RMSE
from surrogates.evaluation.tables import Table

GAIN = VariableSpec(name="gain", dims=("sample", "y", "x"), shape=(4, 4), units="0.1 lg(re 1)", missing=True)
OUTDOOR = VariableSpec(name="outdoor", dims=("sample", "y", "x"), shape=(4, 4), dtype="bool")
TARGET = Target(GAIN, OUTDOOR, valid_min=-140)


def data(count: int = 20) -> Batch:
    rng = np.random.default_rng(0)
    gain = rng.normal(-120, 15, (count, 4, 4)).astype(np.float32)
    gain[:, 0, 0] = np.nan
    return {
        "gain": torch.from_numpy(gain),
        "outdoor": torch.from_numpy(rng.random(gain.shape) < 0.7),
        "distance": torch.from_numpy(rng.random((count, 4, 4)).astype(np.float32)),
    }


def batches(values: Batch, size: int) -> Iterator[Batch]:
    for start in range(0, len(values["gain"]), size):
        yield {name: value[start : start + size] for name, value in values.items()}


def constant(level: float):  # type: ignore[no-untyped-def]
    return lambda inputs, rng: {"gain": torch.full_like(inputs["distance"], level)}


def table(size: int = 7, **methods: object) -> Table:
    chosen = methods or {"first": constant(-120.0), "second": constant(-110.0)}
    groups = np.array(["paris"] * 12 + ["rome"] * 8)
    return evaluate(
        chosen, batches(data(), size), [TARGET], {"rmse": RMSE(), "mae": MAE()}, Blocks.of(20, groups=groups)
    )  # type: ignore[arg-type]


def test_only_known_outdoor_cells_above_the_threshold_count() -> None:
    values = data()
    counts = ~values["gain"].isnan() & values["outdoor"] & (values["gain"] >= -140)
    expected = (values["gain"][counts].double() + 120).square().mean().sqrt().item()
    result = table()
    assert result.cells == {"gain": int(counts.sum())}
    assert result.value("first", "gain", "rmse") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [1, 3, 20])
def test_scores_and_intervals_do_not_depend_on_the_batch_size(size: int) -> None:
    for row, reference in zip(table(size).rows, table(7).rows, strict=True):
        assert (row.method, row.metric, row.group) == (reference.method, reference.metric, reference.group)
        assert [row.value, row.low, row.high] == pytest.approx(
            [reference.value, reference.low, reference.high]
        )


def test_each_group_has_its_rows_and_all_has_the_total() -> None:
    result = table()
    assert result.groups == ["all", "paris", "rome"]
    for row in result.rows:
        assert row.low <= row.value <= row.high
        assert row.units == "0.1 lg(re 1)"


def test_other_methods_are_held_against_the_first_in_pairs() -> None:
    rows = {row.method: row for row in table().rows if row.group == "all" and row.metric == "rmse"}
    assert rows["first"].above_first == 0
    gap = rows["second"].value - rows["first"].value
    assert rows["second"].above_first == pytest.approx(gap)
    assert rows["second"].above_first_low < gap < rows["second"].above_first_high


def test_methods_do_not_see_the_target() -> None:
    def cheat(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"gain": inputs["gain"]}

    with pytest.raises(KeyError):
        table(cheat=cheat)


def test_a_stochastic_method_repeats_with_the_seed() -> None:
    def noisy(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"gain": -120 + torch.randn(inputs["distance"].shape, generator=rng)}

    assert table(noisy=noisy).rows == table(noisy=noisy).rows


def test_seconds_per_example_are_measured_for_each_method() -> None:
    assert set(table().seconds_per_example) == {"first", "second"}
    assert all(seconds > 0 for seconds in table().seconds_per_example.values())


def test_a_wrong_shape_or_a_missing_target_names_the_method() -> None:
    with pytest.raises(ValueError, match="'flat' predicts 'gain' with shape"):
        table(flat=lambda inputs, rng: {"gain": torch.zeros(7)})
    with pytest.raises(ValueError, match="expected also 'gain'"):
        table(other=lambda inputs, rng: {"loss": torch.zeros(7)})


def test_a_mask_of_numbers_weights_the_cells() -> None:
    spec = OUTDOOR.model_copy(update={"dtype": "float32", "missing": True})
    weights = torch.full((1, 4, 4), 0.5)
    weights[0, 1] = torch.tensor([2.0, 0.0, torch.nan, -1.0])
    found = Target(GAIN, spec).weight({"gain": torch.zeros(1, 4, 4), "outdoor": weights})
    assert found[0, 1].tolist() == [2.0, 0.0, 0.0, 0.0]
    assert found[0, 0].tolist() == [0.5] * 4


def test_a_mask_with_fewer_dimensions_is_aligned_by_name() -> None:
    spec = VariableSpec(name="land", dims=("x",), shape=(4,), dtype="bool")
    assert align(torch.ones(4), spec, GAIN).shape == (1, 1, 4)
    with pytest.raises(ValueError, match="do not fit"):
        align(torch.ones(4), VariableSpec(name="z", dims=("z",), shape=(4,)), GAIN)


def test_a_missing_number_is_none_in_json() -> None:
    result = table(nan=constant(float("nan"))).as_dict()
    assert result["rows"][0]["value"] is None
