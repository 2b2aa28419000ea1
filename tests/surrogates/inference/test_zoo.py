"""The shipped bundles load, predict what they did when packed, and are as good as their cards say."""

from pathlib import Path

import numpy as np
import pytest
import torch

import surrogates
from surrogates.domains.radio import demo
from surrogates.experiment.config import RunConfig
from surrogates.inference.bundle import load_bundle
from surrogates.inference.errors import BundleError
from surrogates.inference.example import answer_of, read_example
from surrogates.inference.zoo import FOLDER, PREFIX, card_of, folder_of, located, names
from surrogates.learning.pipeline import Pipeline
from surrogates.runs.weights import take_weights

MEGABYTE = 1e6
LARGEST, LARGEST_ALL = 10 * MEGABYTE, 40 * MEGABYTE
TOLERANCE = 1e-3
"""Of a prediction on another processor or by another release, as a share of the field's spread."""
WITHIN = 4.0
"""Factor between the error of a few records and the recorded one of the whole test subset."""

shipped = pytest.mark.parametrize("name", names())


def test_the_zoo_has_a_bundle_of_each_domain() -> None:
    assert {name.partition("/")[0] for name in names()} == {"acoustics", "csi", "radio", "seismic", "uav"}


@shipped
def test_a_bundle_predicts_its_example_as_it_did_when_packed(name: str) -> None:
    surrogate = surrogates.load(f"{PREFIX}{name}", device="cpu")
    example, before = read_example(surrogate.bundle)
    if surrogate.bundle.samples:  # `predict` draws anew, record by record
        inputs = {each: torch.from_numpy(example[each].values.copy()) for each in surrogate.inputs}
        drawn = answer_of(surrogate.bundle, inputs)
        now = {target: drawn[target].numpy() for target in before.data_vars}
        covered = np.False_
    else:
        asked = surrogate.predict(example)
        now = {target: asked[target].values for target in before.data_vars}
        roofs = surrogate.bundle.parts[0][0].transform.covered_by
        covered = np.any([example[each].values > 0 for each in roofs], axis=0)
    for target, values in now.items():
        known = np.isfinite(before[target].values) & ~covered
        assert (np.isfinite(values) == known).all()
        difference = np.abs(values - before[target].values)[known]
        assert difference.max() <= TOLERANCE * float(before[target].std())


@shipped
def test_the_recorded_error_is_found_again_on_the_example(name: str) -> None:
    surrogate = surrogates.load(f"{PREFIX}{name}", device="cpu")
    example = surrogate.example()
    now, mask = surrogate.predict(example), surrogate.bundle.manifest.mask
    for row in card_of(name).errors:
        target, metric = row["target"], row["metric"]
        if target not in now or metric != "rmse":
            continue
        counts = example[mask.name].astype(bool) if mask else True
        if target.startswith("path_gain"):
            counts = counts & (example[target] >= demo.WEAKEST)
        found = float(np.sqrt((abs(now[target] - example[target]) ** 2).where(counts).mean()))
        assert row["value"] / WITHIN < found < row["value"] * WITHIN


@shipped
def test_intervals_hold_the_reference_about_as_often_as_asked(name: str) -> None:
    surrogate = surrogates.load(f"{PREFIX}{name}", device="cpu")
    example = surrogate.example()
    target = next(iter(surrogate.outputs))
    bounds = surrogate.predict(example, interval=0.5)
    mask = surrogate.bundle.manifest.mask
    if (radius := f"{target}_radius") in bounds:  # a disc about a complex value
        width = bounds[radius]
        inside = abs(example[target] - bounds[target]) <= width
    else:
        lower, upper = bounds[f"{target}_lower"], bounds[f"{target}_upper"]
        width = upper - lower
        inside = (example[target] >= lower) & (example[target] <= upper)
    assert float(width.min()) > 0
    counts = example[target].notnull() & (example[mask.name].astype(bool) if mask else True)
    assert 0.1 < float(inside.where(counts).mean()) < 0.95


@shipped
def test_the_card_tells_what_a_newcomer_asks(name: str) -> None:
    card = card_of(name)
    assert card.inputs and card.targets and card.errors and card.coverage and card.data
    assert card.size in ("tiny", "small")
    assert card.command.startswith(f"python -m benchmarks.zoo {name} --size {card.size}")
    assert all(0.5 <= row["value"] <= 1 for row in card.coverage)
    assert f'surrogates.load("{PREFIX}{name}")' in (FOLDER / name / "card.md").read_text()


def test_the_zoo_stays_small() -> None:
    sizes = {name: card_of(name).bytes for name in names()}
    assert max(sizes.values()) <= LARGEST
    assert sum(sizes.values()) <= LARGEST_ALL


def test_the_cascade_holds_its_first_stage() -> None:
    first = load_bundle("zoo:radio/geo2sigmap").pipeline.network.state_dict()
    for name in ("radio/geo2sigmap_directional", "radio/geo2sigmap_measured"):
        inner = load_bundle(f"{PREFIX}{name}").pipeline.transform.iso.network.state_dict()
        assert all(torch.equal(inner[key], value) for key, value in first.items())


def test_a_run_begins_from_the_weights_of_a_shipped_bundle() -> None:
    shipped = load_bundle("zoo:uav/course")
    pipeline = Pipeline(shipped.manifest.pipeline, shipped.manifest.context)
    task = {"inputs": ["position"], "targets": ["position_forecast"]}
    values = {"dataset": "unused.zarr", "task": task, "model": "mlp", "init": "zoo:uav/course"}
    values["trainer"] = {"max_steps": 1}
    take_weights(pipeline, RunConfig.model_validate(values))
    own, given = pipeline.state_dict(), shipped.pipeline.state_dict()
    assert all(torch.equal(own[name], value) for name, value in given.items())


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("radio/geo2sigmpa", "radio/geo2sigmap"), ("course", "uav/course"), ("UAV/course", "uav/course")],
)
def test_a_mistyped_name_is_answered_with_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(BundleError, match=f"Did you mean '{nearest}'"):
        folder_of(typed)


@pytest.mark.parametrize("name", ["", "..", "../zoo/uav/course", "uav", "/etc"])
def test_a_name_leads_to_no_other_folder(name: str) -> None:
    with pytest.raises(BundleError, match="no bundle"):
        located(f"{PREFIX}{name}")


def test_a_path_that_is_not_there_is_told_with_what_may_be_given(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nothing at .*zoo:NAME"):
        surrogates.load(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"Did you mean 'zoo:uav/course'\?"):
        surrogates.load("uav/course")
