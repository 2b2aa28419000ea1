"""What the claims on flights run: networks on the windows that they know, published tracks, leaky windows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.claims import files, runs
from benchmarks.claims.claim import claim_rows
from benchmarks.claims.uav import flights as data
from benchmarks.claims.uav import held_out, moved, networks, published
from benchmarks.claims.uav.windows import scattered
from datasets.factory.build import build
from datasets.store.layout import open_store
from datasets.uav.px4_like import Px4Like
from surrogates.data.index import SUBSETS, windows_inside
from surrogates.data.window import Window

DATA = files.folder("uav").absolute()
QUICK = ("trainer.max_steps=2", "trainer.batch_size=16", "task.window.stride=40", "model.width=8")
needs_files = pytest.mark.skipif(
    not (DATA / "weights").is_dir(), reason=f"no published flights in {DATA}; set SURROGATES_UAV_DATA"
)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few and short simulated flights."""
    url = tmp_path_factory.mktemp("flights") / "flights.zarr"
    recipe = Px4Like.make({"trajectories": 30, "shortest": 4.0, "longest": 5.0})
    build(recipe, str(url), workers=0, progress=False)
    return url


@pytest.fixture
def place(tmp_path: Path, flights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, where the flights are known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "flights", lambda: flights)
    return tmp_path


def test_a_network_takes_as_much_of_the_past_as_it_was_trained_on(
    tmp_path: Path, save_forecast: Callable[..., Path]
) -> None:
    save_forecast(tmp_path / "bundle", "absolute", "whitening", 20)
    network = data.network(tmp_path)
    past = torch.randn(3, 21, 3, generator=torch.Generator().manual_seed(0))
    whole, last = (network({"position": given}, torch.Generator()) for given in (past, past[:, 1:]))
    assert torch.equal(whole["position_forecast"], last["position_forecast"])


@needs_files
@pytest.mark.parametrize(
    "which", ["eights", *(pytest.param(name, marks=pytest.mark.slow) for name in ("circles", "synthetic"))]
)
def test_published_tracks_give_their_noted_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURROGATES_UAV_DATA", str(DATA))
    values = published.run_seed(0, [which])
    (claim,) = (claim for claim in published.claims() if claim.ours == f"worst/{which}")
    row = {"command": claim.experiment.command(0), "values": values, "seconds": 1.0, "commit": "a"}
    assert claim_rows([claim], [row])[0].holds
    (table,) = published.tables([values])
    assert len(table.rows) == 1 + len(list((DATA / "weights").glob("*.pth")))


@pytest.mark.slow
def test_claims_on_velocities_run_from_the_simulator_to_the_numbers(place: Path) -> None:
    values = moved.run_seed(0, QUICK[:2])
    for claim in moved.claims():
        assert claim.ours in values
        assert claim.baseline in values
    assert values["change/velocity"] < 1e-5 < values["change/position"]
    assert values["here/constant_velocity/fde"] == pytest.approx(
        values["shifted/constant_velocity/fde"], abs=1e-4
    )
    assert values["faster/constant_velocity/fde"] == pytest.approx(
        1.5 * values["here/constant_velocity/fde"], rel=1e-4
    )


@pytest.mark.slow
@needs_files
def test_claims_on_held_out_flights_run_from_the_simulator_to_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURROGATES_UAV_DATA", str(DATA))
    monkeypatch.setattr(data, "WIDE", data.WIDE | {"trajectories": 150, "shortest": 4.0, "longest": 4.5})
    monkeypatch.setattr(data, "ON_WIDE", ())
    monkeypatch.setattr(held_out, "LEVELS", (0.68,))  # so few flights do not suffice for 95 %
    values = held_out.run_seed(0, QUICK)
    for claim in held_out.claims():
        assert claim.ours in values
        assert claim.baseline in values
    for held in held_out.TITLES:
        best = min(values[f"{held}/{name}/fde"] for name in held_out.REFERENCES)
        assert values[f"best/{held}"] == best


def test_leaky_windows_are_those_of_all_flights_whatever_their_split(place: Path, flights: Path) -> None:
    store = open_store(networks.leaky_windows(3))
    whole = open_store(str(flights))
    records, starts = windows_inside(whole, np.arange(whole.records), Window(21, 5, 10, "time"))
    positions, held = whole.dataset()["position"].values, store.dataset()
    expected = np.stack([positions[r, s : s + 31] for r, s in zip(records, starts, strict=True)])
    np.testing.assert_array_equal(held["position"].values, expected)
    np.testing.assert_array_equal(held["family"].values, whole.dataset()["family"].values[records])
    tested = store.split("split") == SUBSETS["test"]
    assert len(set(records[tested])) > len(set(records[whole.split("split")[records] == SUBSETS["test"]]))
    common = tested & (whole.split("split")[records] == SUBSETS["test"])
    assert common.any()
    np.testing.assert_array_equal(store.split("split_common") == SUBSETS["test"], common)


def test_windows_are_drawn_by_eight_one_and_one_tenth(flights: Path) -> None:
    labels = scattered(103, seed=3)
    assert np.bincount(labels).tolist() == [82, 11, 10]
    assert (labels != scattered(103, seed=4)).any()


def test_a_leaky_network_learns_from_the_same_windows_as_it_would_from_whole_flights(
    place: Path, flights: Path
) -> None:
    words = moved.scoring(f"dataset={networks.leaky_windows(0)}")
    on = runs.open_experiment(words)
    found = runs.scored(on.build_baselines(), on, "{method}/{metric}")
    windows = sum(len(on.data.index(subset)) for subset in SUBSETS)
    records, _ = windows_inside(open_store(str(flights)), np.arange(30), Window(21, 5, 10, "time"))
    assert windows == len(records)
    assert 0 < found["constant_velocity/ade"] < found["constant_velocity/fde"]
