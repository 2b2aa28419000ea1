"""Flights in text: CSV of the published layout, TUM, and the ground truth of EuRoC."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from datasets.factory.cells import bracketed, is_missing, is_number
from datasets.factory.errors import BuildError
from datasets.factory.formats import FORMATS, PACKED, format_of
from datasets.factory.limits import MOST_BYTES, RATIO, Metered, read_bytes, require_most, require_regular
from datasets.factory.tables import Table, places, read_table, require_columns
from datasets.factory.text import SAVE_OR_NAME, Text, opened
from datasets.uav.axes import Frame
from datasets.uav.frames import CHOICES, standard_attitudes, standard_vectors
from datasets.uav.headers import frame_of, refuse_degrees
from datasets.uav.order import in_order
from datasets.uav.stamps import TimeUnit, stamps_of
from datasets.uav.tracks import Flight, Numbers, one_line
from surrogates.core.text import listing

UNPACKED = {"tar": open, "gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
"""How what is packed is opened, by the format of the file."""
TEXTS = (".csv", ".txt", ".tum")
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
POSITION, QUATERNION, VELOCITY = ("tx", "ty", "tz"), ("qw", "qx", "qy", "qz"), ("vx", "vy", "vz")
TUM = ("timestamp", *POSITION, "qx", "qy", "qz", "qw")
UNITS = dict.fromkeys(POSITION, "m") | dict.fromkeys(QUATERNION, "1") | dict.fromkeys(VELOCITY, "m s-1")
KITTI = 12
"""Numbers of a pose in the layout of KITTI's odometry: three rows of a matrix."""
_TUM_NAMES = {
    r"(time|timestamps?|stamp|t|secs?|seconds)": "timestamp",
    r"(t|p|pos|position|translation)?([xyz])": "t",
    r"(q|quat|quaternion|o|orientation|r|rot|rotation)([wxyz])": "q",
}


