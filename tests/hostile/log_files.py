"""Hostile logs of flights: ULog, and bags of ROS."""

import bz2
import os
import re
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.datasets.uav.logs import OF_ROS2, write_bag2
from tests.datasets.uav.test_rosbag import flown
from tests.hostile.case import Case, write
from tests.hostile.reading import LIMIT

MEGABYTE = 1 << 20


def ulog(formats: list[str], more: bytes = b"") -> Callable[[Path], Path]:
    def message(kind: bytes, content: bytes) -> bytes:
        return struct.pack("<HB", len(content), kind[0]) + content

    head = b"ULog\x01\x12\x35\x01" + bytes(8) + message(b"B", bytes(40))
    body = b"".join(message(b"F", each.encode()) for each in formats)
    asked = message(b"A", struct.pack("<BH", 0, 0) + b"vehicle_local_position")
    return write("a.ulg", head + body + asked + more)


def bag1(packing: str, content: bytes) -> Callable[[Path], Path]:
    """Return what writes a bag of ROS 1 whose one chunk unpacks to more than its header states."""

    def field(name: str, value: bytes) -> bytes:
        return struct.pack("<I", len(name) + 1 + len(value)) + name.encode() + b"=" + value

    def record(content: bytes, *fields: bytes) -> bytes:
        head = b"".join(fields)
        return struct.pack("<I", len(head)) + head + struct.pack("<I", len(content)) + content

    number = struct.pack("<I", 0)
    about = b"".join(
        (
            field("topic", b"/odom"),
            field("type", b"nav_msgs/Odometry"),
            field("md5sum", b"cd5e73d190d741a2f92e81eda573aca7"),
            field("message_definition", b"uint8 x\n"),
        )
    )
    connection = record(about, field("op", b"\x07"), field("conn", number), field("topic", b"/odom"))
    chunk = record(
        content,
        field("op", b"\x05"),
        field("compression", packing.encode()),
        field("size", struct.pack("<I", 100)),
    )
    index = record(
        struct.pack("<III", 1, 0, 0),
        field("op", b"\x04"),
        field("ver", struct.pack("<I", 1)),
        field("conn", number),
        field("count", struct.pack("<I", 1)),
    )
    magic = b"#ROSBAG V2.0\n"

    def head(position: int) -> bytes:
        fields = (
            field("op", b"\x03"),
            field("index_pos", struct.pack("<Q", position)),
            field("conn_count", struct.pack("<I", 1)),
            field("chunk_count", struct.pack("<I", 1)),
        )
        return record(b" " * 100, *fields)

    first = len(magic) + len(head(0))
    info_of_chunk = record(
        struct.pack("<II", 0, 1),
        field("op", b"\x06"),
        field("ver", struct.pack("<I", 1)),
        field("chunk_pos", struct.pack("<Q", first)),
        field("start_time", bytes(8)),
        field("end_time", bytes(8)),
        field("count", struct.pack("<I", 1)),
    )
    position = first + len(chunk) + len(index)
    return write("a.bag", magic + head(position) + chunk + index + connection + info_of_chunk)


def bag2(change: Callable[[Path], Any], plugin: str = "SQLITE3") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from rosbags.rosbag2 import StoragePlugin

        path = write_bag2(folder / "a", flown(OF_ROS2), StoragePlugin[plugin])
        return change(path) or path

    return make


def sql(*commands: str) -> Callable[[Path], Path]:
    """Return what changes the database of a bag of ROS 2, and gives its file."""

    def change(path: Path) -> Path:
        (file,) = path.glob("*.db3")
        with sqlite3.connect(file) as database:
            for command in commands:
                database.execute(command)
        database.close()
        return file

    return bag2(change)


def metadata(change: Callable[[str], str]) -> Callable[[Path], Path]:
    def edit(path: Path) -> None:
        file = path / "metadata.yaml"
        file.write_text(change(file.read_text()))

    return bag2(edit)


def packed_bag(path: Path) -> None:
    from rosbags.rosbag2.reader import zstd

    (file,) = path.glob("*.db3")
    (path / f"{file.name}.zstd").write_bytes(zstd.compress(bytes(4 * LIMIT)))
    about = path / "metadata.yaml"
    text = about.read_text().replace(file.name, f"{file.name}.zstd")
    text = text.replace("compression_format: ''", "compression_format: zstd")
    about.write_text(text.replace("compression_mode: ''", "compression_mode: FILE"))


def packed_messages(path: Path) -> None:
    from rosbags.rosbag2.reader import zstd

    (file,) = path.glob("*.db3")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE messages SET data = ?", (zstd.compress(bytes(4 * LIMIT)),))
    database.close()
    about = path / "metadata.yaml"
    text = about.read_text().replace("compression_format: ''", "compression_format: zstd")
    about.write_text(text.replace("compression_mode: ''", "compression_mode: MESSAGE"))


