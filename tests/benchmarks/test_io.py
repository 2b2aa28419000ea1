import pytest

from benchmarks import io


def test_every_reader_reads_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(io, "SIDE", 16)
    rows = io.run(quick=True)
    assert {row.note for row in rows} == {"bit-identical"}
    assert [row.target for row in rows if row.reference_name.startswith("zarr")] == [">= 8", "", ">= 3"]
