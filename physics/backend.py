"""Choose what Sionna RT computes on, before anything imports it.

Importing any part of Sionna imports its ray tracer where that is installed. The ray tracer runs on Dr.Jit,
which needs either a CUDA device with OptiX or an LLVM library of version 16 or newer. Dr.Jit loads the first
LLVM library it finds when it is imported, and an older one (15 is the default of Debian 12) ends the whole
process in the first kernel. So the library is chosen here, checked, and handed over through
``DRJIT_LIBLLVM_PATH``.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

LIBRARY_VARIABLE = "DRJIT_LIBLLVM_PATH"
OLDEST_LLVM = 16
WHEEL = "karellen-llvm-core"
REMEDY = f"run `pip install {WHEEL}` (Linux x86-64) or set {LIBRARY_VARIABLE} to a libLLVM >= {OLDEST_LLVM}"
EXTRA = 'pip install "sciml-surrogates[radio]"'
LIBRARY_NAME = re.compile(r"libLLVM(?:-(\d+)[\d.]*\.so[\d.]*|\.so\.(\d+)[\d.]*|\.dylib)")
SYSTEM_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/opt/homebrew/opt/llvm/lib")


class BackendError(ImportError):
    """Sionna RT cannot run on this machine; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Backend:
    """What Sionna RT computes on.

    Attributes
    ----------
    name : {"cuda", "llvm"}
    version : str
        CUDA driver version or LLVM version.
    library : Path or None
        The LLVM library; None for CUDA.
    """

    name: Literal["cuda", "llvm"]
    version: str
    library: Path | None = None

    @property
    def variant(self) -> str:
        """The Mitsuba variant that goes with it."""
        return f"{self.name}_ad_mono_polarized"

    def __str__(self) -> str:
        where = f" ({self.library})" if self.library else ""
        return f"{self.name.upper()} {self.version}{where}"


@functools.cache
def choose_backend() -> Backend:
    """Choose CUDA if there is a device, else an LLVM library, and tell Dr.Jit.

    The LLVM library is the user's own (``DRJIT_LIBLLVM_PATH``), else the one of the wheel
    ``karellen-llvm-core``, else one of the system.

    Raises
    ------
    BackendError
        If there is neither a CUDA device nor an LLVM library of version 16 or newer.
    """
    driver = _cuda_driver()
    if driver:
        return Backend("cuda", driver)
    library, version = _llvm_library()
    _refuse_early_import(library)
    os.environ[LIBRARY_VARIABLE] = str(library)
    return Backend("llvm", version, library)


