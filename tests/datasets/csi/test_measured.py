"""Logs of CSI tools give the numbers that were written into them; what does not fit is counted or refused."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import csiread
import numpy as np
import pytest
import xarray as xr

from datasets.csi.intel5300 import GROUPS
from datasets.csi.measured import MeasuredCSI
from datasets.csi.packets import clock
from datasets.factory.build import build
from datasets.factory.errors import BuildError
from tests.datasets.cards import fields
from tests.datasets.csi.logs import atheros_frame, esp32_line, integers, intel_frame, write

REAL = Path(os.environ.get("SURROGATES_CSI_DATA", "../shared/data/csi"))


def recipe(folder: Path, **keys: Any) -> MeasuredCSI:
    made = MeasuredCSI.make({"folder": str(folder), "most_left_out": 1.0, **keys})
    made.prepare()
    return made


def arrays(made: MeasuredCSI) -> dict[str, np.ndarray]:
    return made.simulate(np.arange(made.records()), [])


def counts(made: MeasuredCSI) -> dict[str, int]:
    (found,) = made.left_out()
    return found.counts()


def intel(folder: Path, count: int = 4, receive: int = 3, transmit: int = 2, **keys: Any) -> np.ndarray:
    """Write a log, and return its channels, (packet, receive, transmit, subcarrier)."""
    csi = integers(count, 30, receive, transmit)
    write(folder / "a.dat", [intel_frame(each, 1000 * n, **keys) for n, each in enumerate(csi)])
    return csi.transpose(0, 2, 3, 1)


def atheros(folder: Path, count: int = 4, tones: int = 56, receive: int = 3, transmit: int = 2, **keys: Any):
    csi = integers(count, tones, receive, transmit, bits=10)
    write(folder / "a.dat", [atheros_frame(each, 1000 * n, **keys) for n, each in enumerate(csi)])
    return csi.transpose(0, 2, 3, 1)


def esp32(folder: Path, count: int = 4, pairs: int = 64, **keys: Any) -> np.ndarray:
    csi = integers(count, pairs, 1, 1)[:, :, 0, 0]
    lines = [esp32_line(each, 1000 * n, **keys) for n, each in enumerate(csi)]
    (folder / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return csi


# The fields of the card, each with an example.


def intel_frames(folder: Path) -> None:
    csi = intel(folder)
    np.testing.assert_array_equal(arrays(recipe(folder, scaled=False))["channel_frequency_response"], csi)


def with_frame(content: bytes, cause: str) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        intel(folder)
        path = folder / "a.dat"
        path.write_bytes(path.read_bytes() + content)
        made = recipe(folder)
        assert counts(made) == {"total": 5, cause: 1}
        assert made.records() == 4

    return check


def intel_without_length(folder: Path) -> None:
    intel(folder)
    path = folder / "a.dat"
    path.write_bytes(path.read_bytes() + bytes(5))
    with pytest.raises(BuildError, match=r"a\.dat has a frame without a length at byte \d+"):
        recipe(folder)


def wrapping(folder: Path) -> None:
    frame = integers(4, 30, 1, 1)
    stamps = [(1 << 32) - 3000, (1 << 32) - 1000, 500, 4500]
    write(folder / "a.dat", [intel_frame(each, stamp) for each, stamp in zip(frame, stamps, strict=True)])
    np.testing.assert_allclose(arrays(recipe(folder))["packet_time"], [0, 0.002, 0.0035, 0.0075])


def intel_contradictions(folder: Path) -> None:
    frame = bytearray(intel_frame(integers(1, 30, 2, 1)[0], 0))
    for where, value in ((11, 200), (12, 0), (12, 3), (19, 1), (18, 0b00111111)):
        bad = frame.copy()
        bad[where] = value
        (folder / "a.dat").write_bytes(bytes(frame + bad))
        assert counts(recipe(folder)) == {
            "total": 2,
            "whose lengths or antennas contradict each other": 1,
        }


def antenna_order(folder: Path) -> None:
    csi = intel(folder, order=(2, 0, 1), rssi=(30, 40, 50))
    made = arrays(recipe(folder, scaled=False))
    np.testing.assert_array_equal(made["channel_frequency_response"][:, [2, 0, 1]], csi)
    one = folder / "one"
    one.mkdir()
    single = intel(one, receive=1, transmit=1, order=(2,), rssi=(0, 0, 50), gain=30)
    found = arrays(recipe(one, scaled=False))
    np.testing.assert_array_equal(found["channel_frequency_response"], single)
    np.testing.assert_array_equal(found["rssi"], np.full((4, 1), 50 - 44 - 30))


def intel_strengths(folder: Path) -> None:
    intel(folder, rssi=(30, 0, 50), gain=25, noise=-127)
    found = arrays(recipe(folder))
    np.testing.assert_array_equal(found["rssi"][0], [30 - 44 - 25, np.nan, 50 - 44 - 25])
    assert np.isnan(found["noise_floor"]).all()


def intel_noise(folder: Path) -> None:
    intel(folder, noise=-88, gain=31)
    found = arrays(recipe(folder))
    assert set(found["noise_floor"]) == {-88}
    assert set(found["automatic_gain"]) == {31}


def intel_width(folder: Path) -> None:
    for rate, width in ((0x104, 20), (0x904, 40)):
        intel(folder, rate=rate)
        found = recipe(folder).shared()["subcarrier"].to_numpy() / 312.5e3
        np.testing.assert_array_equal(found, GROUPS[width])
    np.testing.assert_array_equal(GROUPS[20], csiread.scidx(20, 2))
    np.testing.assert_array_equal(GROUPS[40], csiread.scidx(40, 4))


def intel_scale(folder: Path) -> None:
    """Total strength over thermal and quantisation noise, by the formula of get_scaled_csi.m."""
    csi = intel(folder, transmit=1, rssi=(30, 35, 40), gain=30, noise=-90)
    found = recipe(folder)
    strength = sum(10 ** (rssi / 10) for rssi in (30, 35, 40)) * 10 ** (-(44 + 30) / 10)
    power = (np.abs(csi) ** 2).sum((1, 2, 3)) / 30
    scale = strength / power
    noise = 10 ** (-90 / 10) + scale * 3
    expected = csi * np.sqrt(scale / noise)[:, None, None, None]
    np.testing.assert_allclose(arrays(found)["channel_frequency_response"], expected, rtol=1e-6)
    assert "signal to noise" in found.specs()[0].attributes["scaling"]
    sound = integers(1, 30, 3, 1)[0]
    write(folder / "b.dat", [intel_frame(0 * sound, 0), intel_frame(sound, 1, rssi=(0, 0, 0))])
    assert counts(recipe(folder)) == {"total": 6, "without a strength to scale by": 2}


def atheros_frames(folder: Path) -> None:
    for endian in "<>":
        for tones, receive, transmit in ((56, 3, 2), (114, 2, 3), (56, 1, 1)):
            csi = atheros(
                folder, tones=tones, receive=receive, transmit=transmit, endian=endian, payload=bytes(9)
            )
            made = recipe(folder)
            found = arrays(made)
            np.testing.assert_array_equal(found["channel_frequency_response"], csi)
            np.testing.assert_allclose(found["packet_time"], 0.001 * np.arange(4))
            assert made.shared().sizes["subcarrier"] == tones


def atheros_empty(folder: Path) -> None:
    atheros(folder)
    path = folder / "a.dat"
    empty = bytearray(atheros_frame(integers(1, 56, 1, 1)[0], 0)[: 2 + 25])
    empty[:2], empty[10:12] = (25).to_bytes(2, "little"), bytes(2)
    path.write_bytes(path.read_bytes() + empty)
    assert counts(recipe(folder)) == {"total": 5, "without a channel": 1}


def atheros_contradictions(folder: Path) -> None:
    frame = bytearray(atheros_frame(integers(1, 56, 2, 2, 10)[0], 0))
    for where, value in ((18, 55), (19, 3), (20, 200), (10, 0xFF)):
        bad = frame.copy()
        bad[where] = value
        (folder / "a.dat").write_bytes(bytes(frame + bad))
        assert counts(recipe(folder)) == {"total": 2, "whose lengths or antennas contradict each other": 1}


def atheros_channel(folder: Path) -> None:
    atheros(folder, channel=5180)
    assert recipe(folder).shared()["carrier_frequency"] == 5.18e9


def atheros_faults(folder: Path) -> None:
    frame = bytearray(atheros_frame(integers(1, 56, 2, 2, 10)[0], 0))
    faulty = frame.copy()
    faulty[14] = 1
    (folder / "a.dat").write_bytes(bytes(frame + faulty))
    assert counts(recipe(folder)) == {"total": 2, "that the receiver marked as faulty": 1}


def atheros_strengths(folder: Path) -> None:
    atheros(folder, rssi=(50, 40, 128, 42))
    np.testing.assert_array_equal(arrays(recipe(folder))["rssi"][0], [-55, np.nan, -53])


def esp32_lines(folder: Path) -> None:
    csi = esp32(folder, secondary=1)
    path = folder / "a.csv"
    path.write_text("I (305) wifi: ready\n" + path.read_text(), encoding="utf-8")
    made = recipe(folder)
    np.testing.assert_array_equal(arrays(made)["channel_frequency_response"][:, 0, 0], csi)
    assert counts(made) == {"total": 5, "lines of other content": 1}


def with_line(change: Callable[[str], str], cause: str) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        esp32(folder)
        path = folder / "a.csv"
        last = path.read_text(encoding="utf-8").splitlines()[-1]
        path.write_text(path.read_text(encoding="utf-8") + change(last) + "\n", encoding="utf-8")
        assert counts(recipe(folder)) == {"total": 5, cause: 1}

    return check


def esp32_numbers(folder: Path) -> None:
    with_line(lambda line: line.replace(" ]", " 1 ]"), "with an odd number of values")(folder)
    with_line(lambda line: line.partition("[")[0] + "[1 2 3 4]", "with fewer than 64 pairs of values")(folder)
    wrong = "with values that are no integers of 8 bits"
    for number in ("200", "x", "1.5"):
        with_line(
            lambda line, number=number: line.partition("[")[0] + f"[{number} " + "1 " * 127 + "]", wrong
        )(folder)


def esp32_more_pairs(folder: Path) -> None:
    csi = esp32(folder, pairs=192, secondary=2)
    found = arrays(recipe(folder))["channel_frequency_response"]
    np.testing.assert_array_equal(found[:, 0, 0], csi[:, :64])


def esp32_order(folder: Path) -> None:
    csi = esp32(folder, secondary=0)
    made = recipe(folder)
    found = arrays(made)["channel_frequency_response"][:, 0, 0]
    index = (made.shared()["subcarrier"].to_numpy() / 312.5e3).astype(int)
    assert (np.diff(index) == 1).all()
    np.testing.assert_array_equal(found[:, index == 0], csi[:, :1])
    np.testing.assert_array_equal(found[:, index == 31], csi[:, 31:32])
    np.testing.assert_array_equal(found[:, index == -1], csi[:, 63:])


def esp32_clock(folder: Path) -> None:
    csi = integers(2, 64, 1, 1)[:, :, 0, 0]
    lines = [esp32_line(each, stamp) for each, stamp in zip(csi, (2**32 - 500, 1500), strict=True)]
    (folder / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    np.testing.assert_allclose(arrays(recipe(folder))["packet_time"], [0, 0.002])


def esp32_transmitters(folder: Path) -> None:
    csi = integers(6, 64, 1, 1)[:, :, 0, 0]
    lines = [esp32_line(each, 1000 * n, secondary=1, address=f"0a:0{n % 2}") for n, each in enumerate(csi)]
    (folder / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    made = recipe(folder)
    found = arrays(made)
    assert found["recording"].tolist() == [0, 0, 0, 1, 1, 1]
    assert made.shared()["recording_name"].to_numpy().tolist() == ["a.csv from 0A:00", "a.csv from 0A:01"]
    np.testing.assert_array_equal(found["channel_frequency_response"][:, 0, 0], csi[[0, 2, 4, 1, 3, 5]])
    np.testing.assert_allclose(found["packet_time"], [0, 0.002, 0.004, 0.001, 0.003, 0.005])


def esp32_channel(folder: Path) -> None:
    for channel, carrier in ((1, 2.412e9), (6, 2.437e9), (14, 2.484e9)):
        esp32(folder, channel=channel)
        assert recipe(folder).shared()["carrier_frequency"] == carrier


def esp32_strength(folder: Path) -> None:
    esp32(folder, rssi=-71)
    found = arrays(recipe(folder))
    assert set(found["rssi"][:, 0]) == {-71}
    assert set(found["noise_floor"]) == {-93}


def clock_back(folder: Path) -> None:
    frame = integers(5, 30, 1, 1)
    stamps = [9000, 10_000, 500, 9500, 11_000]
    write(folder / "a.dat", [intel_frame(each, stamp) for each, stamp in zip(frame, stamps, strict=True)])
    made = recipe(folder)
    assert counts(made) == {"total": 5, "whose clock is behind that of an earlier packet": 2}
    np.testing.assert_allclose(arrays(made)["packet_time"], [0, 0.001, 0.002])


def other_layouts(folder: Path) -> None:
    intel(folder)
    write(folder / "b.dat", [intel_frame(integers(1, 30, 1, 2)[0], 5)])
    made = recipe(folder)
    assert counts(made) == {
        "total": 5,
        "of another layout (intel5300, 1x2 antennas, 30 subcarriers)": 1,
    }
    assert made.shared()["recording_name"].to_numpy().tolist() == ["a.dat"]


def cut_off(folder: Path) -> None:
    for make in (intel, atheros):
        make(folder)
        path = folder / "a.dat"
        content = path.read_bytes()
        for count in (1, 30, 200):
            path.write_bytes(content[:-count])
            made = recipe(folder)
            assert counts(made) == {"total": 4, "cut off at the end of the file": 1}
            assert made.records() == 3


def other_format(folder: Path) -> None:
    (folder / "a.dat").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(BuildError, match=r"a\.dat is an HDF5 .* expected logs of the Linux 802\.11n"):
        recipe(folder)
    (folder / "a.dat").write_bytes(bytes(100))
    with pytest.raises(BuildError, match=r"a\.dat begins with no packet"):
        recipe(folder)


def unread(folder: Path) -> None:
    intel(folder)
    names = {spec.name for spec in recipe(folder).specs()}
    assert not {"rate", "payload", "sequence"} & names


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "first bytes": other_format,
    "Intel: frame of code 0xBB": intel_frames,
    "Intel: frame of code 0xC1": with_frame(b"\0\x04\xc1abc", "of payload"),
    "Intel: frame of another code": with_frame(b"\0\x02\x07a", "of an unknown code"),
    "Intel: frame of length 0": intel_without_length,
    "Intel: `timestamp_low`": wrapping,
    "Intel: `Nrx`, `Ntx`, `len`": intel_contradictions,
    "Intel: `antenna_sel`": antenna_order,
    "Intel: `rssi_a`, `rssi_b`, `rssi_c`": intel_strengths,
    "Intel: `noise`": intel_noise,
    "Intel: `agc`": intel_noise,
    "Intel: `rate`": intel_width,
    "Intel: scale of the channel": intel_scale,
    "Atheros: byte order": atheros_frames,
    "Atheros: `timestamp`": atheros_frames,
    "Atheros: `csi_len`": atheros_empty,
    "Atheros: `nr`, `nc`, `num_tones`": atheros_contradictions,
    "Atheros: `tx_channel`": atheros_channel,
    "Atheros: `err_info`": atheros_faults,
    "Atheros: `rssi_1`, `rssi_2`, `rssi_3`": atheros_strengths,
    "ESP32: `CSI_DATA`": esp32_lines,
    "ESP32: number of values": with_line(
        lambda line: line.replace(",11,", ",", 1), "without 25 values in front of the brackets"
    ),
    "ESP32: numbers in brackets": esp32_numbers,
    "ESP32: pairs after the 64th": esp32_more_pairs,
    "ESP32: `secondary_channel`": esp32_order,
    "ESP32: `local_timestamp`": esp32_clock,
    "ESP32: `mac`": esp32_transmitters,
    "ESP32: `channel`": esp32_channel,
    "ESP32: `rssi`, `noise_floor`": esp32_strength,
    "clock that goes back": clock_back,
    "antennas, width or channel other than those of most packets": other_layouts,
    "packet that is cut off at the end": cut_off,
    "rates, other addresses, sequence numbers, payload": unread,
}


@pytest.mark.parametrize("field", fields("csi/measured"))
def test_a_field_is_read_as_the_card_says(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)


def test_more_than_a_twentieth_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    intel(tmp_path)
    path = tmp_path / "a.dat"
    path.write_bytes(path.read_bytes()[:-1])
    (found,) = MeasuredCSI.make({"folder": str(tmp_path)}).left_out()
    with pytest.raises(BuildError, match=r"1 of 4 packets .* cut off at the end .*most_left_out=0.25"):
        found.require_few()


def test_a_folder_without_a_channel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,x\n1,2\n", encoding="utf-8")
    with pytest.raises(BuildError, match="holds no packet with a channel"):
        recipe(tmp_path)


def test_splits_follow_time_and_recordings(tmp_path: Path) -> None:
    for number in range(5):
        csi = integers(20, 30, 1, 1, seed=number)
        write(tmp_path / f"{number}.dat", [intel_frame(each, 1000 * n) for n, each in enumerate(csi)])
    made = recipe(tmp_path, validation=0.2, test=0.2)
    by_time, by_recording = made.splits()
    np.testing.assert_array_equal(
        by_time.labels.reshape(5, 20), np.repeat([0, 1, 2], [12, 4, 4])[None].repeat(5, 0)
    )
    assert (np.ptp(by_recording.labels.reshape(5, 20), axis=1) == 0).all()
    assert np.bincount(by_recording.labels).tolist() == [60, 20, 20]


def test_a_clock_is_unwrapped_and_goes_on() -> None:
    times, forward = clock([250, 10, 5, 100, 99, 101], 256)
    np.testing.assert_allclose(times * 1e6, [0, 16, 11, 106, 105, 107])
    assert forward.tolist() == [True, True, False, True, False, True]
    assert len(clock([], 256)[0]) == 0


@pytest.mark.skipif(not REAL.is_dir(), reason="the measured logs are not beside this checkout")
class TestMeasuredLogs:
    def test_intel_5300(self, tmp_path: Path) -> None:
        path = REAL / "intel5300_sample_0x1_ap.dat"
        store = str(tmp_path / "s.zarr")
        build(MeasuredCSI.make({"folder": str(path)}), store, workers=0, progress=False)
        data = xr.open_zarr(store)
        oracle = csiread.Intel(str(path), nrxnum=3, ntxnum=2, if_report=False)
        oracle.read()
        expected = oracle.get_scaled_csi().transpose(0, 2, 3, 1)
        np.testing.assert_allclose(data["channel_frequency_response"], expected, rtol=1e-6)
        assert data["packet_time"][-1] == pytest.approx(
            1e-6 * (oracle.timestamp_low[-1] - oracle.timestamp_low[0])
        )
        assert data["rssi"].max() < -20

    def test_esp32(self) -> None:
        path = REAL / "esp32_example_csi.csv"
        oracle = csiread.ESP32(str(path), if_report=False)
        oracle.read()
        made = recipe(path)
        found = arrays(made)
        np.testing.assert_array_equal(found["channel_frequency_response"][:, 0, 0], oracle.csi)
        energy = np.abs(found["channel_frequency_response"]).mean((0, 1, 2))
        index = made.shared()["subcarrier"].to_numpy() / 312.5e3
        assert not energy[(index < -27) & (index > -31)].any() and not energy[index > 27].any()  # guards
        assert energy[index == 0] < energy[abs(index) == 1].min()  # the carrier


@pytest.mark.parametrize("begin", [b"I (305) wifi: ", b"\x1b[0;32m"])
def test_a_line_is_found_behind_what_a_monitor_of_the_serial_port_writes(
    begin: bytes, tmp_path: Path
) -> None:
    csi = esp32(tmp_path, secondary=1)
    path = tmp_path / "a.csv"
    path.write_bytes(b"".join(begin + line + b"\x1b[0m\n" for line in path.read_bytes().splitlines()))
    np.testing.assert_array_equal(arrays(recipe(tmp_path))["channel_frequency_response"][:, 0, 0], csi)


def test_noise_on_the_serial_port_spoils_its_own_line_alone(tmp_path: Path) -> None:
    esp32(tmp_path, count=40)
    path = tmp_path / "a.csv"
    lines = path.read_bytes().splitlines()
    lines[7] = lines[7].replace(b" ", b"\xfe\x80", 1)
    path.write_bytes(b"\n".join([b"\xe5\x00\xfe rst:0x1", *lines]) + b"\n")
    made = recipe(tmp_path)
    found = counts(made)
    assert (made.records(), found["total"], found["lines of other content"]) == (39, 41, 1)


def test_lines_of_another_tool_for_the_chip_are_named(tmp_path: Path) -> None:
    front = "CSI_DATA,1,1a:00:00:00:00:00,-30,11,1,0,1,1,1,0,0,0,0,-93,0,11,1,9,0,47,0,128,0"
    values = ",".join(["1"] * 128)
    (tmp_path / "a.csv").write_text(f'type,id,mac\n{front},"[{values}]"\n', encoding="utf-8")
    with pytest.raises(BuildError, match=r"holds no packet .*1 of Espressif's esp-csi.*expected logs of the"):
        recipe(tmp_path).records()
