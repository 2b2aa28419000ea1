"""The experiment of CSI-4CAST: published sizes, and other networks in its place."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from datasets.factory.build import build as build_store
from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.inference.bundle import load_bundle
from surrogates.learning.selection import freeze
from surrogates.nn.gpt2 import GPT2, TRANSPOSED
from surrogates.runs.compose import main, read
from surrogates.training.checkpoint import load_state
from tests.pieces.csi import SmallUnits


def network(points: int, *words: str) -> nn.Module:
    values: dict[str, Any] = read(["experiment=csi/csi4cast", "dataset=a.zarr", *words])
    facts = {"in_channels": 32, "out_channels": 8, "in_shape": (points,), "out_shape": (points,)}
    with torch.device("meta"):
        return build("models", values["model"], **facts)


@pytest.mark.parametrize(
    ("size", "model", "weights"),
    [
        ("paper", "csi4cast", 21_913_750),
        ("paper_fdd", "csi4cast", 38_636_286),
        ("paper_rnn", "rnn", 156_312_304),
        ("paper_rnn_fdd", "rnn", 48_980_720),
        ("paper_cnn", "cnn_autoencoder", 197_134),
        ("paper_stem_gnn", "stem_gnn", 2_344_484),
        ("paper_stem_gnn_fdd", "stem_gnn", 5_753_508),
        ("paper_llm4cp", "llm4cp", 144_140_376),
        ("paper_llm4cp_fdd", "llm4cp", 92_001_880),
    ],
)
def test_paper_has_the_published_number_of_weights(size: str, model: str, weights: int) -> None:
    task = "downlink" if size.endswith("_fdd") else "uplink"
    made = network(300, f"size={size}", f"model={model}", f"task=csi/{task}")
    assert sum(each.numel() for each in made.parameters()) == weights


@pytest.mark.parametrize(("size", "weights"), [("paper_llm4cp", 4_532_312), ("paper_llm4cp_fdd", 3_810_904)])
def test_paper_trains_as_many_weights_of_llm4cp_as_published(size: str, weights: int) -> None:
    """The published number counts two layers as trained that are never asked."""
    values = read(["experiment=csi/csi4cast", "dataset=a.zarr", f"size={size}"])
    made = network(300, f"size={size}")
    freeze(made, values["trainer"]["freeze"])
    idle = [*made.idle_patch.parameters(), *made.tokens.calendar.parameters()]
    trained = [each for each in made.parameters() if each.requires_grad]
    assert sum(each.numel() for each in (*trained, *idle)) == weights


def test_paper_lowers_its_rate_as_published() -> None:
    sizes = ["paper", "paper_fdd", "paper_rnn", "paper_cnn", "paper_stem_gnn", "paper_llm4cp"]
    found = [read(["experiment=csi/csi4cast", "dataset=a.zarr", f"size={s}"])["trainer"] for s in sizes]
    for trainer in found:
        assert trainer["optimiser"] == {"name": "adam", "lr": 0.0005, "weight_decay": 0.0001}
        schedule = build("schedules", trainer["schedule"], steps=1)
        for _ in range(12):  # the first loss, ten without progress that do not count, one that does
            assert schedule(0) == 1.0
            schedule.observe(1.0)
        assert schedule(0) == pytest.approx(0.1)
        for _ in range(200):
            schedule.observe(1.0)
        assert trainer["optimiser"]["lr"] * schedule(0) == pytest.approx(1e-6)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = str(tmp_path_factory.mktemp("data") / "csi.zarr")
    build_store(
        SmallUnits.make({"samples_per_scenario": 20, "held_out_models": ()}), url, workers=0, progress=False
    )
    return url


def test_llm4cp_begins_with_gpt2s_weights_from_a_file(store: str, tmp_path: Path) -> None:
    gpt2 = GPT2(64, 2, 4, 64).state_dict()
    weights = {name: (w.T if name.endswith(TRANSPOSED) else w).contiguous() for name, w in gpt2.items()}
    save_file(weights, tmp_path / "model.safetensors")
    given = ["experiment=csi/csi4cast", "size=tiny", "model=llm4cp", f"dataset={store}"]
    given += ["model.patch=2", "task.baselines=[]", f"init={tmp_path}/model.safetensors"]
    frozen = ["trainer.freeze=[gpt2.*]", "trainer.max_steps=2", "trainer.ema=null", "task.plots=[]"]
    quiet = [
        "trainer.validate_every=2",
        "trainer.progress=false",
        f"output={tmp_path}/runs",
        "task.conditions=[]",
    ]
    (run,) = main([*given, *frozen, *quiet])
    made = load_bundle(run / "bundle").pipeline
    for name, weight in gpt2.items():
        torch.testing.assert_close(made.network.gpt2.get_parameter(name).detach(), weight, rtol=0, atol=0)
    assert load_state(run / "checkpoints" / "last.ckpt")["module"]["step"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["model=llm4cp", "model.patch=2", "init=FILE.bin"],
            r"FILE.bin is no intact safetensors file .*pickles",
        ),
        (["init=FILE.bin"], "FILE.bin is a file, and the model 'csi4cast' reads no weights from files"),
        (
            ["model=llm4cp", "model.patch=2", "init={from: FILE.bin, only: [gpt2.*]}"],
            "init.only chooses among the weights of a run or a bundle",
        ),
    ],
)
def test_weights_of_a_file_that_do_not_fit_are_refused_in_one_line(
    store: str, tmp_path: Path, words: list[str], message: str
) -> None:
    torch.save({"wpe.weight": torch.zeros(2, 2)}, tmp_path / "FILE.bin")
    given = [word.replace("FILE", f"{tmp_path}/FILE") for word in words]
    with pytest.raises(ConfigError, match=rf"^[^\n]*{message}[^\n]*$"):
        main(["experiment=csi/csi4cast", "size=tiny", f"dataset={store}", *given])


@pytest.mark.parametrize("name", ["rnn", "cnn_autoencoder", "stem_gnn", "llm4cp"])
def test_tiny_takes_another_network_by_its_name(name: str) -> None:
    made = network(48, "size=tiny", f"model={name}").to_empty(device="cpu").eval()
    assert type(made).__name__.lower() == name.replace("_", "")
    assert made(torch.zeros(2, 32, 48)).shape == (2, 8, 48)
