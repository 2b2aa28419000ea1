"""The claims on networks on small channels, with methods in place of networks whose scores are known."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch

from benchmarks.claims import runs
from benchmarks.claims.claim import claim_rows
from benchmarks.claims.csi import links, networks, training
from datasets.factory.build import build
from datasets.factory.recipe import Recipe
from surrogates.core.build import build as build_piece
from surrogates.data.batch import Batch
from surrogates.domains.csi.baselines.autoregression import RIDGE, prony
from surrogates.runs.compose import read

pytest.importorskip("physics.channels.tr38901")
HORIZON = 4


def prediction(name: str, past: torch.Tensor) -> torch.Tensor:
    """Prony's method for CSI-4CAST, no prediction for the RNN, zeros for the CNN."""
    last = past[:, :, -1:].repeat_interleave(HORIZON, 2)
    if name.startswith("csi4cast"):
        return prony(past.to(torch.complex128), 4, RIDGE, HORIZON).to(past)
    return last if name == "rnn" else torch.zeros_like(last)


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, float]]:
    folder = tmp_path_factory.mktemp("claims")

    def stored(recipe: Recipe, name: str) -> Path:
        build(recipe, str(folder / f"{name}.zarr"), workers=0, progress=False)
        return folder / f"{name}.zarr"

    def network(run: Path) -> object:
        name, duplex = run.name.split("@")
        target = {"TDD": "uplink_future", "FDD": "downlink_future"}[duplex]
        return lambda inputs, rng: _answer(target, prediction(name, inputs["uplink_history"]))

    with pytest.MonkeyPatch.context() as patch:
        tiny = {"downlink_subcarriers": 12, "uplink_subcarriers": 12}
        patch.setattr(training, "SMALL", training.SMALL | tiny)
        patch.setattr(training, "SEEN_MODELS", ("C", "D"))
        patch.setattr(training, "SEEN_SPEEDS", (1.0, 10.0))
        patch.setattr(training, "EACH", {"samples_per_scenario": 44})
        patch.setattr(training, "FEW", {"samples_per_scenario": 11})
        patch.setattr(training, "UNSEEN", {"models": {"models": ("B",)}, "speeds": {"speeds": (3.0, 18.0)}})
        patch.setattr(training, "final_runs", lambda keys, _: [Path(f"{name}@{d}") for name, d in keys])
        patch.setattr(runs, "stored", stored)
        patch.setattr(runs, "network", network)
        patch.setattr(runs, "parameters", lambda run: float(len(run.name)))
        patch.setattr(networks, "AWGN", (("awgn", 0.0), ("awgn", 25.0)))
        patch.setattr(networks, "DISTURBED", (("phase", 10.0), ("burst", 10.0), ("packet_drop", 0.1)))
        yield networks.run_seed(0)


def _answer(target: str, ahead: torch.Tensor) -> Batch:
    return {target: ahead}


@pytest.mark.slow  # small stores of every set, and a link
def test_every_number_of_claims_and_tables_is_there(values: Mapping[str, float]) -> None:
    claims = networks.claims()
    commands = claims[0].experiment.commands
    seeds = [{"command": each, "values": values, "seconds": 1.0, "commit": "a"} for each in commands]
    assert len(claim_rows(claims, seeds)) == len(claims)
    tables = networks.tables([values])
    assert len(tables) == 7
    assert {len(row) for table in tables for row in table.rows if len(table.header) != len(row)} == set()
    assert "-" not in [text for row in tables[-1].rows for text in row]


@pytest.mark.slow  # as above
@pytest.mark.parametrize("duplex", ["TDD", "FDD"])
def test_numbers_are_those_of_the_methods(values: Mapping[str, float], duplex: str) -> None:
    found = {n.removeprefix(f"{duplex}/"): v for n, v in values.items() if n.startswith(duplex)}
    sets = ("awgn", *networks.NOISES, "noisy", "unseen/awgn", "unseen models")
    for name in sets:
        assert found[f"{name}/cnn_autoencoder/nmse"] == pytest.approx(1.0)
        assert found[f"{name}/cnn_autoencoder/spectral_efficiency"] == 0.0
        for score in ("nmse", "won", "rank"):
            assert found[f"{name}/rnn/{score}"] == found[f"{name}/persistence/{score}"]
        won = [v for n, v in found.items() if n.startswith(f"{name}/") and n.endswith("/won")]
        assert sum(won) == pytest.approx(1.0)
    assert found["noisy/rnn/nmse"] == pytest.approx(
        sum(found[f"{noise}/rnn/nmse"] for noise in networks.NOISES) / 3
    )
    assert found["unseen/awgn/rnn/nmse"] == pytest.approx(
        (found["unseen models/rnn/nmse"] + 2 * found["unseen speeds/rnn/nmse"]) / 3
    )
    assert found["flops/cnn_autoencoder"] == 0 < found["flops/csi4cast"]


@pytest.mark.slow  # as above
@pytest.mark.parametrize("duplex", ["TDD", "FDD"])
def test_discs_are_judged_by_the_worst_degree_of_each_noise_and_in_each_unseen_set(
    values: Mapping[str, float], duplex: str
) -> None:
    found = {n.removeprefix(f"{duplex}/"): v for n, v in values.items() if n.startswith(duplex)}
    off = {n.removeprefix("coverage_off/"): v for n, v in found.items() if n.startswith("coverage_off/")}
    assert set(off) == {"undisturbed", "awgn", *networks.NOISES, "unseen models", "unseen speeds"}
    for name in ("undisturbed", "unseen models", "unseen speeds"):
        assert off[name] == abs(found[f"coverage/{name}"] - 0.9)
    assert off["awgn"] == max(abs(found[f"coverage/awgn {snr}"] - 0.9) for snr in (0, 25))
    assert off["awgn"] > off["undisturbed"]


@pytest.mark.slow  # small stores of every set, and a link
def test_more_noise_leaves_fewer_values_inside_their_discs(values: Mapping[str, float]) -> None:
    held = [values[f"TDD/coverage/{each}"] for each in ("awgn 0", "undisturbed", "awgn 25")]
    assert held == sorted(held) and held[0] < held[2]


@pytest.mark.slow  # small stores of every set, and a link
def test_what_is_known_of_a_channel_is_worth_something_on_the_link(values: Mapping[str, float]) -> None:
    carried, wrong = (
        [values[f"TDD/link/zero_forcing/{belief}/{score}"] for belief in links.BELIEFS]
        for score in ("throughput", "bit_error_rate")
    )
    assert carried == sorted(carried, reverse=True) and carried[0] > carried[2]
    assert wrong == sorted(wrong)


def test_users_of_a_drop_are_records_far_apart() -> None:
    channels = torch.arange(5.0)[:, None, None, None] + torch.zeros(5, 2, 4, 3)
    found = links.drops(channels)
    assert found.shape == (2, 2, 2, 12)
    assert found[..., 0, 0].tolist() == [[0.0, 2.0], [1.0, 3.0]]


def test_networks_have_about_the_same_number_of_parameters() -> None:
    counts = []
    for network in training.NETWORKS:
        node = read([*training.overrides(network, "TDD"), "dataset=a.zarr"])["model"]
        made = build_piece("models", node, in_channels=32, out_channels=8, in_shape=(48,), out_shape=(48,))
        counts.append(sum(each.numel() for each in made.parameters()))
    assert max(counts) < 1.06 * min(counts)
