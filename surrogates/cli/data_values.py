"""Values of KEY=VALUE: text as it stands where a parameter takes text or paths, else as in YAML."""

from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from surrogates.core.plain import read_yaml
from surrogates.core.text import split_list

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def read_value(text: str, field: "FieldInfo | None") -> Any:
    """Return the value of an override.

    Where a parameter takes text, a number, a date, ``a: b``, ``a #1`` and ``*.csv`` are text; ``null`` is
    nothing if the parameter may be so, ``[A, B]`` a list if it may be one and no such path exists, and what
    stands in quotes is meant without them.

    Parameters
    ----------
    text
        What stands behind `=`.
    field
        The parameter; None if there is none of that name.

    Raises
    ------
    ValueError
        When the parameter takes no text, and the value is no YAML.
    """
    kinds = () if field is None else _alternatives(field.annotation)
    several = [each for each in kinds if _is_list_of_text(each)]
    one = [each for each in kinds if _is_text(each)]
    if not kinds or len(one) + len(several) + kinds.count(NoneType) < len(kinds):
        return read_yaml(text)
    if not text or (text == "null" and NoneType in kinds):
        return None
    if several and text[:1] + text[-1:] == "[]" and not Path(text).exists():
        return [_unquoted(each) for each in split_list(text[1:-1]) if each]
    return _unquoted(text) if one else [_unquoted(text)]


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the types that a value may have."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _is_text(annotation: Any) -> bool:
    from datasets.factory.sources import Source

    if get_origin(annotation) is Literal:
        return all(isinstance(each, str) for each in get_args(annotation))
    return annotation in (str, Path, Source)


def _is_list_of_text(annotation: Any) -> bool:
    inner = [each for each in get_args(annotation) if each is not Ellipsis]
    return get_origin(annotation) in (list, tuple) and all(map(_is_text, inner))


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"":
        return text
    return str(read_yaml(text))
