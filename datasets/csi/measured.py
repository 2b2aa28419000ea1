"""Importer of channel state information that Wi-Fi receivers logged."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.csi import atheros, esp32, intel5300
from datasets.csi.packets import SPACING, Layout, Log, Packets
from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.formats import format_of, refusal
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.limits import MOST_BYTES, MostBytes, read_bytes
from datasets.factory.mapping import SplitMapping
from datasets.factory.recipe import Arrays
from datasets.factory.text import HEAD, encoding_of
from datasets.store.chunking import shard_records
from datasets.store.specs import DECIBEL, DECIBEL_MILLIWATT, TEST, TRAIN, VALIDATION, Split, VariableSpec

RESPONSE = "channel_frequency_response"
TIME = VariableSpec(
    name="packet_time",
    dims=("sample",),
    shape=(),
    units="s",
    dtype="float64",
    long_name="time since the first packet of the log",
)
RECORDING = VariableSpec(
    name="recording",
    dims=("sample",),
    shape=(),
    dtype="int32",
    long_name="recording of the packet",
    attributes={"instance_dimension": "recordings"},
)
NOISE = VariableSpec(
    name="noise_floor",
    dims=("sample",),
    shape=(),
    units=DECIBEL_MILLIWATT,
    display_units="dBm",
    long_name="noise floor",
    missing=True,
)
GAIN = VariableSpec(
    name="automatic_gain",
    dims=("sample",),
    shape=(),
    units=DECIBEL,
    display_units="dB",
    long_name="gain of the automatic gain control",
    missing=True,
)
INTEGERS = "integers of the chip, whose scale may change from packet to packet"
SCALINGS = {
    intel5300.TOOL: "squared modulus is the ratio of signal to noise (get_scaled_csi)",
    atheros.TOOL: INTEGERS,
    esp32.TOOL: INTEGERS,
}


class MeasuredCSI(FolderImport):
    """Packets of logs of the Intel 5300, Atheros and ESP32 tools, one record each, in the order of the logs.

    All records of a store have the layout (tool, antennas, subcarriers, channel) of most packets.
    """

    name: ClassVar[str] = "csi/measured"
    version: ClassVar[int] = 2
    title: ClassVar[str] = (
        "Measured channel state information (made by `surrogates data import csi/measured`)"
    )
    formats: ClassVar[tuple[str, ...]] = ("text",)
    patterns: ClassVar[tuple[str, ...]] = ("**/[!.]*.dat", "**/[!.]*.csv")
    layout: ClassVar[str] = (
        "logs of the Linux 802.11n CSI tool (.dat), the Atheros CSI tool (.dat) or the ESP32-CSI-Tool (.csv)"
    )

    scaled: bool = Field(
        True, description="Whether channels of the Intel 5300 are scaled by strength, gain and noise."
    )
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the packets for validation.")
    test: float = Field(
        0.1, ge=0, le=1, description="Share for the test; 1 with validation=0 for a test set."
    )
    most_left_out: MostLeftOut = MOST
    most_bytes: MostBytes = MOST_BYTES
    data_license: str = Field("unspecified", description="Licence of the logs.")

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> Self:
        SplitMapping(validation=self.validation, test=self.test)
        return self

    def attributes(self) -> dict[str, str]:
        return {"title": self.title, "license": self.data_license}

    def prepare(self) -> None:
        super().prepare()
        self.records()

    def remarks(self) -> list[str]:
        """Say what was found, and what the numbers mean."""
        span = max(float(packets.times[-1] - packets.times[0]) for _, packets in self._packets)
        return [
            f"{len(self._packets)} recordings of {self._layout.tool}: {self.records()} packets of "
            f"{self._layout}; the longest lasts {span:.4g} s",
            f"scale of the channels: {self._scaling}",
        ]

    def left_out(self) -> list[LeftOut]:
        causes, chosen = (
            sum((Counter(getattr(log, name)) for _, log in self._logs), Counter())
            for name in ("causes", "chosen")
        )
        for _, log in self._logs:
            for (layout, _), packets in log.packets.items():
                if layout != self._layout:
                    causes[f"of another layout ({layout.tool}, {layout})"] += len(packets.times)
        total = sum(log.total for _, log in self._logs)
        return [LeftOut("packets", total, causes, chosen, most=self.most_left_out)]

    def records(self) -> int:
        return len(self._owners)

    def unit_records(self) -> int:
        return max(1, shard_records(self.specs(), self.records()) // 4)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [_response_spec((1, 1, 1), ""), _rssi_spec(1), NOISE, GAIN, TIME, RECORDING]

    def specs(self) -> list[VariableSpec]:
        layout = self._layout
        shape = (layout.receive, layout.transmit, len(layout.subcarriers))
        told = [] if layout.tool == atheros.TOOL else [NOISE]
        told += [GAIN] if layout.tool == intel5300.TOOL else []
        return [_response_spec(shape, self._scaling), _rssi_spec(layout.receive), *told, TIME, RECORDING]

    def shared(self) -> xr.Dataset:
        layout = self._layout
        names = np.array([name for name, _ in self._packets], object)
        found = xr.Dataset(
            {
                "recording_name": (
                    "recordings",
                    names,
                    {"long_name": "file of the recording, and its transmitter"},
                )
            },
            coords={
                "subcarrier": (
                    "subcarrier",
                    SPACING * np.array(layout.subcarriers),
                    {"units": "Hz", "long_name": "frequency above the carrier"},
                )
            },
        )
        if layout.carrier is None:
            return found
        about = {"units": "Hz", "long_name": "carrier frequency"}
        return found.assign(carrier_frequency=((), layout.carrier, about))

    def splits(self) -> list[Split]:
        drawn = SplitMapping(validation=self.validation, test=self.test, keeps_whole="recording")
        return [self._by_time(), drawn.draw("split_by_recording", self._owners, self.seed, 0)]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        owners, inside = self._owners[indices], self._inside[indices]
        found: dict[str, np.ndarray] = {}
        for part in Packets._fields:
            rows = [
                getattr(self._packets[owner][1], part)[row]
                for owner, row in zip(owners.tolist(), inside.tolist(), strict=True)
            ]
            found[part] = np.stack(rows)
        arrays = {
            RESPONSE: found["response"],
            "rssi": found["rssi"].astype(np.float32),
            NOISE.name: found["noise"].astype(np.float32),
            GAIN.name: found["gain"].astype(np.float32),
            TIME.name: found["times"],
            RECORDING.name: owners.astype(np.int32),
        }
        return {spec.name: arrays[spec.name] for spec in self.specs()}

    def _by_time(self) -> Split:
        """Return the split that ends every recording by its validation and its test packets."""
        lengths = np.array([len(packets.times) for _, packets in self._packets])
        passed = (self._inside + 0.5) / lengths[self._owners]
        ends = 1 - self.test - self.validation, 1 - self.test
        labels = np.select([passed < ends[0], passed < ends[1]], [TRAIN, VALIDATION], TEST)
        return Split(
            labels=labels,
            keeps_whole="none",
            description="the last packets of every recording test, those before them validate",
        )

    @property
    def _scaling(self) -> str:
        tool = self._layout.tool
        return INTEGERS if not self.scaled else SCALINGS[tool]

    @cached_property
    def _logs(self) -> list[tuple[str, Log]]:
        """Name and content of every file."""
        super().prepare()  # other files than those the import began with say nothing of it
        folder = Path(self.folder)
        root = folder.parent if folder.is_file() else folder
        return [(path.relative_to(root).as_posix(), self._read(path)) for path in self._files(folder)]

    @cached_property
    def _layout(self) -> Layout:
        """The layout of most packets."""
        counts: Counter[Layout] = Counter()
        for _, log in self._logs:
            for (layout, _), packets in log.packets.items():
                counts[layout] += len(packets.times)
        if not counts:
            causes = sum((log.causes for _, log in self._logs), Counter[str]())
            said = ", ".join(f"{count} {cause}" for cause, count in causes.items() if count)
            raise BuildError(
                f"{Path(self.folder)} holds no packet with a channel ({said or 'all are of other kinds'}); "
                f"expected {self.layout}"
            )
        return max(counts, key=lambda layout: counts[layout])

    @cached_property
    def _packets(self) -> list[tuple[str, Packets]]:
        """The packets of that layout, by recording; a log that heard several transmitters holds as many."""
        found = []
        for name, log in self._logs:
            recordings = log.recordings(self._layout)
            found += [
                (f"{name} from {sender}" if len(recordings) > 1 else name, packets)
                for sender, packets in recordings.items()
            ]
        return found

    @cached_property
    def _owners(self) -> np.ndarray:
        """Recording of each record."""
        return np.repeat(np.arange(len(self._packets)), [len(packets.times) for _, packets in self._packets])

    @cached_property
    def _inside(self) -> np.ndarray:
        """Index of each record in its recording."""
        return np.concatenate([np.arange(len(packets.times)) for _, packets in self._packets])

    def _read(self, path: Path) -> Log:
        found = format_of(path)
        if refused := refusal(path, found, self.formats, self.layout):
            raise BuildError(refused)
        content = read_bytes(path, self.most_bytes)
        if found == "text" or esp32.MARK.encode() in content[:HEAD]:
            # The serial port brings bytes of no encoding; what they spoil are the values of their own line.
            return esp32.read(content.decode(encoding_of(content[:HEAD]), errors="replace"))
        if intel5300.looks_like_one(content):
            return intel5300.read(content, path, scaled=self.scaled)
        if order := atheros.byte_order(content):
            return atheros.read(content, path, order)
        raise BuildError(f"{path} begins with no packet of a tool that is known; expected {self.layout}")


def _response_spec(shape: tuple[int, int, int], scaling: str) -> VariableSpec:
    return VariableSpec(
        name=RESPONSE,
        dims=("sample", "receive_antenna", "transmit_antenna", "subcarrier"),
        shape=shape,
        dtype="complex64",
        long_name="channel frequency response",
        attributes={"scaling": scaling} if scaling else {},
    )


def _rssi_spec(antennas: int) -> VariableSpec:
    return VariableSpec(
        name="rssi",
        dims=("sample", "receive_antenna"),
        shape=(antennas,),
        units=DECIBEL_MILLIWATT,
        display_units="dBm",
        long_name="received signal strength of each antenna",
        missing=True,
    )
