"""A run is checked before any work, and ends in a bundle and a report."""

import json

import numpy as np
import pytest
import torch
import yaml
import zarr
from safetensors.torch import load_file

import surrogates
from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.experiment.config import RunConfig
from surrogates.inference.bundle import load_bundle
from surrogates.learning.pipeline import Pipeline
from surrogates.runs.folder import open_run, read_config
from surrogates.runs.train import prepare, start


def pipeline_of(folder):
    return load_bundle(folder / "bundle").pipeline


def test_run_leaves_all_its_files_and_learns(run_config):
    folder = start(
        run_config(trainer={"max_steps": 400, "optimiser": {"name": "adam", "lr": 0.01}, "ema": 0.9})
    )
    for name in ("config.yaml", "metrics.json", "report.html", "logs/train.csv", "bundle/bundle.yaml"):
        assert (folder / name).stat().st_size > 0, name
    scores = {
        (row["method"], row["metric"]): row["value"]
        for row in json.loads((folder / "metrics.json").read_text())["rows"]
        if row["group"] == "all"
    }
    assert scores["mlp", "rmse"] < 0.7 * scores["mean", "rmse"]


def test_network_learns_in_training_mode_and_is_scored_in_the_other(run_config, monkeypatch):
    """Dropout and the statistics of batch normalisation depend on it."""
    seen, ask = [], Pipeline.normalised

    def noted(self, features):
        seen.append((torch.is_grad_enabled(), self.training, self.network.training))
        return ask(self, features)

    monkeypatch.setattr(Pipeline, "normalised", noted)
    start(run_config())
    assert seen.count((True, True, True)) == 12
    assert set(seen) == {(True, True, True), (False, False, False)}


def test_bundle_knows_where_it_comes_from(run_config, store):
    folder = start(run_config(seed=3, task={"baselines": []}))
    manifest = load_bundle(folder / "bundle").manifest
    assert manifest.provenance["seed"] == 3
    assert manifest.provenance["datasets"][0]["fingerprint"] == store.fingerprint
    low, high = manifest.ranges["stiffness"]
    train = store.dataset()["stiffness"].values[store.split() == 0]
    np.testing.assert_allclose([low, high], [train.min(), train.max()])


def test_resolved_configuration_repeats_the_run(run_config):
    first = start(run_config(task={"baselines": []}))
    values = read_config(first)
    assert values["model"] == {"name": "mlp", "width": 16, "depth": 1, "activation": "gelu"}
    assert values["trainer"]["optimiser"] == {"name": "adam", "lr": 0.001, "weight_decay": 0.0}
    second = start(values)
    assert first != second
    for name, value in pipeline_of(first).state_dict().items():
        torch.testing.assert_close(pipeline_of(second).state_dict()[name], value, rtol=0, atol=0)


