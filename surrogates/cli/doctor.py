"""`surrogates doctor`: what this machine can run, and the command that installs what is missing."""

import importlib
import importlib.util
import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import cast

from surrogates.cli.echo import echo
from surrogates.core.finding import Finding
from surrogates.core.optional import install_line
from surrogates.core.plugins import plugins
from surrogates.core.registry import names, resolve

MARKS = {True: "ok", False: "--"}
CUPY = {"12": "gpu", "13": "gpu13"}
"""Extra with CuPy for each CUDA that torch may be built for."""


def doctor() -> None:
    """Show which backends and optional extras are there, and how to get what is missing."""
    for finding in findings():
        echo(f"{MARKS[finding.present]}  {finding.name:<17} {finding.found}")
        if finding.remedy:
            echo(f"    {'':<17} get it with: {finding.remedy}")


def findings() -> Iterator[Finding]:
    """Examine this environment, cheapest first; a broken component becomes a finding, never a traceback."""
    yield Finding("python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    packages = list(dict.fromkeys(plugin.distribution for plugin in plugins()))
    for package in packages:
        yield Finding(package, True, metadata.version(package))
    yield _guarded("torch", _torch)
    for name in names("checks"):
        yield _guarded(name, cast(Callable[[], Finding], resolve("checks", name)))
    yield _guarded("cupy", _cupy)
    unfit = {extra for extra in CUPY.values() if cupy_extra() not in (None, extra)}
    for package in packages:
        for extra, missing in missing_by_extra(package).items():
            if extra in unfit:
                continue
            found = f"missing: {', '.join(missing)}" if missing else "complete"
            yield Finding(f"[{extra}]", not missing, found, install_line(package, extra) if missing else "")


def missing_by_extra(package: str) -> dict[str, list[str]]:
    """Return, for every extra that a package declares, the distributions that are not installed."""
    from packaging.requirements import Requirement

    declared = metadata.metadata(package)
    requirements = [Requirement(text) for text in declared.get_all("Requires-Dist") or []]
    missing: dict[str, list[str]] = {}
    for extra in declared.get_all("Provides-Extra") or []:
        wanted = (
            requirement.name
            for requirement in requirements
            if requirement.marker is not None
            and not requirement.marker.evaluate({"extra": ""})
            and requirement.marker.evaluate({"extra": extra})
        )
        missing[extra] = sorted(name for name in wanted if not _installed(name))
    return missing


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _guarded(name: str, examine: Callable[[], Finding]) -> Finding:
    try:
        return examine()
    except Exception as error:  # a broken driver or library may raise anything; the report continues
        return Finding(name, False, f"{type(error).__name__}: {' '.join(str(error).split())}")


def _torch() -> Finding:
    import torch

    if torch.cuda.is_available():
        device = f"cuda ({torch.cuda.get_device_name()})"
    elif torch.backends.mps.is_available():
        device = "mps"
    else:
        device = f"cpu, {torch.get_num_threads()} threads"
    return Finding("torch", True, f"{torch.__version__}, device {device}")


def cupy_extra() -> str | None:
    """Return the extra with CuPy for the CUDA that torch is built for; none without CUDA or torch."""
    try:
        import torch
    except Exception:  # a broken torch is a finding of its own
        return None
    return CUPY.get((torch.version.cuda or "").partition(".")[0])


def _cupy() -> Finding:
    if importlib.util.find_spec("cupy") is None:
        import torch

        version, extra = torch.version.cuda, cupy_extra()
        about = f"torch has CUDA {version}" if version else "torch has no CUDA"
        remedy = install_line("sciml-surrogates", extra) if extra else ""
        return Finding("cupy", False, f"not installed (array code runs on NumPy; {about})", remedy)
    cupy = importlib.import_module("cupy")
    runtime = cupy.cuda.runtime
    cuda, count = runtime.runtimeGetVersion() // 1000, runtime.getDeviceCount()
    return Finding("cupy", True, f"{cupy.__version__} for CUDA {cuda}, {count} device(s)")
