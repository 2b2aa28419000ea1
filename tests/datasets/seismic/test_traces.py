"""SEG-Y files become the samples that were written, in every format, byte order and length."""

import struct
from pathlib import Path

import numpy as np
import pytest
import segyio

from datasets.factory.errors import BuildError
from datasets.seismic.sample_formats import decoded
from datasets.seismic.segy_keys import LayoutKeys
from datasets.seismic.traces import open_traces

WHOLE = np.array([[0, 1, -2, 100], [-128, 127, 5, 6]])
POSITIVE = np.abs(WHOLE)


def three_bytes(values: np.ndarray, order: str) -> bytes:
    words = values.astype(f"{order}i4").tobytes()
    skip = 1 if order == ">" else 0
    return b"".join(words[at + skip : at + skip + 3] for at in range(0, len(words), 4))


def write(path: Path, code: int, samples: list[bytes], order: str = ">", stated: int | None = None) -> Path:
    """Write traces of 4 samples each, given as bytes."""
    file = bytearray(b"C 1 ".ljust(3200) + bytes(400))
    struct.pack_into(f"{order}HH", file, 3216, 4000, 4000)
    struct.pack_into(f"{order}HHH", file, 3220, 4, 4, code if stated is None else stated)
    header = bytearray(240)
    struct.pack_into(f"{order}H", header, 114, 4)
    path.write_bytes(bytes(file) + b"".join(bytes(header) + trace for trace in samples))
    return path


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("code", "kind", "values"),
    [
        (2, "i4", WHOLE * 1_000_000),
        (3, "i2", WHOLE * 100),
        (5, "f4", WHOLE * 0.5),
        (6, "f8", WHOLE * 1e-7),
        (7, "", WHOLE * 65_000),
        (8, "i1", WHOLE),
        (9, "i8", WHOLE * 10**12),
        (10, "u4", POSITIVE * 33_000_000),
        (11, "u2", POSITIVE * 500),
        (12, "u8", POSITIVE * 10**12),
        (15, "", POSITIVE * 130_000),
        (16, "u1", POSITIVE),
    ],
)
def test_every_format_and_byte_order_is_read(
    tmp_path: Path, code: int, kind: str, values: np.ndarray, order: str
) -> None:
    samples = [
        trace.astype(order + kind).tobytes() if kind else three_bytes(trace, order) for trace in values
    ]
    traces = open_traces(write(tmp_path / "a.sgy", code, samples, order))
    assert (traces.order, traces.code, traces.samples) == (order, code, 4)
    np.testing.assert_array_equal(traces.amplitudes(np.array([1, 0])), values[::-1])


def test_ibm_floats_are_those_of_segyio(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32) * np.float32(10) ** np.arange(
        -14, 36
    )
    spec = segyio.spec()
    spec.format, spec.tracecount, spec.samples = 1, 4, np.arange(50)
    with segyio.create(str(tmp_path / "a.sgy"), spec) as file:
        for number, trace in enumerate(values.astype(np.float32)):
            file.trace[number] = trace
    found = open_traces(tmp_path / "a.sgy").amplitudes(np.arange(4))
    np.testing.assert_allclose(found, values, rtol=1e-6)
    with segyio.open(str(tmp_path / "a.sgy"), ignore_geometry=True) as file:
        np.testing.assert_allclose(found, file.trace.raw[:], rtol=1e-6)


def test_an_ibm_float_is_a_sign_a_power_of_16_and_a_fraction() -> None:
    words = np.array([0x42640000, 0xC276A000, 0x00000000, 0x41100000], np.uint32)
    np.testing.assert_array_equal(decoded(words, 1, ">"), [100.0, -118.625, 0.0, 1.0])


@pytest.mark.parametrize("order", [">", "<"])
def test_keys_state_format_and_byte_order(tmp_path: Path, order: str) -> None:
    path = write(
        tmp_path / "a.sgy", 5, [trace.astype(f"{order}f4").tobytes() for trace in WHOLE], order, stated=0
    )
    with pytest.raises(BuildError, match="format of samples 0 found"):
        open_traces(path)
    stated = {">": "big", "<": "little"}[order]
    for keys in (LayoutKeys(sample_format=5), LayoutKeys(sample_format=5, byte_order=stated)):
        np.testing.assert_array_equal(open_traces(path, keys).amplitudes(np.arange(2)), WHOLE)
    other = {">": "little", "<": "big"}[order]
    with pytest.raises(BuildError, match=f"in {other} byte order; if another format or order is right"):
        open_traces(path, LayoutKeys(sample_format=5, byte_order=other))


def test_a_byte_order_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.sgy", 8, [b"1234"])
    with pytest.raises(BuildError, match="2048 found in little byte order, 8 in the other one"):
        open_traces(path, LayoutKeys(byte_order="little"))


@pytest.mark.parametrize("order", [">", "<"])
def test_traces_of_seismic_unix_are_named(tmp_path: Path, order: str) -> None:
    header = bytearray(240)
    struct.pack_into(f"{order}ii", header, 0, 1, 1)
    struct.pack_into(f"{order}HH", header, 114, 900, 4000)
    (tmp_path / "a.su").write_bytes((bytes(header) + np.ones(900, f"{order}f4").tobytes()) * 3)
    with pytest.raises(BuildError, match="as Seismic Unix writes them; convert it with its `segyhdrs`"):
        open_traces(tmp_path / "a.su")


def test_long_traces_are_counted_without_a_sign(tmp_path: Path) -> None:
    path = write(tmp_path / "a.sgy", 8, [b""])
    content = bytearray(path.read_bytes() + bytes(40_000))
    struct.pack_into(">H", content, 3220, 40_000)
    struct.pack_into(">H", content, 3600 + 114, 40_000)
    path.write_bytes(content)
    assert open_traces(path).samples == 40_000


def test_traces_of_several_lengths_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.sgy", 8, [b"1234"])
    header = bytearray(240)
    struct.pack_into(">H", header, 114, 7)
    path.write_bytes(path.read_bytes() + header + b"1234567")
    with pytest.raises(BuildError, match="traces of 4 to 7 samples found, traces of one length expected"):
        open_traces(path)