def test_seed_changes_the_weights(run_config):
    one, two = (start(run_config(seed=seed, task={"baselines": []})) for seed in (0, 1))
    assert not torch.equal(
        pipeline_of(one).network.layers[0].weight, pipeline_of(two).network.layers[0].weight
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "unknown key 'colour'"),
        ({"trainer": {"max_step": 3}}, r"unknown key 'trainer.max_step'. Did you mean 'max_steps'\?"),
        ({"trainer": {"epochs": 3}}, "found both of max_steps and epochs, expected one"),
        ({"model": "unett"}, r"Did you mean 'unet'\?"),
        ({"model": {"name": "mlp", "widht": 3}}, r"unknown key 'widht'. Did you mean 'width'\?"),
        (
            {"task": {"inputs": ["stifness"]}},
            r"task.inputs: no variable 'stifness'.*Did you mean 'stiffness'\?",
        ),
        ({"task": {"mask": "outside"}}, r"no variable 'outside'.*Did you mean 'inside'\?"),
        (
            {"task": {"objective": {"name": "regression", "loss": "rms"}}},
            "'loss' should be 'mse', 'mae' or 'huber'",
        ),
        ({"task": {"metrics": ["rmsee"]}}, r"Did you mean 'rmse'\?"),
        ({"task": {"baselines": ["meen"]}}, r"Did you mean 'mean'\?"),
        ({"task": {"targets": ["time"]}}, "has no dimension 'sample'"),
        ({"model": "gru"}, r"needs \(batch, channel, time\)"),
        ({"trainer": {"optimiser": "adamm"}}, r"Did you mean 'adamw?'\?"),
        ({"trainer": {"schedule": {"name": "cosine", "warm": 1}}}, r"Did you mean 'warmup'\?"),
        ({"task": {"targets": ["damping"]}}, r"\['damping'\] stand twice"),
        ({"dataset": "nowhere.zarr"}, "no data store at nowhere.zarr"),
        ({"model": {"name": "mlp", "width": 0}}, "'width' should be greater than 0, found 0"),
        ({"model": {}}, "model: expected 'name: ...' .*Registered models: .*mlp"),
        ({"task": {"inputs": []}}, r"'task.inputs': list should have at least 1 item .*found \[\]"),
        ({"task": {"mask": "displacement"}}, "the mask 'displacement' is a target"),
        ({"task": {"valid_min": {"displacment": 0}}}, r"valid_min: .*Did you mean 'displacement'\?"),
        ({"task": {"groups": "famly"}}, r"task.groups: .*Did you mean 'family'\?"),
        ({"task": {"blocks": "force"}}, "task.blocks: .*no variable 'force' with one value for each sample"),
        ({"task": {"metrics": ["rmse", "rmse"]}}, "metrics: 'rmse' stands twice"),
        ({"task": {"baselines": [{"name": "nearest_neighbours", "k": 0}]}}, "'k' should be greater than 0"),
        (
            {"task": {"objective": {"name": "regression", "weights": {"displacment": 2}}}},
            r"weights: .*Did you mean 'displacement'\?",
        ),
        ({"trainer": {"schedule": {"name": "cosine", "warmup": -1}}}, "'warmup' should be greater than"),
        (
            {
                "task": {
                    "objective": {"name": "forecast", "steps": 3},
                    "predictor": {"name": "rollout", "steps": 2},
                }
            },
            "task.objective.steps is 3, but the predictor 'rollout' takes 2",
        ),
        ({"task": {"objective": {"name": "forecast", "steps": 3}}}, "the predictor 'direct' takes 1"),
        ({"trainer": {"accelerator": "mps"}}, "trainer.accelerator is mps, but torch sees none"),
    ],
)
def test_mistake_is_answered_before_any_work(run_config, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        start(run_config(**changes))
    assert not (tmp_path / "runs").exists()


def test_unfinished_store_is_refused(run_config, make_store):
    store = make_store("unfinished.zarr")
    del open_store(store.url)._live["build/row-000002"]
    with pytest.raises(ContractError, match=r"has 7 of 8 shard rows; `surrogates data info .*` says how"):
        start(run_config(dataset=store.url))


def test_stores_with_other_units_are_refused(run_config, store, make_store):
    other = make_store("feet.zarr", units="cm")
    with pytest.raises(ConfigError, match=r"'displacement' has units cm in .*feet.zarr, but m in"):
        start(run_config(dataset=[store.url, other.url]))


def test_empty_part_is_named(run_config, store):
    training = set(store.dataset()["family"].values[store.split() == 0].tolist())
    others = [int(family) for family in set(store.dataset()["family"].values.tolist()) - training]
    with pytest.raises(ConfigError, match=r"the train subset of .* is empty"):
        start(run_config(dataset={"url": store.url, "select": {"family": others}}))
    with pytest.raises(ConfigError, match=r"has no window of 40 samples"):
        start(run_config(task={"window": {"length": 40}, "inputs": ["force"]}))


def test_normalisers_from_statistics_equal_those_from_batches(run_config):
    folder = start(
        run_config(trainer={"max_steps": 1}, task={"inputs": ["stiffness", "force"], "baselines": []})
    )
    experiment = open_run(folder)
    exact, streamed = experiment.pipeline(), experiment.pipeline()
    experiment.fit_normalisers(exact, iter(()))
    streamed.fit_normalisers(experiment.loader("train"))
    for name in ("input_normaliser", "target_normaliser"):
        one, two = getattr(exact, name), getattr(streamed, name)
        torch.testing.assert_close(one.mean, two.mean)
        torch.testing.assert_close(one.scale, two.scale)


def test_init_starts_from_the_weights_of_a_bundle(run_config):
    first = start(run_config(task={"baselines": []}))
    still = {"optimiser": {"name": "sgd", "lr": 1e-30}, "max_steps": 1}
    second = start(run_config(init=str(first), trainer=still, task={"baselines": []}, seed=9))
    for name, value in pipeline_of(first).state_dict().items():
        torch.testing.assert_close(pipeline_of(second).state_dict()[name], value, rtol=0, atol=0)


def test_init_with_another_shape_is_refused(run_config):
    first = start(run_config(trainer={"max_steps": 1}, task={"baselines": []}))
    with pytest.raises(ConfigError, match=r"init: .* has \(16,\) where this run has \(8,\)"):
        start(run_config(init=str(first), model={"name": "mlp", "width": 8, "depth": 1}))


@pytest.mark.parametrize(
    "trainer",
    [
        {"precision": "bf16"},
        {"ema": 0.5, "gradient_clip": 0.1},
        {"schedule": {"name": "cosine", "warmup": 2}, "optimiser": "adamw"},
        {"max_steps": None, "epochs": 1},
    ],
)
def test_options_train(run_config, trainer):
    folder = start(run_config(trainer={"max_steps": 3, **trainer}, task={"baselines": []}))
    assert all(value.isfinite().all() for value in pipeline_of(folder).state_dict().values())


@pytest.mark.parametrize("precision", [16, 32])
def test_precision_may_be_a_number(run_config, precision):
    """YAML and the command line read 16 as an integer."""
    folder = start(run_config(trainer={"max_steps": 2, "precision": precision}, task={"baselines": []}))
    assert read_config(folder)["trainer"]["precision"] == str(precision)


def test_diverged_run_says_so_and_keeps_its_last_sound_state(run_config):
    wild = {"optimiser": {"name": "sgd", "lr": 1e30}, "validate_every": 1}
    with pytest.raises(ConfigError, match=r"training diverged: .*trainer.optimiser.lr"):
        start(run_config(trainer=wild, task={"baselines": []}))


def test_last_step_is_validated_whatever_the_interval(run_config):
    folder = start(run_config(trainer={"max_steps": 5, "validate_every": 2}, task={"baselines": []}))
    rows = (folder / "logs" / "validation.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == [2, 4, 5]


def test_pieces_of_one_name_stand_beside_each_other(run_config):
    nodes = [{"name": "nearest_neighbours", "k": k} for k in (1, 5)]
    quantiles = [{"name": "absolute_error_quantile", "quantile": q} for q in (0.5, 0.9)]
    folder = start(run_config(trainer={"max_steps": 1}, task={"baselines": nodes, "metrics": quantiles}))
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    assert {row["method"] for row in rows} == {"mlp", "nearest_neighbours (k=1)", "nearest_neighbours (k=5)"}
    assert len({row["metric"] for row in rows}) == 2


def test_coordinate_can_be_an_input(run_config):
    folder = start(
        run_config(trainer={"max_steps": 1}, task={"inputs": ["stiffness", "time"], "baselines": []})
    )
    assert "name: time" in (folder / "bundle" / "bundle.yaml").read_text()


def test_output_that_cannot_be_written_is_named(run_config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"output: no folder can be made .*output=DIR"):
        start(run_config(output=str(tmp_path / "file")))


def test_patience_ends_a_run_without_progress(run_config):
    still = {"optimiser": {"name": "sgd", "lr": 1e-30}, "validate_every": 2, "patience": 2, "max_steps": 40}
    folder = start(run_config(trainer=still, task={"baselines": []}))
    rows = (folder / "logs" / "validation.csv").read_text().split()
    assert len(rows) < 8


def test_mask_and_several_targets_train(run_config):
    task = {
        "inputs": ["stiffness", "damping"],
        "targets": ["displacement", "force"],
        "mask": "inside",
        "baselines": [],
    }
    folder = start(run_config(task=task, trainer={"max_steps": 2, "log_every": 1}))
    header = (folder / "logs" / "train.csv").read_text().splitlines()[0]
    assert header == "step,train/loss,train/displacement,train/force,learning_rate"


def test_configuration_is_plain_yaml(run_config):
    folder = start(run_config(trainer={"max_steps": 1}, task={"baselines": []}))
    assert yaml.safe_load((folder / "config.yaml").read_text())["task"]["inputs"] == ["stiffness", "damping"]
    assert isinstance(open_run(folder).pipeline(), Pipeline)


def test_gaussian_run_answers_a_standard_deviation_and_is_calibrated(run_config):
    folder = start(run_config(task={"head": "gaussian", "blocks": "family"}))
    manifest = load_bundle(folder / "bundle").manifest
    assert manifest.pipeline.head["name"] == "gaussian"
    assert manifest.calibration["displacement"].relative
    assert manifest.calibration["displacement"].blocks == 8  # each of the 8 validation records has its family
    assert "enough" not in json.loads((folder / "metrics.json").read_text())["intervals"]


def test_run_without_a_test_split_is_calibrated_too(run_config, make_store):
    store = make_store("few.zarr")
    labels = zarr.open_array(f"{store.url}/split", mode="r+")
    labels[:] = np.where(labels[:] == 2, 0, labels[:])
    folder = start(run_config(dataset=store.url))
    assert not (folder / "metrics.json").exists()
    assert load_bundle(folder / "bundle").manifest.calibration.keys() == {"displacement"}


def test_target_that_would_pass_for_a_deviation_is_refused(run_config):
    with pytest.raises(ConfigError, match="would pass for the standard deviation"):
        start(run_config(task={"targets": ["force", "force_standard_deviation"]}))


def test_quantile_run_answers_calibrated_intervals_and_their_quantiles(run_config, store):
    folder = start(run_config(task={"head": {"name": "quantiles"}, "blocks": "family"}))
    surrogate = surrogates.load(folder, device="cpu")
    out = surrogate.predict(store.dataset().isel(sample=slice(0, 6)), interval=0.5)
    assert out.displacement_quantile.dims == ("sample", "quantile", "time")
    assert out["quantile"].values.tolist() == [0.05, 0.25, 0.5, 0.75, 0.95]
    assert (out.displacement_quantile.diff("quantile") >= 0).all()
    assert (out.displacement_lower <= out.displacement).all()
    below, above = out.displacement - out.displacement_lower, out.displacement_upper - out.displacement
    wide = out.displacement_quantile.sel(quantile=0.95) - out.displacement
    narrow = out.displacement - out.displacement_quantile.sel(quantile=0.05)
    np.testing.assert_allclose(
        below * wide, above * narrow, rtol=1e-3, atol=1e-6
    )  # each side by its own reach
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    scores = {row["metric"]: row["value"] for row in rows if row["method"] == "mlp"}
    assert 0 < scores["coverage"] <= 1
    assert 0 < scores["crps"] < scores["mae"]


def test_weights_start_from_some_of_another_run_and_frozen_ones_stay(run_config):
    first = start(run_config())
    again = start(
        run_config(
            seed=1,
            init={"from": str(first), "only": ["layers.0.*"]},
            trainer={"freeze": ["layers.0.*"], "groups": {"layers.2.*": {"lr": 0.0}}, "max_steps": 4},
        )
    )
    one, two = (load_file(folder / "bundle" / "weights.safetensors") for folder in (first, again))
    assert torch.equal(one["network.layers.0.weight"], two["network.layers.0.weight"])
    assert not torch.equal(one["network.layers.2.weight"], two["network.layers.2.weight"])
    assert read_config(again)["init"] == {"from": str(first), "only": ["layers.0.*"]}
    fresh = start(run_config(seed=1, trainer={"max_steps": 1}))
    start_weights = load_file(fresh / "bundle" / "weights.safetensors")["network.layers.2.weight"]
    torch.testing.assert_close(two["network.layers.2.weight"], start_weights, rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainer": {"freeze": ["layer.0.*"]}}, r"trainer.freeze: .*Did you mean 'layers\.\*'"),
        ({"trainer": {"groups": {"layer.*": {"lr": 1.0}}}}, r"trainer.groups: .*Did you mean 'layers\.\*'"),
    ],
)
def test_a_pattern_that_no_weight_has_is_refused_before_any_work(run_config, changes, message):
    with pytest.raises(ConfigError, match=message):
        prepare(run_config(**changes))


def test_the_words_of_the_release_before_make_a_head_with_a_warning(run_config):
    with pytest.warns(FutureWarning, match="task.head={'name': 'gaussian', 'beta': 0.2}"):
        config = validate(
            RunConfig, run_config(task={"objective": {"name": "gaussian_nll", "beta": 0.2}}), "run"
        )
    assert (config.task.head, config.task.objective["name"]) == (
        {"name": "gaussian", "beta": 0.2},
        "regression",
    )


def test_a_stated_number_that_no_piece_reads_is_refused(run_config):
    with pytest.raises(ConfigError, match=r"task\.shared: no piece of the run reads 'frequency'\."):
        prepare(run_config(task={"shared": {"frequency": 1e9}}))