class Columns(BaseModel):
    """Names of the columns of a CSV file; those of a quaternion and of a velocity may be absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timestamp: str = Field("timestamp", description="Time, in `time_unit`, or as ISO 8601.")
    tx: str = Field("tx", description="East of the origin, m; north with `frame=ned`.")
    ty: str = Field("ty", description="North of the origin, m; east with `frame=ned`.")
    tz: str = Field("tz", description="Up of the origin, m; down with `frame=ned`.")
    qx: str = Field("qx", description="Quaternion from body axes to east, north, up (or `frame`): x.")
    qy: str = Field("qy", description="y.")
    qz: str = Field("qz", description="z.")
    qw: str = Field("qw", description="Its scalar.")
    vx: str = Field("vx", description="Velocity east, m s-1; north with `frame=ned`.")
    vy: str = Field("vy", description="Velocity north, m s-1; east with `frame=ned`.")
    vz: str = Field("vz", description="Velocity up, m s-1; down with `frame=ned`.")


PUBLISHED = Columns.model_validate({})
# The headers of the ASL format (Burri et al., IJRR 2016): position of the sensor in the reference frame.
EUROC = PUBLISHED.model_copy(
    update={f"t{axis}": f"p_RS_R_{axis}" for axis in "xyz"}
    | {f"q{axis}": f"q_RS_{axis}" for axis in "wxyz"}
    | {f"v{axis}": f"v_RS_R_{axis}" for axis in "xyz"}
)


def read_csv(
    path: Path,
    *,
    columns: Columns = PUBLISHED,
    time_unit: TimeUnit | None = None,
    frame: Frame | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> list[Flight]:
    """Read a CSV file with a header line, or every one in a tar archive, by name.

    Raises
    ------
    BuildError
        When a file is empty, is in another encoding or layout, lacks a column or has a cell that is no
        number; names file and line.
    """
    # A column that the user named has to be there; a dumped and reloaded model has no other memory of it.
    named = {key for key, name in columns if name != getattr(PUBLISHED, key)}
    flights = []
    for name, text in _texts(path, encoding, most_bytes):
        table = read_table(name, text.content, separator, decimal)
        _refuse_kitti(table)
        used = _used_columns(table, columns, named)
        flights.append(_flight(table, used, time_unit, frame_of(table, used, frame), text.remark))
    return flights


def read_tum(
    path: Path,
    *,
    time_unit: TimeUnit | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> list[Flight]:
    """Read a trajectory of TUM (timestamp tx ty tz qx qy qz qw, comments after #) or of EuRoC (CSV, ns).

    Raises
    ------
    BuildError
        When the file is neither, or a line does not fit; names the line.
    """
    flights = []
    for name, text in _texts(path, encoding, most_bytes):
        if is_euroc(text.content):
            table = read_table(name, text.content, separator, decimal)
            used = _used_columns(table, EUROC, set())
            flights.append(_flight(table, used, time_unit or "ns", "enu", text.remark))
        else:
            table, used = _tum_table(name, text.content, separator, decimal)
            flights.append(_flight(table, used, time_unit, "enu", text.remark))
    return flights


def is_euroc(text: str) -> bool:
    """Tell whether a text begins with the header of EuRoC's ground truth."""
    return EUROC.tx in text.partition("\n")[0]


def is_tum(text: str) -> bool:
    """Tell whether a text begins with numbers, as many as TUM has, below comments at most."""
    cells = _first_numbers(text)
    return bool(cells) and (len(cells) >= len(TUM) or "#" not in text.partition("\n")[0])


def _first_numbers(text: str) -> list[str]:
    """Return the cells of the first line that is no comment; none where they are no numbers."""
    lines = (line.strip() for line in text.splitlines())
    cells = re.split(r"[\s,;|]+", next((line for line in lines if line and line[0] not in "#%"), ""))
    numbers = [each for each in cells if not is_missing(each) and each.strip("+-").lower() != "inf"]
    return cells if numbers and all(map(is_number, numbers)) else []


def _refuse_kitti(table: Table) -> None:
    if len(table.header) == KITTI and all(map(is_number, table.header)):
        raise BuildError(
            f"{table.name} holds {KITTI} numbers a line, as poses of KITTI, which have no stamps and the "
            "axes of a camera (right, down, forward); write lines of stamp, east, north, up (m) with the "
            "stamps of its times.txt below a header timestamp,tx,ty,tz and read them by uav/csv"
        )


def _texts(path: Path, encoding: str | None, most: int) -> Iterator[tuple[str, Text]]:
    """Give name and content of each text; an archive is read without writing its files anywhere."""
    if format_of(path) not in PACKED and not path.name.lower().endswith(ARCHIVES):
        yield str(path), opened(read_bytes(path, most), str(path), encoding, SAVE_OR_NAME)
        return
    found = format_of(path)
    try:
        yield from _members(path, found, encoding, most)
    except BuildError:
        raise
    except tarfile.ReadError as error:
        if found in UNPACKED and found != "tar":
            raise BuildError(
                f"{path} is {FORMATS[found]} without a whole tar archive in it; unpack it first if it is one "
                "file, else fetch it again"
            ) from None
        raise _broken(path, error) from None
    except Exception as error:  # a damaged archive fails anywhere in it: numbers, names, packing
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> BuildError:
    return BuildError(f"{path} cannot be read as a tar archive: {one_line(error)}; is it complete?")


def _members(path: Path, found: str, encoding: str | None, most: int) -> Iterator[tuple[str, Text]]:
    """Give name and content of the texts in a tar archive; links, devices and folders are passed over."""
    unpack = UNPACKED.get(found, open)
    limit = max(most, RATIO * require_regular(path).st_size)
    with unpack(path, "rb") as file, tarfile.open(fileobj=Metered(file, path, limit), mode="r:") as archive:  # type: ignore[operator, call-overload]
        members = []
        while member := archive.next():
            if member.size < 0:  # it would be read again and again
                raise BuildError(
                    f"{path}: '{member.name[:80]}' has {member.size} bytes; pack the texts again"
                )
            members += [member] if member.isfile() else []
            archive.members = []  # it keeps them all
        texts = sorted(
            (each for each in members if each.name.lower().endswith(TEXTS)), key=lambda each: each.name
        )
        if not texts:
            raise BuildError(
                f"{path} holds no file that ends in {' or '.join(TEXTS)}, found "
                f"{listing(each.name[:80] for each in members[:5])}; pack the texts of the flights"
            )
        for member in texts:
            name = f"{path}/{PurePosixPath(member.name)}"
            require_most(name, member.size, most)
            content = archive.extractfile(member)
            assert content is not None
            yield name, opened(content.read(), name, encoding, SAVE_OR_NAME)


def _flight(
    table: Table, used: dict[str, str], time_unit: TimeUnit | None, frame: Frame, remark: str
) -> Flight:
    """Return the flight in a table whose columns are known by what they hold."""
    if not table.rows:
        raise BuildError(f"{table.name} has a header but no sample; expected one sample a line below it")
    stamps, remarks = stamps_of(table, used["timestamp"], time_unit)
    found = {key: table.values(used[key], units) for key, units in UNITS.items() if key in used}

    def together(keys: Sequence[str]) -> Numbers | None:
        if keys[0] not in found:
            return None
        values = np.stack([found[key] for key in keys], axis=1)
        return np.where(np.isfinite(values), values, np.nan)

    position, attitude, velocity = together(POSITION), together(QUATERNION), together(VELOCITY)
    assert position is not None
    axes = CHOICES[frame]
    flight = Flight(
        source=table.name,
        stamps=stamps,
        position=standard_vectors(position, axes.world),
        attitude=None if attitude is None else standard_attitudes(attitude, axes),
        velocity=None if velocity is None else standard_vectors(velocity, axes.world),
        numbers=table.lines,
        counted="line",
        remarks=(*filter(None, [remark]), *remarks),
    )
    return in_order(flight)


def _used_columns(table: Table, columns: Columns, required: set[str]) -> dict[str, str]:
    """Return the column of each quantity that the file holds."""
    named, header = columns.model_dump(), table.header
    if not places(named["tx"], header):
        if places(EUROC.tx, header):
            raise BuildError(
                f"{table.name} is in EuRoC's layout ({EUROC.tx} ...), expected '{named['tx']}'; "
                "uav/tum reads such files"
            )
        refuse_degrees(table, header)
    refuse_degrees(table, [named[key] for key in POSITION])
    asked = {"timestamp", *POSITION, *required}
    for group in (QUATERNION, VELOCITY):
        if any(places(named[key], header) for key in group):
            asked |= set(group)
    used = {key: column for key, column in named.items() if key in asked}
    tum = " Lines of 8 numbers are TUM's layout, which uav/tum reads" if len(header) == len(TUM) else ""
    require_columns(table.name, header, used, tum)
    return used


def _tum_table(
    name: str, text: str, separator: str | None, decimal: str | None
) -> tuple[Table, dict[str, str]]:
    """Return a TUM file and its columns: as a header or comment names them, else in TUM's order."""
    table = read_table(name, text, separator, decimal)
    if not table.header:
        raise BuildError(f"{name} holds no sample; expected lines of {' '.join(TUM)}")
    _refuse_kitti(table)
    names = _tum_names(table.header)
    if set(TUM) <= names.keys():
        return table, names
    if not _first_numbers(text) or len(names) > 1:
        raise BuildError(
            f"{name} names its columns {', '.join(table.header)}, expected lines of {' '.join(TUM)}; uav/csv "
            "reads tables by the names of their columns"
        )
    table = read_table(name, text, separator, decimal, TUM)
    held = max(len([cell for cell in row if cell.strip()]) for row in table.rows)
    if held not in (len(TUM), 1 + len(POSITION)):
        raise BuildError(
            f"{name} holds {held} values a line, expected {len(TUM)} ({' '.join(TUM)}) or the first "
            f"{1 + len(POSITION)}; name its columns in a header line if they are others"
        )
    return table, {key: key for key in TUM[:held]}


def _tum_names(titles: Sequence[str]) -> dict[str, str]:
    """Return titles by what TUM calls them, whatever their spelling."""
    found: dict[str, str] = {}
    for title in titles:
        plain = re.sub("[^a-z]", "", bracketed(title)[0].lower())
        for pattern, kind in _TUM_NAMES.items():
            if match := re.fullmatch(pattern, plain):
                found.setdefault(kind if kind == "timestamp" else kind + match[2], title)
                break
    return found
