"""Text of messages and of command lines, and of files whose text people see."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from unicodedata import category

from surrogates.core.errors import ConfigError

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters that are not seen: controls, marks of direction, halves of characters, separators."""
SPOILS_MARKDOWN = str.maketrans({"\\": r"\\", "`": r"\`", "|": r"\|", "<": "&lt;"})


def nearest(name: str, choices: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``" Did you mean 'x'?"`` for the choice most like ``name``, or ``""`` if none is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    found = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=cutoff)
    return f" Did you mean '{by_lower[found[0]]}'?" if found else ""


def listing(choices: Iterable[str]) -> str:
    """Return the sorted choices, separated by commas, or ``none``."""
    return ", ".join(sorted(choices)) or "none"


def require_keys_once(overrides: Iterable[str]) -> None:
    """Refuse KEY=VALUE arguments that give a key twice, of which the last would win in silence.

    Raises
    ------
    ConfigError
        With both; flags and ``~KEY`` are passed over.
    """
    seen: dict[str, str] = {}
    for each in overrides:
        name, equals, _ = each.partition("=")
        key = name.lstrip("+")
        if not equals or name.startswith(("-", "~")):
            continue
        if key in seen:
            raise ConfigError(f"'{key}' is given twice: {seen[key]} and {each}; keep one")
        seen[key] = each


def split_list(text: str) -> list[str]:
    """Split at commas outside brackets and quotes."""
    values, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"" and (depth or not values[-1].strip()):
            quote = letter
        depth += (letter in "([{") - (letter in ")]}") if not quote else 0
        if letter == "," and depth == 0 and not quote:
            values.append("")
        else:
            values[-1] += letter
    return [value.strip() for value in values]


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return text with the characters escaped that are not seen, or that act on a terminal.

    They are written as JSON writes them, so that JSON stays JSON.

    Parameters
    ----------
    text
        Of a file, or of a message that quotes one.
    lines
        Whether it may have several lines, with tabs.

    Examples
    --------
    >>> printable("\x1b[2Jmap")
    '\\u001b[2Jmap'
    """
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(
        json.dumps(each)[1:-1] if category(each) in HIDDEN and each not in kept else each for each in text
    )


def brief(text: str, most: int = 200) -> str:
    """Return text, cut where it is long.

    >>> brief("a b c d e", 3)
    'a b ...'
    """
    return text if len(text) <= most else f"{text[:most]} ..."


def plain_markdown(text: str) -> str:
    r"""Return text in one line that Markdown shows as it is: no HTML, link, picture, code or end of a cell.

    >>> print(plain_markdown("<img src=x> [a](b) | c [m]"))
    &lt;img src=x> [a]\(b) \| c [m]
    """
    return printable(" ".join(text.split())).translate(SPOILS_MARKDOWN).replace("](", "]\\(")


def code_markdown(text: str) -> str:
    """Return a name as Markdown's code, or as plain text where it would end the code or a cell of a table."""
    return plain_markdown(text) if {*"`\\|"} & {*text} else f"`{printable(' '.join(text.split()))}`"
