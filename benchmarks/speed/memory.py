"""Peak memory: of this process, of its children, and of work in a fresh one."""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

_UNIT = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes


def peak() -> float:
    """Return the peak resident memory of this process until now, MiB.

    On Linux `getrusage` includes the process that started this one; its status does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNIT


def peak_of_children() -> float:
    """Return the peak resident memory of the largest child process that has ended, MiB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNIT


def peak_of(work: Callable[..., object], *arguments: Any) -> float:
    """Work in a fresh process, and return its peak resident memory, MiB.

    Parameters
    ----------
    work, arguments
        A function of a module, and what it is called with.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_weighed, work, arguments).result()


def _weighed(work: Callable[..., object], arguments: tuple[Any, ...]) -> float:
    work(*arguments)
    return peak()
