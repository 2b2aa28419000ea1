"""Open bags of ROS 1 and ROS 2, and decode the messages of one topic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from datasets.factory.errors import BuildError
from datasets.factory.formats import BAGS, UNKNOWN, format_of
from datasets.factory.limits import MOST_BYTES
from datasets.uav.bag_checks import RESERVED, require_finite, require_plain_file, require_plain_metadata
from datasets.uav.tracks import one_line
from datasets.uav.unpacking import Unpack, limited
from surrogates.core.optional import require

METADATA = "metadata.yaml"
"""What makes a folder a bag of ROS 2."""
_MENDING = {
    "bag": "`rosbag reindex` mends a bag that was not closed",
    "db3": "`sqlite3 FILE .recover` saves what is there",
    "mcap": "`mcap recover` mends a file that was not closed",
}


class Topic(NamedTuple):
    """Type of a topic, such as ``nav_msgs/Odometry``, and how many messages it has."""

    kind: str
    messages: int


class Message(NamedTuple):
    """A decoded message, its number in its topic (from 1) and the time of its recording, ns."""

    number: int
    time: int
    content: Any


class Bag:
    """An open bag.

    Parameters
    ----------
    path
        File or folder, for messages.
    reader
        Reader of the library `rosbags`, open.
    unpack
        Unpacks a message, where messages are packed one by one.

    Attributes
    ----------
    topics
        Topics by their names.
    """

    def __init__(self, path: Path, reader: Any, unpack: Unpack, *, of_ros1: bool) -> None:
        self._path, self._reader, self._of_ros1 = path, reader, of_ros1
        self._unpack: Unpack = bytes
        folder = getattr(reader, "storage", None)
        if folder is not None and folder.metadata.compression_mode == "message":
            folder.metadata = folder.metadata._replace(compression_mode=None)
            self._unpack = unpack
        self.topics: dict[str, Topic] = {}
        for each in reader.connections:
            before = self.topics.get(each.topic, Topic("", 0))
            kind = each.msgtype.replace("/msg/", "/")
            self.topics[each.topic] = Topic(kind, before.messages + each.msgcount)

    def messages(self, topic: str) -> Iterator[Message]:
        """Decode the messages of a topic, one by one.

        Only its own type is looked up, so that a broken description of another does no harm.
        """
        connections = [each for each in self._reader.connections if each.topic == topic]
        store = self._typestore(connections[0])
        decode = store.deserialize_ros1 if self._of_ros1 else store.deserialize_cdr
        for number, (each, time, raw) in enumerate(self._reader.messages(connections=connections), 1):
            yield Message(number, time, decode(self._unpack(raw), each.msgtype))

    def _typestore(self, connection: Any) -> Any:
        """Return the types as the bag describes them or, as old bags of ROS 2 do not, as ROS has them."""
        typesys = require("rosbags.typesys")
        if connection.msgdef.format.name == "MSG":
            store = typesys.get_typestore(typesys.Stores.EMPTY)
            store.register(typesys.get_types_from_msg(connection.msgdef.data, connection.msgtype))
            require_finite(self._path, store.fielddefs, connection.msgtype)
            return store
        stores = typesys.Stores
        store = typesys.get_typestore(stores.ROS1_NOETIC if self._of_ros1 else stores.ROS2_HUMBLE)
        if connection.msgtype not in store.types:
            raise BuildError(
                f"{self._path} does not describe the type {connection.msgtype} of '{connection.topic}', and "
                "ROS itself has none of that name; `ros2 bag convert` writes it with its descriptions where "
                "that type is installed"
            )
        return store


@contextmanager
def opened(path: Path, most_bytes: int = MOST_BYTES) -> Iterator[Bag]:
    """Open a ``.bag``, ``.db3`` or ``.mcap`` file, or the folder of a bag of ROS 2.

    Parameters
    ----------
    path
        The file or folder.
    most_bytes
        Most bytes that a packed chunk, message or file may unpack to.

    Raises
    ------
    BuildError
        When it cannot be read, here or while its messages are.
    """
    reader = require("rosbags.rosbag1", f"Reading {path}").Reader
    kind = UNKNOWN if path.is_dir() else format_of(path)
    of_ros1 = path.suffix == ".bag" if kind == UNKNOWN else kind == "bag"
    if not of_ros1:
        reader = require("rosbags.rosbag2").Reader
    try:
        if path.is_dir():
            require_plain_metadata(path / METADATA, most_bytes)
        else:
            require_plain_file(path)
        with (
            limited(path, most_bytes) as unpack,
            _with_suffix(path, kind) as named,
            reader(named) as found,
        ):
            yield Bag(path, found, unpack, of_ros1=of_ros1)
    except BuildError:
        raise
    except Exception as error:  # a damaged bag fails anywhere: header, SQLite, lengths, types of messages
        said = one_line(error).replace("; please report issue", "").removesuffix(".")
        advice = _advice(path, said, "bag" if of_ros1 else kind)
        raise BuildError(f"{path} cannot be read as a bag: {said}; {advice}") from None


def _advice(path: Path, said: str, kind: str) -> str:
    """Return what to do with a bag that cannot be read."""
    if "Profile" in said:
        return "only MCAP files that ROS 2 recorded are read"
    files = sorted(each.name for each in path.glob("*") if each.suffix in (".db3", ".mcap"))
    if kind in _MENDING:
        mending = _MENDING[kind]
    elif files:
        mending = f"If only its {METADATA} is wrong, import its files alone, such as {path / files[0]}"
    else:
        mending = "Copy all its files again"
    return f"is it complete, and closed by its recorder? {mending}"


@contextmanager
def _with_suffix(path: Path, kind: str) -> Iterator[Path]:
    """Give a bag the suffix by which rosbags knows its format: its own path, or that of a temporary link."""
    plain = not any(sign in str(path) for sign in RESERVED)
    if kind not in BAGS or (plain and path.suffix == f".{kind}"):
        yield path
        return
    with TemporaryDirectory() as folder:
        link = Path(folder) / f"bag.{kind}"
        link.symlink_to(path.absolute())
        yield link
