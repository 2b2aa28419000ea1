import pytest

from surrogates.cli import doctor


def test_every_extra_is_reported(capsys):
    doctor.doctor()
    printed = capsys.readouterr().out
    assert "torch" in printed
    for extra in ("radio", "scale", "netcdf", "gpu"):
        assert f"[{extra}]" in printed


def test_missing_distribution_is_named_with_the_line_that_installs_it(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_installed", lambda name: name != "tensorstore")
    assert doctor.missing_by_extra()["scale"] == ["tensorstore"]
    doctor.doctor()
    assert 'get it with: pip install "sciml-surrogates[scale]"' in capsys.readouterr().out


def test_broken_part_becomes_a_finding(monkeypatch):
    def broken() -> doctor.Finding:
        raise RuntimeError("driver\nmismatch")

    monkeypatch.setattr(doctor, "_torch", broken)
    torch = next(finding for finding in doctor.findings() if finding.name == "torch")
    assert not torch.present
    assert torch.found == "RuntimeError: driver mismatch"


def test_absent_sionna_names_the_radio_extra(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    finding = doctor._ray_tracing()
    assert not finding.present
    assert finding.remedy == 'pip install "sciml-surrogates[radio]"'


def test_unusable_llvm_is_told_with_its_reason(monkeypatch):
    from physics.raytracing import backend

    def refuse() -> None:
        raise backend.BackendError("LLVM 15 is too old")

    pytest.importorskip("sionna")
    monkeypatch.setattr(backend, "describe", refuse)
    assert doctor._ray_tracing() == doctor.Finding("ray tracing", False, "LLVM 15 is too old")
