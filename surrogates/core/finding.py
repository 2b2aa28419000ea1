"""What an examination of this environment found; a plug-in adds examinations by the kind `checks`."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One line of `surrogates doctor`; `remedy` says how to get what is missing."""

    name: str
    present: bool
    found: str
    remedy: str = ""
