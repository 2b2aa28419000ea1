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


def test_broken_part_becomes_a_finding(monkeypatch):
    def broken() -> doctor.Finding:
        raise RuntimeError("driver\nmismatch")

    monkeypatch.setattr(doctor, "_torch", broken)
    torch = next(finding for finding in doctor.findings() if finding.name == "torch")
    assert not torch.present
    assert torch.found == "RuntimeError: driver mismatch"
