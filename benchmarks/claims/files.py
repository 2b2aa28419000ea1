"""Paths of the real files of a domain, which the project does not contain."""

import os
from pathlib import Path

from surrogates.core.errors import ConfigError


def folder(domain: str) -> Path:
    """Return the folder of a domain's files; the variable SURROGATES_DOMAIN_DATA names another."""
    return Path(os.environ.get(_variable(domain), f"../shared/data/{domain}"))


def require(domain: str, name: str) -> Path:
    """Return the path of a file or a folder in the folder of a domain.

    Raises
    ------
    ConfigError
        When it does not exist.
    """
    path = folder(domain) / name
    if not path.exists():
        raise ConfigError(
            f"these claims on {domain} need {path}, which is not there; set {_variable(domain)} to the "
            f"folder that holds {name}"
        )
    return path


def _variable(domain: str) -> str:
    return f"SURROGATES_{domain.upper()}_DATA"
