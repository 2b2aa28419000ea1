"""Grouping of records: one read decodes an inner chunk, one worker writes a shard."""

import math
from collections.abc import Sequence

import numpy as np

from datasets.store.specs import VariableSpec

KIBI, MEBI = 1 << 10, 1 << 20
SMALL_CHUNK = 256 * KIBI
SMALL_SHARD = 64 * MEBI
LARGE_SHARD = 128 * MEBI
LARGEST_CHUNK = 2**31 - 17  # bytes that Blosc compresses at once (its MAX_BUFFERSIZE)


def record_bytes(spec: VariableSpec) -> int:
    """Return the size of one record of a variable in bytes."""
    return math.prod(spec.shape) * np.dtype(spec.dtype).itemsize


def shard_records(specs: Sequence[VariableSpec], records: int, multiple: int = 1) -> int:
    """Choose the records per shard: 256, fewer when that exceeds 128 MiB, more when records are tiny.

    Parameters
    ----------
    specs
        The record variables.
    records
        Records of the whole store; a shard is not made longer than that needs.
    multiple
        The result is a multiple of this, so that a shard holds whole units.
    """
    size = max(max(map(record_bytes, specs), default=1), 1)
    wanted = min(256, max(1, LARGE_SHARD // size)) if size >= 16 * KIBI else min(16384, SMALL_SHARD // size)
    wanted = min(wanted, records)
    return max(1, round(wanted / multiple)) * multiple


def chunk_records(spec: VariableSpec, per_shard: int) -> int:
    """Choose the records per inner chunk: one, or as many as stay under 256 KiB and divide the shard."""
    most = min(per_shard, max(1, SMALL_CHUNK // max(record_bytes(spec), 1)))
    return next(length for length in range(most, 0, -1) if per_shard % length == 0)
