"""Paths of a command line: they mean the file or folder of that name, whatever letters it has."""

import os
import re
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString

from datasets.store.urls import local_path
from surrogates.core.errors import ConfigError
from surrogates.core.text import split_list

_KEY = re.compile(r"\+{0,2}(dataset|dataset\.url|run|ckpt|output|init|init\.from|parts\.[\w.]+)")
"""Keys of a run whose values are paths."""
_SWEEP = re.compile(r"(choice|glob|range|interval|shuffle|sort|tag)\(.*\)", re.DOTALL)
"""Hydra's functions of several values."""
_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)


def is_path(key: str) -> bool:
    """Return whether the values of a key are paths, or lists of them."""
    return _KEY.fullmatch(key) is not None


def readable(argument: str, *, many: bool = False) -> str:
    """Return ``key=value`` so that Hydra reads a path as the text that was typed.

    What exists under the whole name is that path. Otherwise ``[A,B]`` is a list, ``{url: A}`` a mapping,
    ``null`` nothing, a value in quotes what Hydra's grammar makes of it, and all else the path itself:
    nothing in it is a number, an interpolation or a choice.

    Parameters
    ----------
    argument
        An override; keys whose values are no paths stay as they are.
    many
        Whether ``A,B`` means several runs, as after ``-m``.
    """
    key, equals, text = argument.partition("=")
    return f"{key}={_value(text, many)}" if equals and is_path(key) else argument


def literal(text: str) -> str:
    """Return text in quotes, of which Hydra and OmegaConf make the same text again."""
    escaped = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    return str(QuotedString(escaped, Quote.single).with_quotes())


def unescaped(text: str) -> str:
    r"""Return text with ``\${``, by which OmegaConf writes a plain ``${``, as it is meant."""

    def plain(found: re.Match[str]) -> str:
        count = len(found[1])
        return "\\" * (count // 2) + "${" if count % 2 else found[0]

    return re.sub(r"(\\+)\$\{", plain, text)


def run_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder of a run; ``~`` is home.

    Raises
    ------
    ConfigError
        For a URL of another machine.
    """
    folder = local_path(os.fspath(path))
    if folder is None:
        raise ConfigError(f"{path} is a URL, but a run lies on this machine's disk; copy its folder here")
    return folder


def _value(text: str, many: bool) -> str:
    if text in ("", "null"):
        return text
    if _exists(text):
        return literal(text)
    if text[0] + text[-1] == "[]":
        return f"[{_joined(text[1:-1])}]" if text != "[]" else text
    if text[0] + text[-1] == "{}" or _QUOTED.fullmatch(text) or (many and _SWEEP.fullmatch(text)):
        return text
    several = split_list(text)
    if len(several) > 1 and (many or all(map(_exists, several))):
        return _joined(text)
    return literal(text)


def _joined(text: str) -> str:
    return ",".join(_value(each, many=False) for each in split_list(text))


def _exists(text: str) -> bool:
    folder = local_path(text)
    try:
        return folder is not None and folder.exists()
    except (OSError, ValueError):  # too long, or with a zero byte
        return False
