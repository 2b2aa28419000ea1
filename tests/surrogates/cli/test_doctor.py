import importlib.util

import pytest
import torch

from surrogates.cli import doctor


def test_every_extra_is_reported(capsys):
    doctor.doctor()
    printed = capsys.readouterr().out
    assert "torch" in printed
    for extra in ("radio", "scale", "netcdf", "gpu"):
        assert f"[{extra}]" in printed


def test_missing_distribution_is_named_with_the_line_that_installs_it(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_installed", lambda name: name != "tensorstore")
    assert doctor.missing_by_extra("sciml-surrogates")["scale"] == ["tensorstore"]
    doctor.doctor()
    assert 'get it with: pip install "sciml-surrogates[scale]"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cuda", "fitting", "other"),
    [("12.8", "gpu", "gpu13"), ("13.0", "gpu13", "gpu"), (None, None, None), ("11.8", None, None)],
)
def test_cupy_is_offered_for_the_cuda_of_torch(monkeypatch, cuda, fitting, other):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    both = {"gpu": ["cupy-cuda12x"], "gpu13": ["cupy-cuda13x"]}
    monkeypatch.setattr(doctor, "missing_by_extra", lambda package: both)
    findings = {finding.name: finding for finding in doctor.findings()}
    assert findings["cupy"].remedy == (f'pip install "sciml-surrogates[{fitting}]"' if fitting else "")
    assert (f"CUDA {cuda}" if cuda else "torch has no CUDA") in findings["cupy"].found
    assert {f"[{extra}]" for extra in both if extra != other} <= set(findings)
    assert f"[{other}]" not in findings


def test_broken_part_becomes_a_finding(monkeypatch):
    def broken() -> doctor.Finding:
        raise RuntimeError("driver\nmismatch")

    monkeypatch.setattr(doctor, "_torch", broken)
    torch = next(finding for finding in doctor.findings() if finding.name == "torch")
    assert not torch.present
    assert torch.found == "RuntimeError: driver mismatch"