def mcap(packing: str) -> Callable[[Path], Path]:
    """Return what writes an MCAP file whose one chunk unpacks to more than it states."""

    def make(folder: Path) -> Path:
        import lz4.frame
        from rosbags.rosbag2.reader import zstd

        pack = {"zstd": zstd.compress, "lz4": lz4.frame.compress}[packing]
        packed = pack(bytes(4 * LIMIT))

        def record(code: int, content: bytes) -> bytes:
            return bytes([code]) + struct.pack("<Q", len(content)) + content

        def text(content: str) -> bytes:
            return struct.pack("<I", len(content)) + content.encode()

        magic = b"\x89MCAP0\r\n"
        chunk = struct.pack("<QQQI", 0, 1, 100, 0) + text(packing) + struct.pack("<Q", len(packed)) + packed
        (folder / "a.mcap").write_bytes(
            magic + record(1, text("ros2") + text("x")) + record(6, chunk) + record(2, bytes(20)) + magic
        )
        return folder / "a.mcap"

    return make


LOGS = {
    "ulog of a format in itself": Case(
        "ulog", ulog(["vehicle_local_position:vehicle_local_position x;"]), "holds itself"
    ),
    "ulog of formats in formats": Case(
        "ulog", ulog(["a:uint8_t[60000] x;", "vehicle_local_position:a[60000] x;"]), "more than 65,535 bytes"
    ),
    "ulog of messages of no length": Case("ulog", ulog([], bytes(30_000)), "a.ulg"),
    "ulog of unknown messages": Case("ulog", ulog([], b"\xff\xff\xff" * 10_000), "a.ulg"),
    "ulog of empty messages of data": Case(
        "ulog", ulog(["vehicle_local_position:uint64_t timestamp;"], b"\0\0D" * 10_000), "a.ulg"
    ),
    "bag of ROS 1 with a chunk of bzip2": Case(
        "bag", bag1("bz2", bz2.compress(bytes(4 * LIMIT))), "a packed chunk or message of more than 8,388,608"
    ),
    "bag that is sound": Case("bag", bag2(lambda path: None), ""),
    "mcap with a chunk of zstd": Case(
        "bag", mcap("zstd"), "a packed chunk or message of more than 8,388,608"
    ),
    "mcap with a chunk of lz4": Case("bag", mcap("lz4"), "a packed chunk or message of more than 8,388,608"),
    "bag of packed messages": Case("bag", bag2(packed_messages), "a packed chunk or message of more than"),
    "bag of packed files": Case("bag", bag2(packed_bag), "db3.zstd unpacks to more than"),
    "bag of an endless view": Case(
        "bag",
        sql(
            "DROP TABLE schema",
            "CREATE VIEW schema AS WITH RECURSIVE n(schema_version) AS (SELECT 0 UNION ALL SELECT "
            "schema_version + 1 FROM n) SELECT max(schema_version) AS schema_version FROM n",
        ),
        "has the view 'schema'",
    ),
    "bag with a trigger": Case(
        "bag",
        sql("CREATE TRIGGER t AFTER INSERT ON topics BEGIN DELETE FROM messages; END"),
        "has the trigger 't'",
    ),
    "bag with a virtual table": Case(
        "bag", sql("CREATE VIRTUAL TABLE v USING fts5(a)"), "has the virtual table 'v'"
    ),
    "bag with computed columns": Case(
        "bag",
        sql("ALTER TABLE messages ADD COLUMN big GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL"),
        "has the table with computed columns 'messages'",
    ),
    "bag of 1e9 messages": Case(
        "bag", metadata(lambda text: re.sub(r"message_count: (\d+)", r"message_count: 1000000000", text)), ""
    ),
    "bag with aliases": Case(
        "bag",
        metadata(lambda text: "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n" + text),
        "metadata.yaml has YAML aliases",
    ),
    "bag with a deep description": Case(
        "bag", metadata(lambda text: text + "x: " + "[" * 100_000 + "\n"), "metadata.yaml|a cannot be read"
    ),
    "bag with a large description": Case(
        "bag", metadata(lambda text: text + "#" * 2 * MEGABYTE), "metadata.yaml has .* bytes"
    ),
    "bag that names another file by its name": Case(
        "bag", metadata(lambda text: text.replace("a.db3", "b?mode=rwc.db3")), "rename it without any of"
    ),
    "bag whose name has a question mark": Case(
        "bag",
        bag2(lambda path: next(path.glob("*.db3")).rename(path / "b?mode=rwc&x=%2fetc%2f.db3")),
        "",
    ),
    "bag with a pipe for its file": Case(
        "bag",
        bag2(lambda path: (next(path.glob("*.db3")).unlink(), os.mkfifo(path / "a.db3"))[1]),
        "a.db3 is a named pipe",
    ),
}
