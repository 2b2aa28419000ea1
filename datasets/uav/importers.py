"""The importers of flights by the kind of their files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from datasets.factory.formats import BAGS, PACKED
from datasets.factory.tables import Decimal, Separator
from datasets.factory.text import Encoding
from datasets.uav.axes import Frame, TwistAxes
from datasets.uav.bags import METADATA
from datasets.uav.flights import FlightImport
from datasets.uav.rosbag import Clock, read_rosbag
from datasets.uav.stamps import TimeUnit
from datasets.uav.text import PUBLISHED, Columns, read_csv, read_tum
from datasets.uav.tracks import Flight
from datasets.uav.ulog import read_ulog

ARCHIVES = ("**/*.tar", "**/*.tar.gz", "**/*.tgz")


class CsvFlights(FlightImport):
    """Flights in CSV files of the layout that VECTOR's data are published in."""

    name: ClassVar[str] = "uav/csv"
    version: ClassVar[int] = 2
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
    time_unit: TimeUnit | None = Field(
        None, description="Unit of the stamps: s, ms, us or ns; that of the header, or s, by default."
    )
    frame: Frame | None = Field(
        None,
        description="Axes of positions and body: enu (default; body forward, left, up), ned (body forward, "
        "right, down), enu/frd or ned/flu.",
    )
    encoding: Encoding = None
    separator: Separator = None
    decimal: Decimal = None

    def read(self, path: Path) -> list[Flight]:
        return read_csv(
            path,
            columns=self.columns,
            time_unit=self.time_unit,
            frame=self.frame,
            encoding=self.encoding,
            separator=self.separator,
            decimal=self.decimal,
            most_bytes=self.most_bytes,
        )


class TumFlights(FlightImport):
    """Trajectories in the layouts of TUM (text) and of EuRoC's ground truth (CSV, ns)."""

    name: ClassVar[str] = "uav/tum"
    version: ClassVar[int] = 2
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
    time_unit: TimeUnit | None = Field(
        None, description="Unit of the stamps: s (TUM's default), ms, us or ns (EuRoC's default)."
    )
    encoding: Encoding = None
    separator: Separator = None
    decimal: Decimal = None

    def read(self, path: Path) -> list[Flight]:
        return read_tum(
            path,
            time_unit=self.time_unit,
            encoding=self.encoding,
            separator=self.separator,
            decimal=self.decimal,
            most_bytes=self.most_bytes,
        )


class BagFlights(FlightImport):
    """Flights in bags of ROS 1 and ROS 2: one topic of poses."""

    version: ClassVar[int] = 2
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
    parent: str | None = Field(None, description="Frame of the positions, in a topic of transforms.")
    child: str | None = Field(None, description="Frame of the vehicle, in a topic of transforms.")
    frame: Frame | None = Field(
        None,
        description="Axes of positions and body if the frames' names do not tell: enu (body forward, left, "
        "up), ned (body forward, right, down), enu/frd or ned/flu.",
    )
    twist: TwistAxes | None = Field(
        None, description="Axes of velocities if not those of the frame they name: body or world."
    )
    clock: Clock = Field(
        "header",
        description="Stamps of the headers; times of the recording; or restarting: stamps of a clock that "
        "starts again, each run of it a flight.",
    )

    @classmethod
    def find(cls, path: Path, patterns: tuple[str, ...]) -> list[Path]:
        """Return the logs in a folder; the files beside a metadata.yaml are one log, their folder."""
        found = super().find(path, patterns)
        folders = {each.parent for each in found if each.name == METADATA}
        return sorted(folders | {each for each in found if each.parent not in folders})

    def read(self, path: Path) -> list[Flight]:
        return read_rosbag(
            path,
            topic=self.topic,
            parent=self.parent,
            child=self.child,
            frame=self.frame,
            twist=self.twist,
            clock=self.clock,
            most_bytes=self.most_bytes,
        )


class UlogFlights(FlightImport):
    """Flights in logs of PX4."""

    version: ClassVar[int] = 2
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
    instance: int | None = Field(
        None, ge=0, description="Instance of the position, if several were logged; the longest by default."
    )

    def read(self, path: Path) -> list[Flight]:
        return read_ulog(path, instance=self.instance)
