"""Flights in text: CSV of the published layout, TUM, and the ground truth of EuRoC."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from datasets.factory.errors import BuildError
from datasets.uav.tracks import Flight, Numbers, one_line
from surrogates.core.text import listing, nearest

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
    | {f"q{part}": f"q_RS_{part}" for part in "wxyz"}
    | {f"v{axis}": f"v_RS_R_{axis}" for axis in "xyz"}
)


def read_csv(path: Path, *, columns: Columns = PUBLISHED, time_unit: TimeUnit = "s") -> list[Flight]:
    """Read a CSV file with a header line, or every one in a tar archive, by name.

    Raises
    ------
    BuildError
        When a file is empty, lacks a column or has a cell that is no number; names file and line.
    """
    # A column that the user named has to be there; a dumped and reloaded model has no other memory of it.
    named = {key for key, name in columns if name != getattr(PUBLISHED, key)}
    return [_csv_flight(name, text, columns, named, time_unit) for name, text in _texts(path)]


def read_tum(path: Path) -> list[Flight]:
    """Read a trajectory of TUM (timestamp tx ty tz qx qy qz qw, comments after #) or of EuRoC (CSV, ns).

    Raises
    ------
    BuildError
        When the file is neither, or a line does not fit; names the line.
    """
    flights = []
    for name, text in _texts(path):
        if is_euroc(text):
            flights.append(_csv_flight(name, text.replace("#", "", 1), EUROC, set(), "ns"))
        else:
            flights.append(_tum_flight(name, text))
    return flights


def is_euroc(text: str) -> bool:
    """Tell whether a text begins with the header of EuRoC's ground truth."""
    return EUROC.tx in text.partition("\n")[0]


def first_line(path: Path) -> str:
    """Return the first line of a text file, for a look at its layout."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline()


def is_archive(path: Path) -> bool:
    """Tell whether a name is that of a tar archive."""
    return path.name.lower().endswith(ARCHIVES)


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Give name and content of each text; an archive is read without writing its files anywhere."""
    if not is_archive(path):
        yield str(path), path.read_text(encoding="utf-8-sig", errors="replace")
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
                yield f"{path}/{name}", content.read().decode("utf-8-sig", errors="replace")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BuildError(
            f"{path} cannot be read as a tar archive: {one_line(error)}; is it complete?"
        ) from None


def _csv_flight(name: str, text: str, columns: Columns, required: set[str], time_unit: TimeUnit) -> Flight:
    reader = csv.reader(io.StringIO(text), skipinitialspace=True)
    try:
        header, *rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))] or [(0, [""])]
    except csv.Error as error:
        raise BuildError(f"{name}, line {reader.line_num}: no CSV ({error}); is it a text file?") from None
    # EuRoC writes the unit behind the name: "p_RS_R_x [m]".
    found = [cell.partition("[")[0].strip() for cell in header[1]]
    used = _used_columns(name, found, columns, required)
    if not rows:
        raise BuildError(f"{name} has a header but no sample; expected one sample a line below it")
    places = np.array([line for line, _ in rows])
    table = {}
    for key, column in used.items():
        index = found.index(column)
        cells = [row[index] if index < len(row) else "" for _, row in rows]
        table[key] = _numbers(name, column, cells, places)

    def together(keys: Sequence[str]) -> Numbers | None:
        return np.stack([table[key] for key in keys], axis=1) if keys[0] in table else None

    position = together(POSITION)
    assert position is not None
    return Flight(
        source=name,
        stamps=table["timestamp"] / PER_SECOND[time_unit],
        position=position,
        attitude=together(QUATERNION),
        velocity=together(VELOCITY),
        places=places,
        place="line",
    )


def _used_columns(name: str, found: Sequence[str], columns: Columns, required: set[str]) -> dict[str, str]:
    """Return the column of each quantity that the file holds."""
    if not any(found):
        raise BuildError(f"{name} is empty; expected a header line such as {', '.join(TUM)}")
    if separator := next((s for s in (";", "\t", "|", " ") if len(found) == 1 and s in found[0]), None):
        raise BuildError(
            f"{name} separates its columns by {separator!r}: '{found[0]}', expected commas; save it with "
            "commas, or read TUM's layout by uav/tum"
        )
    named = columns.model_dump()
    asked = {"timestamp", *POSITION, *required}
    for group in (QUATERNION, VELOCITY):
        if any(named[key] in found for key in group):
            asked |= set(group)
    for key in named:
        if key in asked and named[key] not in found:
            advice = f"name yours by `columns: {{{key}: ...}}`"
            if _is_number(found[0]):
                advice = "is the header line missing?"
            raise BuildError(
                f"{name} has no column '{named[key]}'.{nearest(named[key], found)} It has {listing(found)}; "
                f"{advice}"
            )
    return {key: column for key, column in named.items() if key in asked}


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
                f"{name}, line {number}: {len(cells)} words found, expected {len(TUM)}: {' '.join(TUM)}; "
                "correct the line, or read CSV by uav/csv"
            )
    places = np.array([number for number, _ in rows])
    table = {
        key: _numbers(name, key, [cells[index] for _, cells in rows], places) for index, key in enumerate(TUM)
    }
    position, attitude = (np.stack([table[key] for key in keys], axis=1) for keys in (POSITION, QUATERNION))
    return Flight(name, table["timestamp"], position, attitude, places=places, place="line")


def _numbers(name: str, column: str, cells: Sequence[str], places: np.ndarray) -> Numbers:
    """Convert texts; what is written as nan passes here, since `tracks.checked` says it better."""
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        bad = next(index for index, cell in enumerate(cells) if not _is_number(cell))
        raise BuildError(
            f"{name}, line {places[bad]}: {column} is '{cells[bad].strip()}', expected a number; correct "
            "or remove the line"
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
