"""Checks whether rays can be traced on this machine."""

import importlib.util

from surrogates.core.finding import Finding
from surrogates.core.optional import install_line
from surrogates.core.plugins import extra_of


def ray_tracing() -> Finding:
    """Examine Sionna RT and the library that it computes with."""
    if importlib.util.find_spec("sionna") is None:
        return Finding("ray tracing", False, "Sionna RT is not installed", _remedy())
    from physics import backend

    try:
        found = backend.describe()
    except backend.BackendError as error:
        return Finding("ray tracing", False, str(error))
    solver = ", ".join(f"{name} {version}" for name, version in found.items() if name != "backend")
    return Finding("ray tracing", True, f"{found['backend']} ({solver})")


def _remedy() -> str:
    found = extra_of("sionna")
    return install_line(*found) if found else ""