def physical_layer() -> ModuleType:
    """Import ``sionna.phy``, which needs no rays, and leave the ray tracer a backend that it can use.

    The global generator of torch, which the import seeds anew, stays as it was.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    import torch

    with contextlib.suppress(BackendError):
        choose_backend()
    state = torch.get_rng_state()
    try:
        return importlib.import_module("sionna.phy")
    except ModuleNotFoundError as error:
        message = 'simulating 3GPP channels needs sionna; run `pip install "sciml-surrogates[csi]"`'
        raise ModuleNotFoundError(message, name="sionna.phy") from error
    finally:
        torch.set_rng_state(state)


@functools.cache
def sionna() -> ModuleType:
    """Import ``sionna.rt`` on the chosen backend.

    Raises
    ------
    BackendError
        If Sionna RT is not installed or nothing can run it.
    """
    backend = choose_backend()  # before find_spec: looking for a sub-module imports its package
    if importlib.util.find_spec("mitsuba") is None or importlib.util.find_spec("sionna") is None:
        raise BackendError(f"ray tracing needs Sionna RT, which is not installed; run `{EXTRA}`")
    import mitsuba  # only once the backend is chosen

    if mitsuba.variant() is None:
        mitsuba.set_variant(backend.variant)
    import sionna.rt

    return sionna.rt


def use_one_thread() -> None:
    """Let the CPU backend compute on one thread, on which a solver with a fixed seed repeats bit for bit.

    With more, threads race for the entries of diffracting edges in a table of Sionna's solver, and some
    diffracted paths differ between repeats.
    """
    sionna()
    import drjit

    drjit.set_thread_count(1)


def describe() -> dict[str, str]:
    """Name and version of the solver and of what it computes on, without importing the solver.

    Returns
    -------
    dict
        Keys ``sionna-rt``, ``mitsuba``, ``drjit`` (version or ``"not installed"``) and ``backend``, e.g.
        ``"LLVM 23.1.4"``.

    Raises
    ------
    BackendError
        If nothing can run the solver.
    """
    found = {name: _version(name) for name in ("sionna-rt", "mitsuba", "drjit")}
    backend = choose_backend()
    return found | {"backend": f"{backend.name.upper()} {backend.version}"}


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _cuda_driver() -> str | None:
    """Version of the CUDA driver if there is a device and OptiX, which Mitsuba traces rays with."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
        ctypes.CDLL("libnvoptix.so.1")
    except OSError:
        return None
    count, version = ctypes.c_int(0), ctypes.c_int(0)
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or count.value == 0:
        return None
    cuda.cuDriverGetVersion(ctypes.byref(version))
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def _llvm_library() -> tuple[Path, str]:
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        return Path(chosen), _checked_version(Path(chosen))
    refused = []
    for candidate in (*_wheel_libraries(), *_system_libraries()):
        try:
            return candidate, _checked_version(candidate)
        except BackendError as error:
            refused.append(str(error).partition(";")[0])
    reason = f" ({'; '.join(refused)})" if refused else ""
    raise BackendError(f"ray tracing on the CPU needs an LLVM library, and none was found{reason}; {REMEDY}")


def _refuse_early_import(library: Path) -> None:
    """Raise if Dr.Jit was imported before and took an LLVM library that is too old: it keeps it."""
    if "drjit" not in sys.modules:
        return
    taken = sys.modules["drjit"].detail.llvm_version()
    if taken[0] < OLDEST_LLVM:
        raise BackendError(
            f"Sionna was imported before the backend was chosen and took LLVM {taken[0]}, which ends the "
            f"process in the first kernel; start Python with {LIBRARY_VARIABLE}={library}, or import "
            "physics.backend and call choose_backend() first"
        )


def _checked_version(library: Path) -> str:
    """Version of an LLVM library, asked from the library itself (``LLVMGetVersion`` came with 16)."""
    if not library.exists():
        raise BackendError(f"the LLVM library {library} does not exist; {REMEDY}")
    try:
        query = ctypes.CDLL(str(library)).LLVMGetVersion
    except OSError as error:
        raise BackendError(f"the LLVM library {library} cannot be loaded ({error}); {REMEDY}") from error
    except AttributeError:
        raise BackendError(f"{library} is older than LLVM {OLDEST_LLVM} or not LLVM; {REMEDY}") from None
    numbers = [ctypes.c_uint(0) for _ in range(3)]
    query(*(ctypes.byref(number) for number in numbers))
    if numbers[0].value < OLDEST_LLVM:
        found = f"{library} is LLVM {numbers[0].value}"
        raise BackendError(f"{found}, but ray tracing needs {OLDEST_LLVM} or newer; {REMEDY}")
    return ".".join(str(number.value) for number in numbers)


def _wheel_libraries() -> Iterator[Path]:
    yield from sorted((Path(sys.prefix) / "lib").glob("libLLVM.so.*"), reverse=True)


def _system_libraries() -> list[Path]:
    """System libraries whose name says at least version 16, the newest first."""
    found: dict[Path, int] = {}
    for folder in map(Path, SYSTEM_FOLDERS):
        for pattern in ("libLLVM*", "*/libLLVM*", "llvm*/lib/libLLVM*"):
            for path in folder.glob(pattern):
                number = LIBRARY_NAME.fullmatch(path.name)
                if number:
                    found[path.resolve()] = int(number[1] or number[2] or OLDEST_LLVM)
    newest_first = sorted(found, key=lambda path: (-found[path], str(path)))
    return [path for path in newest_first if found[path] >= OLDEST_LLVM]
