"""What `surrogates doctor` says of ray tracing."""

from importlib.util import find_spec

import pytest

from surrogates.core.finding import Finding
from surrogates.domains.radio import check


def test_absent_sionna_names_the_radio_extra(monkeypatch):
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda name: None)
    finding = check.ray_tracing()
    assert not finding.present
    assert finding.remedy == 'pip install "sciml-surrogates[radio]"'


def test_unusable_llvm_is_told_with_its_reason(monkeypatch):
    from physics import backend

    def refuse() -> None:
        raise backend.BackendError("LLVM 15 is too old")

    if find_spec("sionna") is None:  # importorskip would import it before the backend is chosen
        pytest.skip("Sionna RT is not installed")
    monkeypatch.setattr(backend, "describe", refuse)
    assert check.ray_tracing() == Finding("ray tracing", False, "LLVM 15 is too old")
