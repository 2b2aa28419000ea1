"""Flights in text: CSV of the published layout, TUM, and the ground truth of EuRoC."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from datasets.factory.errors import BuildError
from datasets.factory.formats import FORMATS, PACKED, format_of
from datasets.factory.tables import numbers, read_table, require_columns
from datasets.factory.text import SAVE_OR_NAME, decoded, read_text
from datasets.uav.tracks import Flight, Numbers, one_line
from surrogates.core.text import listing

TimeUnit = Literal["s", "ms", "us", "ns"]
PER_SECOND: dict[str, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
TEXTS = (".csv", ".txt", ".tum")
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
POSITION, QUATERNION, VELOCITY = ("tx", "ty", "tz"), ("qw", "qx", "qy", "qz"), ("vx", "vy", "vz")
TUM = ("timestamp", *POSITION, "qx", "qy", "qz", "qw")


class Columns(BaseModel):
    """Names of the columns of a CSV file; those of a quaternion and of a velocity may be absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timestamp: str = Field("timestamp", description="Time, in `time_unit`.")
    tx: str = Field("tx", description="East of the origin, m.")
    ty: str = Field("ty", description="North of the origin, m.")
    tz: str = Field("tz", description="Up of the origin, m.")
    qx: str = Field("qx", description="Quaternion from body axes to east, north, up: x.")
    qy: str = Field("qy", description="y.")
    qz: str = Field("qz", description="z.")
    qw: str = Field("qw", description="Its scalar.")
    vx: str = Field("vx", description="Velocity east, m s-1.")
    vy: str = Field("vy", description="Velocity north, m s-1.")
    vz: str = Field("vz", description="Velocity up, m s-1.")


PUBLISHED = Columns.model_validate({})
# The headers of the ASL format (Burri et al., IJRR 2016): position of the sensor in the reference frame.
EUROC = PUBLISHED.model_copy(
    update={f"t{axis}": f"p_RS_R_{axis}" for axis in "xyz"}
    | {f"q{axis}": f"q_RS_{axis}" for axis in "wxyz"}
    | {f"v{axis}": f"v_RS_R_{axis}" for axis in "xyz"}
)


def read_csv(
    path: Path, *, columns: Columns = PUBLISHED, time_unit: TimeUnit = "s", encoding: str | None = None
) -> list[Flight]:
    """Read a CSV file with a header line, or every one in a tar archive, by name.

    Raises
    ------
    BuildError
        When a file is empty, is in another encoding, lacks a column or has a cell that is no number; names
        file and line.
    """
    # A column that the user named has to be there; a dumped and reloaded model has no other memory of it.
    named = {key for key, name in columns if name != getattr(PUBLISHED, key)}
    return [_csv_flight(name, text, columns, named, time_unit) for name, text in _texts(path, encoding)]


def read_tum(path: Path, *, encoding: str | None = None) -> list[Flight]:
    """Read a trajectory of TUM (timestamp tx ty tz qx qy qz qw, comments after #) or of EuRoC (CSV, ns).

    Raises
    ------
    BuildError
        When the file is neither, or a line does not fit; names the line.
    """
    flights = []
    for name, text in _texts(path, encoding):
        if is_euroc(text):
            flights.append(_csv_flight(name, text.replace("#", "", 1), EUROC, set(), "ns"))
        else:
            flights.append(_tum_flight(name, text))
    return flights


def is_euroc(text: str) -> bool:
    """Tell whether a text begins with the header of EuRoC's ground truth."""
    return EUROC.tx in text.partition("\n")[0]


def _texts(path: Path, encoding: str | None) -> Iterator[tuple[str, str]]:
    """Give name and content of each text; an archive is read without writing its files anywhere."""
    if format_of(path) not in PACKED and not path.name.lower().endswith(ARCHIVES):
        yield str(path), read_text(path, encoding, SAVE_OR_NAME)
        return
    try:
        with tarfile.open(path) as archive:
            members = [each for each in archive.getmembers() if each.isfile()]
            texts = sorted(
                (each for each in members if each.name.endswith(TEXTS)), key=lambda each: each.name
            )
            if not texts:
                raise BuildError(
                    f"{path} holds no file that ends in {' or '.join(TEXTS)}, found "
                    f"{listing(each.name for each in members[:5])}"
                )
            for member in texts:
                content = archive.extractfile(member)
                assert content is not None
                name = PurePosixPath(member.name)
                yield f"{path}/{name}", decoded(content.read(), f"{path}/{name}", encoding, SAVE_OR_NAME)
    except (tarfile.TarError, EOFError, OSError) as error:
        found = format_of(path)
        if isinstance(error, tarfile.ReadError) and found in PACKED and found != "tar":
            raise BuildError(
                f"{path} is {FORMATS[found]} without a whole tar archive in it; unpack it first if it is one "
                "file, else fetch it again"
            ) from None
        raise BuildError(
            f"{path} cannot be read as a tar archive: {one_line(error)}; is it complete?"
        ) from None


def _csv_flight(name: str, text: str, columns: Columns, required: set[str], time_unit: TimeUnit) -> Flight:
    table = read_table(name, text)
    # EuRoC writes the unit behind the name: "p_RS_R_x [m]".
    table = table._replace(header=[cell.partition("[")[0].strip() for cell in table.header])
    used = _used_columns(name, table.header, columns, required)
    if not table.rows:
        raise BuildError(f"{name} has a header but no sample; expected one sample a line below it")
    found = {key: numbers(name, column, table.cells(column), table.lines) for key, column in used.items()}

    def together(keys: Sequence[str]) -> Numbers | None:
        return np.stack([found[key] for key in keys], axis=1) if keys[0] in found else None

    position = together(POSITION)
    assert position is not None
    return Flight(
        source=name,
        stamps=found["timestamp"] / PER_SECOND[time_unit],
        position=position,
        attitude=together(QUATERNION),
        velocity=together(VELOCITY),
        numbers=table.lines,
        counted="line",
    )


def _used_columns(name: str, found: Sequence[str], columns: Columns, required: set[str]) -> dict[str, str]:
    """Return the column of each quantity that the file holds."""
    named = columns.model_dump()
    asked = {"timestamp", *POSITION, *required}
    for group in (QUATERNION, VELOCITY):
        if any(named[key] in found for key in group):
            asked |= set(group)
    used = {key: column for key, column in named.items() if key in asked}
    require_columns(name, found, used, ", or read TUM's layout by uav/tum")
    return used


def _tum_flight(name: str, text: str) -> Flight:
    rows = [
        (number, line.split())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        raise BuildError(f"{name} holds no sample; expected lines of {' '.join(TUM)}")
    for number, cells in rows:
        if len(cells) != len(TUM):
            raise BuildError(
                f"{name}, line {number}: {len(cells)} values found, expected {len(TUM)}: {' '.join(TUM)}; "
                "correct the line, or read CSV by uav/csv"
            )
    lines = np.array([number for number, _ in rows])
    table = {
        key: numbers(name, key, [cells[index] for _, cells in rows], lines) for index, key in enumerate(TUM)
    }
    position, attitude = (np.stack([table[key] for key in keys], axis=1) for keys in (POSITION, QUATERNION))
    return Flight(name, table["timestamp"], position, attitude, numbers=lines, counted="line")
