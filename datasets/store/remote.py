"""Bytes of objects elsewhere: many requests at once, neighbours in one, and again after a failure."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from fsspec.core import url_to_fs
from fsspec.utils import merge_offset_ranges

from datasets.store.byte_sources import ByteSource, Range
from datasets.store.errors import ContractError
from datasets.store.obstore_client import obstore_client
from datasets.store.patience import Patience, may_pass
from datasets.store.urls import connected

GAP = 1 << 16
"""Bytes between two ranges that are fetched with them rather than by a request of their own."""
MOST = 1 << 24
"""Bytes of a request that fetches several ranges."""


class RemoteObjects:
    """The shards of an array below a URL.

    Parameters
    ----------
    url
        The array.
    storage_options
        For fsspec.
    """

    def __init__(self, url: str, storage_options: Mapping[str, object] | None = None) -> None:
        self._url = url
        options = dict(storage_options or {})
        found: tuple[Any, str] = obstore_client(url, options) or url_to_fs(url, **connected(url, options))
        self._system, self._root = found

    def where(self, key: str) -> str:
        """Return the URL of a shard."""
        return f"{self._url}/{key}"

    def size(self, key: str) -> None:
        """Return None: only a request could tell."""

    def read_into(self, key: str, start: int, buffers: Sequence[np.ndarray]) -> int:
        """Fill buffers with the bytes of a shard by a request."""
        length = sum(buffer.nbytes for buffer in buffers)
        whole = (key, start, None if start < 0 else start + length)
        return self.fetch([whole]).read_into(key, start, buffers)

    def fetch(self, ranges: Sequence[Range]) -> ByteSource:
        """Fetch many ranges at once.

        Raises
        ------
        Unanswered
            When the server does not answer for a minute.
        ContractError
            When it sends more than was asked for.
        """
        tails = [each for each in ranges if each[2] is None]
        others = _merged([each for each in ranges if each[2] is not None])
        return _Fetched(self, dict(zip([*tails, *others], self._answers([*tails, *others]), strict=True)))

    def _answers(self, ranges: Sequence[Range]) -> list[bytes | Exception]:
        """Return the bytes of each range, or why there are none; ask again what failed for a while."""
        answers: dict[int, bytes | Exception] = {}
        waiting, patience = list(range(len(ranges))), Patience(self._url)
        while waiting:
            wanted = [ranges[number] for number in waiting]
            answers |= zip(waiting, self._ask(wanted), strict=True)
            silent = {n: e for n in waiting if isinstance(e := answers[n], Exception) and may_pass(e)}
            waiting = list(silent)
            if silent:
                time.sleep(patience.after(silent[waiting[0]]))
        for number, (key, start, stop) in enumerate(ranges):
            answer, asked = answers[number], -start if stop is None else stop - start
            if not isinstance(answer, Exception) and len(answer) > asked:
                raise ContractError(
                    f"{self.where(key)}: its server sent {len(answer)} bytes where {asked} were asked for, "
                    "as one that knows no ranges (HTTP `Range`) sends whole files; copy the store to this "
                    "machine or to a bucket, or serve it by another web server"
                )
        return [answers[number] for number in range(len(ranges))]

    def _ask(self, ranges: Sequence[Range]) -> list[bytes | Exception]:
        if not ranges:
            return []
        keys, starts, ends = (list(each) for each in zip(*ranges, strict=True))
        paths = [f"{self._root}/{key}" for key in keys]
        return list(self._system.cat_ranges(paths, starts, ends, on_error="return"))


class _Fetched:
    """Ranges that were fetched; others are fetched when asked for."""

    fetch = None

    def __init__(self, objects: RemoteObjects, answers: Mapping[Range, bytes | Exception]) -> None:
        self._objects = objects
        self._answers: dict[str, list[tuple[Range, bytes | Exception]]] = defaultdict(list)
        for each, answer in answers.items():
            self._answers[each[0]].append((each, answer))

    def where(self, key: str) -> str:
        return self._objects.where(key)

    def size(self, key: str) -> None:
        return None

    def read_into(self, key: str, start: int, buffers: Sequence[np.ndarray]) -> int:
        stop = None if start < 0 else start + sum(buffer.nbytes for buffer in buffers)
        for (_, first, last), answer in self._answers.get(key, ()):
            if (first, last) == (start, stop) or (stop and last and 0 <= first <= start and stop <= last):
                return self._copy(key, answer, start - first, buffers)
        return self._objects.read_into(key, start, buffers)

    def _copy(self, key: str, answer: bytes | Exception, offset: int, buffers: Sequence[np.ndarray]) -> int:
        if isinstance(answer, FileNotFoundError):
            raise answer
        if isinstance(answer, Exception):
            said = " ".join(str(answer).split()) or "no reason given"
            raise ContractError(
                f"{self.where(key)} cannot be read ({type(answer).__name__}: {said}); check your rights, and "
                "find every damage with `surrogates data verify`"
            ) from answer
        content, begun = np.frombuffer(answer, np.uint8)[offset:], 0
        for buffer in buffers:
            part = content[begun : begun + buffer.nbytes]
            buffer[: len(part)] = part
            begun += len(part)
        return begun


def _merged(ranges: Sequence[Range]) -> list[Range]:
    """Return ranges that cover the given ones, neighbours in one."""
    keys, starts, ends = ([each[axis] for each in ranges] for axis in range(3))
    return list(zip(*merge_offset_ranges(keys, starts, ends, max_gap=GAP, max_block=MOST), strict=True))
