"""Do something with a stranger's input in a child process that is watched and limited.

The child is forked from a process that has imported everything (`tests.hostile.warm`). An audit hook
(`sys.addaudithook`) notes what a stranger's input may never cause: code that is unpickled, a process, a
socket, a file written, made, moved or deleted outside the folder of the attempt.
"""

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

MEGABYTE = 1 << 20
PROCESSES = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "os.spawn",
    "pty.spawn",
)
NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "urllib.Request")
CODE = ("pickle.find_class", "marshal.loads", "code.__new__", "ctypes.dlopen")
CHANGES = {
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "shutil.rmtree": (0,),
    "shutil.move": (0, 1),
    "shutil.copyfile": (1,),
    "shutil.unpack_archive": (1,),
}
"""Events that change files, with the arguments that are paths."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
HARMLESS = ("/dev/null", "/dev/shm", "/proc/")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.hostile.warm"])


class Outcome(NamedTuple):
    """What came of an attempt.

    Attributes
    ----------
    error
        What the command line says; empty if the attempt went through.
    kind
        Type of the exception; `signal N` for a child that was killed, `too long` for one that never ended.
    forbidden
        What the audit hook noted.
    output
        What was printed, or returned as text.
    seconds, megabytes
        Time that the attempt took, and by how much its largest memory grew.
    """

    error: str
    kind: str
    forbidden: list[str]
    output: str
    seconds: float
    megabytes: float


def attempt(
    work: Callable[..., Any], *arguments: Any, folder: Path, seconds: float = 10.0, megabytes: int = 1024
) -> Outcome:
    """Call a function of a module in a watched child.

    Parameters
    ----------
    work
        A function that a module names; what it prints and returns is kept as text.
    *arguments
        Its arguments, plain values.
    folder
        Where files may be written; the child works in it.
    seconds, megabytes
        Most time, and most memory beyond that of the imports.
    """
    ours, theirs = _context.Pipe(duplex=False)
    child = _context.Process(target=_child, args=(theirs, work, arguments, str(folder), seconds, megabytes))
    start = time.perf_counter()
    child.start()
    theirs.close()
    try:
        # Limited are CPU seconds: on a loaded machine they take longer on the clock.
        if ours.poll(6 * seconds):
            return ours.recv()  # type: ignore[no-any-return]
        kind = "too long"
    except EOFError:
        child.join(seconds)
        killed = -(child.exitcode or 0)
        kind = "too long" if killed == signal.SIGXCPU else f"signal {killed}"
    finally:
        child.kill()
        child.join()
    return Outcome("", kind, [], "", time.perf_counter() - start, 0.0)


def _child(
    pipe: Connection, work: Callable[..., Any], arguments: Any, folder: str, seconds: float, megabytes: int
) -> None:
    from surrogates.cli.main import _is_users_mistake, _one_line

    os.chdir(folder)
    before = _megabytes("VmRSS")
    spent = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent + seconds) + 1, int(spent + seconds) + 2))
    data = int(_megabytes("VmData") + megabytes) * MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    forbidden: list[str] = []
    sys.addaudithook(_watching(str(Path(folder).resolve()), forbidden))
    printed, error, kind = StringIO(), "", ""
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            returned = work(*arguments)
            if returned is not None:
                printed.write(str(returned))
        except SystemExit as stopped:
            kind = f"exit {stopped.code}" if stopped.code else ""
            error = printed.getvalue() if stopped.code else ""
        except Exception as raised:
            kind = type(raised).__name__
            error = _one_line(raised) if _is_users_mistake(raised) else f"Traceback: {raised!r}"
    used = _megabytes("VmHWM") - before
    pipe.send(Outcome(error, kind, forbidden, printed.getvalue(), time.process_time() - spent, used))
    pipe.close()
    os._exit(0)


def _watching(folder: str, forbidden: list[str]) -> Callable[[str, tuple[Any, ...]], None]:
    inside = (folder, *HARMLESS)

    def outside(path: Any) -> bool:
        where = location(path)
        return where is not None and not where.startswith(inside)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in PROCESSES or event in NETWORK:
            forbidden.append(f"{event} {str(arguments)[:200]}")
        elif event == "pickle.find_class":
            forbidden.append(f"{event} {arguments[0]}.{arguments[1]}")
        elif event == "open" and writes(arguments[2]) and outside(arguments[0]):
            forbidden.append(f"open for writing {arguments[0]}")
        elif event in CHANGES and any(outside(arguments[index]) for index in CHANGES[event]):
            forbidden.append(f"{event} {str(arguments)[:200]}")

    return watch


def writes(flags: Any) -> bool:
    """Tell whether a file is opened for writing."""
    return isinstance(flags, int) and bool(flags & WRITING)


def location(path: Any) -> str | None:
    """Return where an action on a path takes effect, links in its folders resolved; None for a descriptor."""
    if path is None or isinstance(path, int):
        return None
    given = Path(os.fsdecode(path))
    return str(given.parent.resolve() / given.name)


def _megabytes(field: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise OSError(f"no {field} in /proc/self/status")
