"""Every benchmark runs through, quickly, and its rows agree with themselves."""

from importlib import import_module
from math import isfinite
from pathlib import Path

import pytest
import torch

from benchmarks import speed
from benchmarks.speed.rows import Row
from surrogates.cli.bench import benchmarks

NAMES = [name for name in benchmarks(Path(speed.__file__).parent) if name != "gpu"]
"""Without `gpu`, which has a test of its own: here is no device."""
NOTES = {
    "acoustics": ("in a rigid room", "forward, backward and AdamW"),
    "acoustics_fdtd": ("both fields agree to", "28 x 28 x 28 cells"),
    "build": ("4 maps of etoile", "12 samples against 8"),
    "csi": ("normalised frequency responses", "120 records are", "one record of 8 antennas"),
    "io": ("bit-identical",),
    "remote": ("bit-identical",),
    "predict": ("no trained run in", "keeps one core busy"),
    "scale": ("8 units of 10 ms", "its share of the start included"),
    "seismic": ("latent_unet of the size tiny", "of the wall time lies in the solver"),
    "uav": ("88,323 parameters, 20 velocities in, 10 out, one thread", "flights of 1 to 1.5 s take"),
}
"""What notes have to say, by benchmark."""


def test_all_benchmarks_are_found() -> None:
    domains = ["acoustics", "acoustics_fdtd", "csi", "radio", "radio3d", "seismic", "uav"]
    spine = ["build", "io", "predict", "remote", "scale", "startup", "train"]
    assert sorted([*domains, *spine]) == NAMES


def meets(ratio: float, target: str) -> bool:
    sign, _, bound = target.partition(" ")
    assert sign in ("<=", ">=")
    return ratio <= float(bound) if sign == "<=" else ratio >= float(bound)


def require_sound(row: Row) -> None:
    """One pair of measurements is behind each row of a quick run, so that its ratio is theirs."""
    assert row.name and row.unit and row.reference_name
    assert isfinite(row.ours) and row.ours >= 0 and isfinite(row.reference) and row.reference > 0
    costs = row.ours / row.reference
    ratios = {"<=": [costs], ">=": [1 / costs if costs else costs]}
    allowed = ratios.get(row.target[:2], ratios["<="] + ratios[">="])
    assert any(row.ratio == pytest.approx(ratio) for ratio in allowed)
    assert row.holds is (meets(row.ratio, row.target) if row.target else None)


SLOW = {"remote": pytest.mark.slow}  # starts an S3 server and two readers


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in NAMES])
def test_a_quick_run_gives_sound_rows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "uav":
        pytest.importorskip("rotorpy", reason="RotorPy is the reference")
    monkeypatch.chdir(tmp_path)  # no trained runs, no real files
    monkeypatch.setenv("SURROGATES_RADIO_DATA", str(tmp_path))
    threads = torch.get_num_threads()
    rows = import_module(f"benchmarks.speed.{name}").run(quick=True)
    for row in rows:
        require_sound(row)
    assert any(row.target for row in rows)
    assert len({(row.name, row.reference_name) for row in rows}) == len(rows)
    for words in NOTES.get(name, ()):
        assert any(words in row.note for row in rows)
    assert torch.get_num_threads() == threads
