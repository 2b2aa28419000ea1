"""Disturbances have the size that they say, the mirror is exact or refused, and scores can be made so."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.seismic.variables import coordinates
from physics.waves.seismic.propagator import simulate
from physics.waves.seismic.survey import Survey
from surrogates.cli.main import main
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation
from tests.surrogates.domains.seismic.small import (
    CELLS,
    SURVEY,
    SYMMETRIC,
    inversion_run,
    layers,
    write_store,
)


def piece(name: str, survey: Survey = SYMMETRIC, **arguments: object):  # type: ignore[no-untyped-def]
    return Preparation.build({"name": name, **arguments}, context_of(survey))


def context_of(survey: Survey = SYMMETRIC, **others: bool) -> Context:
    shared = coordinates(survey, CELLS, CELLS, **others).coords
    return Context.of((), (), shared={str(key): value for key, value in shared.items()})


def rngs(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, number]) for number in range(count)]


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    velocity = layers(8)
    return {
        "velocity_model": torch.from_numpy(velocity),
        "shot_gather": torch.from_numpy(simulate(velocity, SYMMETRIC)),
    }


def ratios(batch: dict, noisy: dict) -> torch.Tensor:
    """Signal to noise of each shot, dB, shape (sample, shot)."""
    noise = noisy["shot_gather"] - batch["shot_gather"]
    powers = [values.double().square().mean((2, 3)) for values in (batch["shot_gather"], noise)]
    return 10 * torch.log10(powers[0] / powers[1])


def test_each_shot_has_the_noise_of_its_own_signal(batch: dict) -> None:
    loud = {**batch, "shot_gather": batch["shot_gather"] * torch.tensor([1.0, 50.0]).view(1, 2, 1, 1)}
    found = ratios(loud, piece("seismic/noise", snr=10)(loud, rngs(8), train=True))
    torch.testing.assert_close(found, torch.full_like(found, 10.0), atol=0.8, rtol=0)


def test_of_a_range_each_example_draws_its_own_ratio(batch: dict) -> None:
    found = ratios(batch, piece("seismic/noise", snr=[0, 30])(batch, rngs(8), train=True)).mean(1)
    assert -0.5 < found.min() < 12 and 18 < found.max() < 30.5


@pytest.mark.parametrize("name", ["seismic/noise", "seismic/missing_receivers", "seismic/mirror"])
def test_an_example_is_disturbed_alike_in_any_batch(batch: dict, name: str) -> None:
    together = piece(name)(batch, rngs(8), train=True)
    alone = piece(name)({key: value[3:4] for key, value in batch.items()}, rngs(8)[3:4], train=True)
    for key in batch:
        torch.testing.assert_close(together[key][3:4], alone[key])
    assert not torch.equal(together["shot_gather"], batch["shot_gather"])


@pytest.mark.parametrize(("share", "count"), [(0.25, 6), (0.01, 1), (0.0, 0)])
def test_the_same_receivers_are_silent_in_all_shots(batch: dict, share: float, count: int) -> None:
    found = piece("seismic/missing_receivers", share=share)(batch, rngs(8), train=True)["shot_gather"]
    silent = (found == 0).all(2)
    assert (silent.sum(2) == count).all()
    assert (silent[:, 0] == silent[:, 1]).all()
    np.testing.assert_array_equal(
        found.where(~silent[:, :, None], 0.0),
        batch["shot_gather"].where(~silent[:, :, None], 0.0),
    )
    if count:
        assert len({tuple(row.tolist()) for row in silent[:, 0]}) > 1


def test_the_mirror_of_an_example_is_what_the_solver_makes_of_the_mirrored_model(batch: dict) -> None:
    found = piece("seismic/mirror")(batch, rngs(8), train=True)
    turned = ~(found["velocity_model"] == batch["velocity_model"]).all(2).all(1)
    assert 0 < turned.sum() < 8
    again = simulate(found["velocity_model"].numpy(), SYMMETRIC)
    error = np.linalg.norm(found["shot_gather"].numpy() - again) / np.linalg.norm(again)
    assert error < 1e-5


@pytest.mark.parametrize(
    ("survey", "message"),
    [
        (SURVEY, "the shot at 110 m would lie at 120 m, where there is none; take data whose shots"),
        (
            Survey(source_columns=(0, 23), receiver_columns=tuple(range(20))),
            "the receiver at 0 m would lie at 230 m",
        ),
    ],
)
def test_a_survey_that_is_not_its_own_mirror_image_is_refused(survey: Survey, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        piece("seismic/mirror", survey=survey)


def test_shots_that_change_with_the_record_are_not_mirrored() -> None:
    with pytest.raises(ConfigError, match="lie elsewhere in each record"):
        Preparation.build({"name": "seismic/mirror"}, context_of(shots=False))


def test_data_that_do_not_tell_where_the_receivers_are_are_not_mirrored() -> None:
    known = context_of()
    shared = {name: values for name, values in known.shared.items() if name != "receiver"}
    with pytest.raises(ConfigError, match="no coordinate 'receiver'; write it into the store"):
        Preparation.build({"name": "seismic/mirror"}, replace(known, shared=shared))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"name": "seismic/noise", "snr": [30, 0]}, "runs from 30 down to 0; give the smaller end first"),
        (
            {"name": "seismic/missing_receivers", "share": 1.0},
            "'share' should be less than 1 or a valid tuple, found 1.0",
        ),
    ],
)
def test_disturbances_of_no_sense_are_refused(node: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Preparation.build(node, context_of())


def test_a_run_can_be_scored_under_noise_and_with_missing_receivers(tmp_path: Path) -> None:
    run = inversion_run(tmp_path / "run", write_store(str(tmp_path / "store.zarr")))
    errors = {}
    for name, words in {
        "clean": ["task.draws=1"],
        "noise": ["task.preparations=[{name: seismic/noise, snr: -20}]"],
        "silence": ["task.preparations=[{name: seismic/missing_receivers, share: 0.9}]"],
    }.items():
        scores = tmp_path / f"{name}.json"
        with pytest.raises(SystemExit) as stop:
            main(["evaluate", str(run), *words, "--device", "cpu", "--json", str(scores)])
        assert not stop.value.code
        rows = json.loads(scores.read_text())["rows"]
        errors[name] = {row["method"]: row["value"] for row in rows if row["metric"] == "mae"}
    # The mean model does not look at the gathers; the others do.
    assert errors["clean"]["mean"] == errors["noise"]["mean"] == errors["silence"]["mean"]
    for method in ("mlp", "nearest_neighbours"):
        assert len({errors[name][method] for name in errors}) == 3
