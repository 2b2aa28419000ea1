"""Imports of optional packages, answered with the ``pip install`` line when they are missing."""

from importlib import import_module
from types import ModuleType

from surrogates.core.errors import MissingExtraError
from surrogates.core.plugins import extra_of


def install_line(distribution: str, extra: str) -> str:
    """Return the command that installs an extra of a package."""
    return f'pip install "{distribution}[{extra}]"'


def explain_missing(error: ModuleNotFoundError, purpose: str) -> ImportError:
    """Turn a failed import into an error that says what to install.

    Parameters
    ----------
    error
        What Python raised; its ``name`` is the missing module.
    purpose
        What needed the module, for the message.

    Returns
    -------
    ImportError
        With the exact ``pip install`` line where an installed package has an extra for the module.
    """
    module = (error.name or "").partition(".")[0]
    found = extra_of(error.name or "") or extra_of(module)
    remedy = f"Install it with: {install_line(*found)}" if found else "Install the package that has it."
    message = f"{purpose} needs the module '{module}', which is not installed. {remedy}"
    return MissingExtraError(message, name=error.name)


def require(module: str, purpose: str | None = None) -> ModuleType:
    """Import ``module`` or say what to install.

    Raises
    ------
    MissingExtraError
        When the module is absent.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if module.startswith(f"{error.name}."):  # an extra may have a part of what others install
            error.name = module
        raise explain_missing(error, purpose or "This") from error
