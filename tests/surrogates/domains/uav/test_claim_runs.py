"""Data of the claims are made once; what their networks are given, and what the claims run."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from datasets.factory.build import build
from datasets.uav.px4_like import Px4Like
from surrogates.core.errors import ConfigError
from surrogates.domains.uav import claim_runs, moved_claims, published_claims
from surrogates.runs.claims import claim_rows

DATA = Path(os.environ.get("SURROGATES_UAV_DATA", "../shared/data/uav")).absolute()
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
    monkeypatch.setattr(claim_runs, "FLIGHTS", flights)
    return tmp_path


def test_missing_files_are_named_with_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_runs, "FILES", tmp_path)
    with pytest.raises(
        ConfigError, match=r"gazebo, which is not there; set SURROGATES_UAV_DATA to the folder"
    ):
        claim_runs.gazebo()


def test_a_network_takes_as_much_of_the_past_as_it_was_trained_on(
    tmp_path: Path, save_forecast: Callable[..., Path]
) -> None:
    save_forecast(tmp_path / "bundle", "absolute", "whitening", 20)
    network = claim_runs.network(tmp_path)
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
    monkeypatch.setattr(claim_runs, "FILES", DATA)
    values = published_claims.run_seed(0, [which])
    (claim,) = (claim for claim in published_claims.claims() if claim.ours == f"worst/{which}")
    row = {"experiment": claim.experiment.name, "seed": 0, "values": values, "seconds": 1.0, "commit": "a"}
    row["command"] = claim.experiment.command.format(seed=0)
    assert claim_rows([claim], [row])[0].holds
    (table,) = published_claims.tables([row])
    assert len(table.rows) == 1 + len(list((DATA / "weights").glob("*.pth")))


@pytest.mark.slow
def test_claims_on_velocities_run_from_the_simulator_to_the_numbers(place: Path) -> None:
    values = moved_claims.run_seed(0, QUICK[:2])
    for claim in moved_claims.claims():
        assert claim.ours in values
        assert claim.baseline in values
    assert values["change/velocity"] < 1e-5 < values["change/position"]
    assert values["here/constant_velocity/fde"] == pytest.approx(
        values["shifted/constant_velocity/fde"], abs=1e-4
    )
    assert values["faster/constant_velocity/fde"] == pytest.approx(
        1.5 * values["here/constant_velocity/fde"], rel=1e-4
    )
