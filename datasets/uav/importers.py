"""The importers of flights by the kind of their files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from datasets.factory.formats import BAGS, PACKED
from datasets.factory.text import Encoding
from datasets.uav.flights import FlightImport
from datasets.uav.rosbag import METADATA, read_rosbag
from datasets.uav.text import PUBLISHED, Columns, TimeUnit, read_csv, read_tum
from datasets.uav.tracks import Flight
from datasets.uav.ulog import read_ulog

ARCHIVES = ("**/*.tar", "**/*.tar.gz", "**/*.tgz")


class CsvFlights(FlightImport):
    """Flights in CSV files of the layout that VECTOR's data are published in."""

    name: ClassVar[str] = "uav/csv"
    title: ClassVar[str] = "Flights from CSV files (made by `surrogates data import uav/csv`)"
    expected: ClassVar[str] = (
        "CSV files with the columns timestamp, tx, ty, tz and perhaps qx, qy, qz, qw, or a tar of such"
    )
    formats: ClassVar[tuple[str, ...]] = ("text", *PACKED)

    files: tuple[str, ...] = Field(
        ("**/*.csv", "**/*.txt", *ARCHIVES),
        description="Shell patterns of the files, relative to the folder.",
    )
    columns: Columns = Field(PUBLISHED, description="Names of the columns.")
    time_unit: TimeUnit = Field("s", description="Unit of the stamps: s, ms, us or ns.")
    encoding: Encoding = None

    def read(self, path: Path) -> list[Flight]:
        return read_csv(path, columns=self.columns, time_unit=self.time_unit, encoding=self.encoding)


class TumFlights(FlightImport):
    """Trajectories in the layouts of TUM (text) and of EuRoC's ground truth (CSV, ns)."""

    name: ClassVar[str] = "uav/tum"
    title: ClassVar[str] = (
        "Trajectories in TUM's or EuRoC's layout (made by `surrogates data import uav/tum`)"
    )
    expected: ClassVar[str] = (
        "text files of 'timestamp tx ty tz qx qy qz qw', or EuRoC's state_groundtruth_estimate0/data.csv"
    )
    formats: ClassVar[tuple[str, ...]] = ("text", *PACKED)

    files: tuple[str, ...] = Field(
        ("**/*.txt", "**/*.tum", "**/state_groundtruth*/*.csv", *ARCHIVES),
        description="Shell patterns of the files, relative to the folder.",
    )
    encoding: Encoding = None

    def read(self, path: Path) -> list[Flight]:
        return read_tum(path, encoding=self.encoding)


class BagFlights(FlightImport):
    """Flights in bags of ROS 1 and ROS 2: one topic of Odometry, PoseStamped or Path."""

    name: ClassVar[str] = "uav/rosbag"
    title: ClassVar[str] = "Flights from ROS bags (made by `surrogates data import uav/rosbag`)"
    expected: ClassVar[str] = ".bag files, folders of ROS 2 with metadata.yaml, or single .db3 or .mcap files"
    holds: ClassVar[tuple[str, ...]] = ("position", "velocity", "attitude", "angular_velocity")
    formats: ClassVar[tuple[str, ...]] = BAGS

    files: tuple[str, ...] = Field(
        ("**/*.bag", f"**/{METADATA}", "**/*.db3", "**/*.mcap"),
        description="Shell patterns of the files, relative to the folder.",
    )
    topic: str | None = Field(None, description="Topic of the positions, if several fit.")

    @classmethod
    def find(cls, path: Path, patterns: tuple[str, ...]) -> list[Path]:
        """Return the logs in a folder; the files beside a metadata.yaml are one log, their folder."""
        found = super().find(path, patterns)
        folders = {each.parent for each in found if each.name == METADATA}
        return sorted(folders | {each for each in found if each.parent not in folders})

    def read(self, path: Path) -> list[Flight]:
        return read_rosbag(path, topic=self.topic)


class UlogFlights(FlightImport):
    """Flights in logs of PX4."""

    name: ClassVar[str] = "uav/ulog"
    title: ClassVar[str] = "Flights from logs of PX4 (made by `surrogates data import uav/ulog`)"
    holds: ClassVar[tuple[str, ...]] = (
        "position",
        "velocity",
        "attitude",
        "angular_velocity",
        "position_setpoint",
    )
    expected: ClassVar[str] = "logs of PX4 (.ulg files)"
    formats: ClassVar[tuple[str, ...]] = ("ulog",)

    files: tuple[str, ...] = Field(
        ("**/*.ulg",), description="Shell patterns of the files, relative to the folder."
    )

    def read(self, path: Path) -> list[Flight]:
        return read_ulog(path)
