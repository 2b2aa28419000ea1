"""Networks of seismic imaging in the trainer: both ways, with a critic, with complex weights."""

from collections import Counter

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split, VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.inference.surrogate import load
from surrogates.runs.train import prepare, resume, start
from surrogates.training.checkpoint import load_state
from tests.surrogates.domains.seismic.small import write_store

GATHER = VariableSpec(name="gather", dims=("sample", "shot", "time", "receiver"), shape=(2, 40, 16))
IMAGE = VariableSpec(name="image", dims=("sample", "depth", "lateral"), shape=(12, 16))
GRIDS = {"name": "stack", "grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]}
INVERSION = {"name": "inversion_net", "width": 2}
X_NET = {"name": "invertible_x_net", "latent": 8, "channels": [4, 8], "architecture": [1, 1]}
SPECTRAL = {"name": "fno", "width": 4, "modes": 4, "layers": 2, "padding": 2}
ADVERSARIAL = {
    "name": "seismic/wasserstein",
    "critic_steps": 3,
    "critic": {"name": "velocity_critic", "width": 2},
}
CYCLES = {"name": "seismic/translation", "cycle": {"gather": 1.0}, "warmup": 10, "unpaired": 0.5}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A finished store of 24 gathers and images that hang together."""
    url, rng = str(tmp_path_factory.mktemp("stores") / "images.zarr"), np.random.default_rng(0)
    images = rng.normal(size=(24, 12, 16))
    gathers = np.repeat(images.mean(1)[:, None, None], 2, 1).repeat(40, 2) + 0.1 * rng.normal(
        size=(24, 2, 40, 16)
    )
    found = create_store(
        url,
        [GATHER, IMAGE],
        records=24,
        record_dimension="sample",
        shared=xr.Dataset(),
        attributes={"title": "images", "recipe": "tests", "license": "CC0-1.0"},
        splits=[Split(labels=np.array([0, 0, 0, 0, 1, 2] * 4, np.int8), keeps_whole="none")],
        records_per_shard=24,
    )
    found.write_receipt(0, {"hashes": found.write_row(0, {"gather": gathers, "image": images})})
    found.consolidate()
    return open_store(url)


@pytest.fixture
def config(store, tmp_path):
    """Plain configuration of a short run."""

    def make(max_steps: int = 12, objective=None, model=None, both_ways: bool = False, **trainer) -> dict:
        return {
            "experiment": "images",
            "dataset": store.url,
            "task": {
                "inputs": ["gather"],
                "targets": ["image"],
                "transform": GRIDS,
                "objective": objective or ADVERSARIAL,
                "both_ways": both_ways,
                "baselines": [],
                "plots": [],
                "metrics": ["rmse"],
            },
            "model": model or INVERSION,
            "trainer": {
                "max_steps": max_steps,
                "batch_size": 4,
                "accelerator": "cpu",
                "progress": False,
                "validate_every": 5,
                "log_every": 3,
                **trainer,
            },
            "output": str(tmp_path / "runs"),
        }

    return make


def state(folder) -> dict:
    return load_state(folder / "checkpoints" / "last.ckpt")["module"]


def test_critic_learns_in_every_step_and_the_network_in_every_third(config) -> None:
    found = state(start(config(max_steps=7)))
    assert found["step"] == 7

    def steps(name: str) -> set[int]:
        return {int(each["step"]) for each in found[name]["state"].values()}

    assert steps("critic_optimiser") == {7}
    assert steps("optimiser") == {2}


@pytest.mark.parametrize(
    ("model", "objective", "both_ways"),
    [
        pytest.param(INVERSION, ADVERSARIAL, False, id="critic"),
        pytest.param(X_NET, CYCLES, True, id="both ways"),
        pytest.param(SPECTRAL, {"name": "seismic/translation"}, False, id="complex"),
    ],
)
def test_stopped_run_resumes_bit_identical(config, model, objective, both_ways) -> None:
    """Step 5 of 12 lies within an epoch, between two steps of the network, in the growth of the cycles."""
    chosen = {
        "model": model,
        "objective": objective,
        "both_ways": both_ways,
        "ema": 0.9,
        "gradient_clip": 1.0,
    }
    whole = state(start(config(max_steps=12, **chosen)))
    stopped = start(config(max_steps=5, **chosen))
    resume(stopped, changes={"trainer": {"max_steps": 12}})
    again = state(stopped)
    assert whole["step"] == again["step"] == 12
    for name in ("pipeline", "critic", "optimiser", "critic_optimiser", "average"):
        torch.testing.assert_close(again[name], whole[name], rtol=0, atol=0)


def test_one_run_answers_both_ways_from_its_bundle(config, store) -> None:
    surrogate = load(start(config(model=X_NET, objective={"name": "seismic/translation"}, both_ways=True)))
    records = store.dataset()[["gather", "image"]].load().isel(sample=slice(0, 3))
    assert surrogate.predict(records[["gather"]])["image"].dims == IMAGE.dims
    assert surrogate.predict(records[["image"]])["gather"].shape == (3, *GATHER.shape)


def test_curves_hold_the_critic(config) -> None:
    folder = start(config())
    head, *lines = (folder / "logs" / "train.csv").read_text().splitlines()
    for name in ("critic_loss", "wasserstein", "error", "critic_of_answers"):
        assert name in head
    assert len(lines) == 4


@pytest.mark.parametrize("precision", ["bf16"])
def test_half_precision_trains_both(config, precision: str) -> None:
    found = state(start(config(max_steps=6, precision=precision)))
    assert all(value.isfinite().all() for value in found["critic"].values())


def test_several_processes_are_refused_in_one_line(config) -> None:
    prepare(config())
    with pytest.raises(
        ConfigError, match=r"wasserstein' trains a critic, .*; take trainer\.devices=1[^\n]*$"
    ):
        prepare(config(devices=2))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"mask": "gather"}, "task.both_ways: task.mask tells the cells of one direction's targets"),
        ({"valid_min": {"image": 0.0}}, "task.both_ways: task.valid_min tells the cells"),
    ],
)
def test_cells_that_count_in_one_direction_are_refused(config, task: dict, message: str) -> None:
    given = config(model=X_NET, objective={"name": "seismic/translation"}, both_ways=True)
    prepare(given)
    given["task"] |= task
    with pytest.raises(ConfigError, match=message):
        prepare(given)


def test_baseline_that_knows_one_direction_is_refused_before_the_first_step(config, tmp_path) -> None:
    given = config(model=X_NET, objective={"name": "seismic/translation"}, both_ways=True)
    given["dataset"] = write_store(str(tmp_path / "gathers.zarr"), records=4)
    given["task"] |= {"inputs": ["shot_gather"], "targets": ["velocity_model"]}
    prepare(given)
    given["task"]["baselines"] = ["seismic/fwi"]
    with pytest.raises(ConfigError, match="'seismic/fwi': targets shot_gather from velocity_model found"):
        prepare(given)


def test_both_directions_are_compiled(config, monkeypatch) -> None:
    calls: Counter[str] = Counter()

    def noted(call, **_):
        def counted(*given):
            calls[type(call.__self__).__name__] += 1
            return call(*given)

        return counted

    monkeypatch.setattr(torch, "compile", noted)
    chosen = {"model": X_NET, "objective": {"name": "seismic/translation"}, "both_ways": True}
    start(config(max_steps=2, compile=True, **chosen))
    assert calls["InvertibleXNet"] >= 2
    assert calls["Reverse"] >= 2


def test_processes_share_a_network_of_which_one_direction_is_used(config) -> None:
    """The other direction's encoder and decoder get no gradient, which averaging has to know."""
    chosen = {"model": X_NET, "objective": {"name": "seismic/translation"}, "max_steps": 4}
    one, two = (state(start(config(**chosen, devices=devices)))["pipeline"] for devices in (1, 2))
    unused = [name for name in one if name.startswith(("network.out_encoder", "network.in_decoder"))]
    assert unused
    for name in unused:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=0)
    name = "network.out_decoder.0.weight"
    fresh = prepare(config(**chosen))[1].state_dict()
    assert not torch.equal(two[name], fresh[name])
