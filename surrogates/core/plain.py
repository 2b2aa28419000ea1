"""YAML as plain data: the tags of YAML's core alone, one document, and no key twice in a mapping."""

import re
from typing import Any

import yaml

from surrogates.core.errors import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same rules, in C where libyaml is there

_BOOL = "tag:yaml.org,2002:bool"


class _Loader(LOADER):  # type: ignore[misc, valid-type]
    """Takes `true` and `false` for truth values, as YAML 1.2 does; `no`, `on` and the like are text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (as PyYAML declares it)
        first: [each for each in found if each[0] != _BOOL]
        for first, found in LOADER.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_BOOL, re.compile("(?i:true|false)$"), list("tTfF"))


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
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{where}{error.problem or error.context}") from None
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none, endless nesting
        raise ConfigError(" ".join(str(error).split())) from None
    finally:
        loader.dispose()


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
