"""Kill a process before the n-th of its actions that change files below a folder.

Python tells an audit hook of every file that it opens for writing, makes, moves, links, cuts or deletes. What
native code writes (TensorStore) it does not see: kills at random moments stand beside these.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

import numpy as np

from tests.hostile.attempt import CHANGES, location, writes

_context = multiprocessing.get_context("forkserver")


class Killed(NamedTuple):
    """How a child ended.

    Attributes
    ----------
    exitcode
        0, or minus the signal.
    actions
        Actions that it told of before it ended, such as ``os.rename a.yaml``.
    output
        What it printed; empty if it was killed.
    seconds
        From its first action to its end.
    """

    exitcode: int
    actions: list[str]
    output: str
    seconds: float


def run(work: Callable[..., Any], *arguments: Any, below: str, before: int = 0, after: float = 0.0) -> Killed:
    """Call a function of a module in a child, and kill it.

    Parameters
    ----------
    work
        A function that a module names.
    *arguments
        Its arguments, plain values.
    below
        Folder whose changes count.
    before
        Number of the action, from 1, that the child does not live to do; 0 lets it live.
    after
        Seconds after its first action at which it is killed; 0 lets it live.
    """
    ours, theirs = _context.Pipe(duplex=False)
    child = _context.Process(target=_child, args=(theirs, work, arguments, below, before, after))
    child.start()
    theirs.close()
    actions: list[str] = []
    output, start = "", time.perf_counter()
    try:
        while True:
            kind, text = ours.recv()
            if kind == "action":
                start = start if actions else time.perf_counter()
                actions.append(text)
            else:
                output = text
    except EOFError:
        pass
    child.join()
    return Killed(child.exitcode or 0, actions, output, time.perf_counter() - start)


def every_tenth(actions: list[str], first: int) -> list[int]:
    """Return the numbers of every tenth action; ten firsts, from 1, are all actions."""
    return list(range(first, len(actions) + 1, 10))


def moments(seconds: float, count: int, seed: int) -> list[float]:
    """Return random moments before a child ends, in seconds after its first action."""
    return np.random.default_rng(seed).uniform(0.0, seconds, count).tolist()


def _child(
    pipe: Any, work: Callable[..., Any], arguments: Any, below: str, before: int, after: float
) -> None:
    root, me, count, one = os.path.realpath(below), os.getpid(), 0, threading.Lock()

    def watch(event: str, given: tuple[Any, ...]) -> None:
        nonlocal count
        if os.getpid() != me:  # a process that the child forks
            return
        if event == "open":
            if not writes(given[2]):
                return
            paths: tuple[Any, ...] = (given[0],)
        elif event in CHANGES:
            paths = tuple(given[index] for index in CHANGES[event])
        else:
            return
        if not any(_is_below(path, root) for path in paths):
            return
        with one:  # zarr writes from several threads
            count += 1
            pipe.send(("action", f"{event} {paths[-1]}"))
            if count == 1 and after:
                threading.Timer(after, os.kill, (me, signal.SIGKILL)).start()
            if count == before:
                os.kill(me, signal.SIGKILL)

    sys.addaudithook(watch)
    printed = StringIO()
    code = 0
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            work(*arguments)
        except SystemExit as stopped:
            code = int(stopped.code or 0) if not isinstance(stopped.code, str) else 1
        except BaseException as error:
            printed.write(repr(error))
            code = 1
    pipe.send(("output", printed.getvalue()))
    pipe.close()
    os._exit(code)


def _is_below(path: Any, root: str) -> bool:
    where = location(path)
    return where is not None and (where == root or where.startswith(f"{root}/"))
