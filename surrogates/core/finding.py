"""Findings about this environment; a plug-in adds checks by the kind `checks`."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One line of `surrogates doctor`; `remedy` says how to get what is missing."""

    name: str
    present: bool
    found: str
    remedy: str = ""
