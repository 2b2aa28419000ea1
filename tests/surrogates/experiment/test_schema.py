"""The schema of experiments takes what a run takes, and finds what a run refuses."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from surrogates.experiment.schema import experiment_schema
from surrogates.runs.compose import read

CONF = Path(__file__).parents[3] / "conf" / "experiment"
FILES = sorted(CONF.rglob("*.yaml"))


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    found = experiment_schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_every_experiment_fits_as_it_stands_and_composed_for_each_size(
    schema: jsonschema.Draft202012Validator, path: Path
) -> None:
    written = yaml.safe_load(path.read_text())
    schema.validate(written)
    name = path.relative_to(CONF).with_suffix("")
    for size in written["sizes"]:
        schema.validate(read([f"experiment={name}", f"size={size}"]))


@pytest.mark.parametrize(
    "text",
    [
        "trainer: {batch_sise: 3}",
        "trainer: {batch_size: many}",
        "task: {objectiv: {name: regression}}",
        "task: {metrics: [rmse, maee]}",
        "task: {preparations: [{name: radio/outdoor, weakst: -1}]}",
        "model: {name: geo_unet, bsae: 3}",
        "model: {name: geo_unet, base: wide}",
        "model: {name: geo_unt}",
        "model: {bsae: 3}",
        "sizes: {tiny: {trainer: {optimiser: {name: adam, rate: 1}}}}",
        "seeed: 1",
    ],
)
def test_a_typo_does_not_fit(schema: jsonschema.Draft202012Validator, text: str) -> None:
    assert not schema.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "model: geo_unet",
        "model: {base: 8}",
        "dataset: [a.zarr, {url: b.zarr, split: split_by_family}]",
        "init: runs/a",
        "trainer: {precision: 16, callbacks: early_stopping}",
        "task: {predictor: {name: rollout, steps: '${task.objective.steps}'}, draws: '${seed}'}",
        "task: {transform: {name: radio/physics, frequency: 3.5}}",
    ],
)
def test_what_a_run_takes_fits(schema: jsonschema.Draft202012Validator, text: str) -> None:
    schema.validate(yaml.safe_load(text))
