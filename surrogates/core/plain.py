"""YAML and JSON as plain data, of limited size: YAML's core tags alone, one document, no key named twice."""

import re
from pathlib import Path
from typing import Any

import yaml

from surrogates.core.errors import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same rules, in C where libyaml is there

MAX_BYTES = 1 << 20
MAX_VALUES = 1 << 17  # of which PyYAML makes some 30,000 a second
MAX_DEPTH = 64
_BOOL = "tag:yaml.org,2002:bool"


class _Loader(LOADER):  # type: ignore[misc, valid-type]
    """Takes `true` and `false` for truth values, as YAML 1.2 does; `no`, `on` and the like are text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (as PyYAML declares it)
        first: [each for each in found if each[0] != _BOOL]
        for first, found in LOADER.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_BOOL, re.compile("(?i:true|false)$"), list("tTfF"))


def read_text(path: Path, most: int = MAX_BYTES) -> str:
    """Return the text of a file that may come from a stranger.

    Parameters
    ----------
    path
        The file.
    most
        Largest size, bytes.

    Raises
    ------
    ConfigError
        When it is no ordinary file, larger, or no text.
    """
    if not path.is_file():
        raise ConfigError(f"{path} is no file.")
    size = path.stat().st_size
    if size > most:
        raise ConfigError(f"{path} has {size} bytes; at most {most} are read.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text: {error}; expected UTF-8.") from None


def read_yaml_file(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file of a stranger holds.

    Raises
    ------
    ConfigError
        As `read_text`, `require_small` and `read_yaml`, and when it holds no mapping; names the file.
    """
    text = read_text(path)
    try:
        require_small(text)
        values = read_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no keys with values.")
    return values


def require_small(text: str, *, aliases: bool = True) -> None:
    """Refuse YAML that is nested deeply, or stands for very many values.

    Parameters
    ----------
    text
        YAML.
    aliases
        Whether aliases may occur, with which a small file can stand for a huge one; each counts as what it
        stands for.

    Raises
    ------
    ConfigError
        When it is no YAML, or beyond a limit.
    """
    counts, anchors, names = [0], dict[str, int](), list[str | None]()
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                counts.append(1)
                names.append(event.anchor)
            elif isinstance(event, yaml.CollectionEndEvent):
                count = counts.pop()
                counts[-1] += count
                anchors[str(names.pop())] = count
            elif isinstance(event, yaml.AliasEvent):
                if not aliases or event.anchor in names:
                    raise ConfigError("it uses YAML aliases; only plain values are taken")
                counts[-1] += anchors.get(str(event.anchor), 1)
            elif isinstance(event, yaml.ScalarEvent):
                if not aliases and event.value == "<<" and event.implicit[0]:
                    raise ConfigError("it merges keys (<<); only plain values are taken")
                counts[-1] += 1
            if len(counts) > MAX_DEPTH + 1:
                raise ConfigError(f"it is nested deeper than {MAX_DEPTH} levels")
            if max(counts[0], counts[-1]) > MAX_VALUES:
                raise ConfigError(f"it holds more than {MAX_VALUES} values")
    except yaml.YAMLError as error:
        raise ConfigError(_told(error)) from None


def read_yaml(text: str) -> Any:
    """Return what a YAML text holds.

    Raises
    ------
    ConfigError
        When it is not YAML, asks for more than plain values, or names a key twice, of which PyYAML would
        take the last in silence; names the line.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        _refuse_keys_named_twice(node, set())
        return None if node is None else loader.construct_document(node)
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none, endless nesting
        raise ConfigError(_told(error)) from None
    finally:
        loader.dispose()


def _told(error: Exception) -> str:
    """Return what is wrong, with the line where it is known."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}{error.problem or error.context}"


def _refuse_keys_named_twice(node: yaml.Node | None, seen: set[int]) -> None:
    if node is None or id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))  # an alias may lead back to a node
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _refuse_keys_named_twice(each, seen)
        return
    lines: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                raise ConfigError(
                    f"line {line}: the key '{key.value}' stands in line {lines[name]} already; keep one"
                )
            lines[name] = line
        _refuse_keys_named_twice(value, seen)
