"""The experiment `acoustics/deeponet`: from a room to a page that plays, and to responses."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import surrogates
from datasets.acoustics.rooms import Rooms
from datasets.factory.build import build
from physics.waves.rooms.air import AIR
from surrogates.runs.compose import main
from tests.physics.waves.rooms.examples import SHARED, published
from tests.surrogates.report.test_sounds import played

SMALL_ROOM = {
    "source_grid": 3,
    "validation_sources": 2,
    "test_sources": ((0.8, 1.1), (1.2, 0.9)),
    "extrapolation_sources": 0,
    "receivers": ((1.6, 0.5), (0.4, 1.5)),
    "points": 500,
    "fields": "none",
}


def trained(folder: Path, room: dict[str, Any], *words: str) -> Path:
    """Build a store of a room, train the experiment on it, and return the run."""
    store = str(folder / "room.zarr")
    build(Rooms.make(room), store, workers=0, progress=False)
    short = ["trainer.progress=false", f"dataset={store}", f"output={folder / 'runs'}"]
    (run,) = main(["experiment=acoustics/deeponet", *words, *short])
    return run


def test_a_run_plays_what_receivers_hear_beside_the_reference(tmp_path: Path) -> None:
    small = ["model.width=16", "model.depth=2", "model.products=8", "trainer.batch_size=9"]
    steps = ["trainer.max_steps=2", "trainer.validate_every=2", "trainer.schedule.warmup=1"]
    few = ["task.augmentations=[{name: draw_points, count: 100}]", "task.baselines=[]"]
    run = trained(tmp_path, SMALL_ROOM, "size=tiny", *small, *steps, *few)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Responses at receivers" in page
    sounds = re.findall(r'aria-label="([^"]+)" src="([^"]+)"', page)
    first = "50 to 400 Hz, heard at (1.61, 0.536) m"
    assert [name for name, _ in sounds[:2]] == [f"{first}, reference", f"{first}, deeponet"]
    assert len(sounds) == 4
    for _, uri in sounds:
        samples, rate = played(uri)
        assert 1.4 * rate < len(samples) < 1.6 * rate and np.abs(samples).max() > 1e-3
    # The page and the verb ask the same network: its response is the one that was played.
    response = surrogates.load(run).acoustics.impulse_response([0.8, 1.1], [1.6, 0.5])
    assert np.isfinite(response).all() and response.sizes["time"] == 20


@published
@pytest.mark.slow
def test_the_published_bedroom_at_500_hz_from_its_mesh_to_a_response(tmp_path: Path) -> None:
    """A few hundred steps: the response is no good one, but it begins when sound can have come."""
    bedroom = {
        "mesh": str(SHARED / "bedroom_1000hz.msh"),
        "walls": {"all": str(SHARED / "freq_dep_lr.dat")},
        "highest_frequency": 500.0,
        "cells_per_wavelength": 6,
        "duration": 0.012,
        "time_samples": None,
        "source_grid": 2,
        "validation_sources": 4,
        "extrapolation_sources": 0,
        "receivers": ((0.5, 1.7, 0.5), (1.0, 1.7, 1.0)),
        "points": 6000,
        "fields": "none",
    }
    steps = ["trainer.max_steps=400", "trainer.validate_every=200", "trainer.batch_size=8"]
    nearest = "task.baselines=[{name: nearest_record, parameters: [source_position]}]"
    run = trained(tmp_path, bedroom, "size=tiny_cube", *steps, nearest)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "62.5 to 500 Hz, heard at (0.5" in page and page.count("<audio") == 4
    source, receivers = [1.4, 1.1, 1.2], [[3.4, 1.8, 1.9], [1.7, 1.1, 1.2]]
    far, near = surrogates.load(run).acoustics.impulse_response(source, receivers)
    assert near.attrs["units"] == "Pa" and np.isfinite(near).all()
    silent = far.time < np.linalg.norm(np.subtract(receivers[0], source)) / AIR.speed - 0.003
    # Eight sources teach little, but not to answer everywhere what is heard near one of them.
    assert np.abs(far[silent]).max() < 0.5 * np.abs(near).max()
