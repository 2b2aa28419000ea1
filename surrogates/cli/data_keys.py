"""Keys of a build or an import, from KEY=VALUE overrides and YAML files of `key: value` lines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from surrogates.cli.data_values import read_value

if TYPE_CHECKING:
    from datasets.factory.recipe import Recipe

OWN = ("out", "parts", "workers", "executor")
"""Keys of the command; all others are the recipe's, or those of the executor that is named."""


@dataclass(frozen=True)
class Own:
    """Keys of the command itself.

    Attributes
    ----------
    out
        URL of the store, None if not given.
    executor
        Name and arguments of what runs the units.
    slice
        Slice of a build: number and count.
    """

    out: str | None
    executor: Mapping[str, Any]
    slice: tuple[int, int] | None

    @property
    def workers(self) -> int:
        """Worker processes."""
        return int(self.executor.get("workers", 1))


@dataclass(frozen=True)
class Keys:
    """Keys of the command and of a recipe.

    Attributes
    ----------
    own
        Keys of the command.
    given
        Keys of the recipe.
    recipe_class
        The recipe; None if a command takes only its own keys.
    files
        Files that some of them come from.
    """

    own: Own
    given: Mapping[str, Any]
    recipe_class: "type[Recipe] | None"
    files: Sequence[Path]

    def recipe(self) -> "Recipe":
        """Return the recipe with these keys.

        Raises
        ------
        ConfigError
            Names every fault, and the files that the keys come from.
        """
        from surrogates.core.errors import ConfigError

        assert self.recipe_class is not None
        try:
            return self.recipe_class.make(self.given)
        except ConfigError as error:
            if not self.files:
                raise
            raise ConfigError(f"{', '.join(map(str, self.files))}: {error}") from None


def read_keys(
    overrides: Sequence[str], recipe_class: "type[Recipe] | None" = None, files: Sequence[Path] = ()
) -> Keys:
    """Read keys from overrides and files; overrides win over files, and a file over the next one.

    Parameters
    ----------
    overrides
        KEY=VALUE: text as it stands where the recipe takes text or paths, else as in YAML.
    recipe_class
        Recipe whose keys are expected beside those of the command; None expects no others.
    files
        YAML files of `key: value` lines.

    Raises
    ------
    ValueError
        For an override without `=`, a value that is no YAML, or a key that the recipe lacks, with the
        nearest one and its file.
    """
    sources = {"": _of_overrides(overrides, recipe_class)} | {f"{file}: ": _of_file(file) for file in files}
    given: dict[str, Any] = {}
    for read in sources.values():
        given = read | given
    name = str(given.get("executor", "processes"))
    of_executor = _keys_of(name, recipe_class)
    for where, read in sources.items():
        _refuse_unknown(read, recipe_class, of_executor, where)
    if "workers" in given:
        given["workers"] = _whole_number("workers", given["workers"])
    _require_folder(given.get("folder"))
    own = Own(
        out=_url(given["out"]) if given.get("out") else None,
        executor={"name": name} | {key: given[key] for key in of_executor if key in given},
        slice=_slice(str(given["parts"])) if "parts" in given and "parts" not in of_executor else None,
    )
    rest = {key: value for key, value in given.items() if key not in (*OWN, *of_executor)}
    return Keys(own, rest, recipe_class, tuple(files))


def _keys_of(executor: str, recipe_class: "type[Recipe] | None") -> list[str]:
    """Return the keys of an executor, of which none may be the recipe's too."""
    from surrogates.core.build import parameter_names
    from surrogates.core.registry import resolve
    from surrogates.core.text import listing

    keys = sorted(parameter_names(cast(Callable[..., object], resolve("executors", executor))))
    if recipe_class is not None and (both := set(keys) & set(recipe_class.model_fields)):
        raise ValueError(
            f"Recipe '{recipe_class.name}' and executor '{executor}' both take {listing(both)}; build from "
            "Python, by build(recipe, url, executor={...})."
        )
    return keys


def _of_overrides(overrides: Sequence[str], recipe_class: "type[Recipe] | None") -> dict[str, Any]:
    from surrogates.core.text import require_keys_once

    fields = {} if recipe_class is None else recipe_class.model_fields
    given: dict[str, Any] = {}
    require_keys_once(overrides)
    for each in overrides:
        key, equals, value = each.partition("=")
        if not equals:
            raise ValueError(f"Found '{each}', expected KEY=VALUE, such as workers=2.")
        try:
            given[key] = value if key in OWN else read_value(value, fields.get(key))
        except ValueError as error:
            raise ValueError(f"{each}: not a YAML value, such as 3, [a, b] or {{x: 1}} ({error}).") from None
    return given


def _of_file(path: Path) -> dict[str, Any]:
    from datasets.factory.importing import read_mapping

    return read_mapping(path)


def _refuse_unknown(
    given: Mapping[str, Any], recipe_class: "type[Recipe] | None", of_executor: Sequence[str], where: str
) -> None:
    from surrogates.core.text import listing, nearest

    if recipe_class is None:
        return
    parameters = list(recipe_class.model_fields)
    for key, value in given.items():
        section, dot, inner = str(key).partition(".")
        if dot and section in parameters:
            names = inner.split(".")
            inside = "".join(f"{{{name}: " for name in names) + str(value) + "}" * len(names)
            raise ValueError(
                f"{where}'{key}' is a key of a section; write {section}={inside}, or use a YAML file."
            )
        beside = {*OWN, *of_executor}
        if key not in {*parameters, *beside}:
            raise ValueError(
                f"{where}Recipe '{recipe_class.name}' has no parameter '{key}'."
                f"{nearest(str(key), [*parameters, *beside])} "
                f"Parameters: {listing(parameters)}; beside them {listing(beside)}."
            )


def _require_folder(folder: object) -> None:
    """Refuse a URL for the folder of an import's files."""
    from datasets.store.urls import local_path

    if isinstance(folder, str) and local_path(folder) is None:
        raise ValueError(f"folder={folder} is a URL; expected a folder on this machine's disk, copy it here.")


def _url(url: object) -> str:
    if not isinstance(url, str):
        raise ValueError(f"out={url}: expected the path or URL of one store, such as data/mine.zarr.")
    if url.startswith("memory://"):
        raise ValueError(f"out={url}: a store in memory ends with this command; give a folder.")
    return url.rstrip("/")


def _whole_number(key: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number < 0:
        raise ValueError(f"{key}={value}: expected a whole number, 0 or more.")
    return number


def _slice(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise ValueError(f"parts={text}: expected I/N, such as parts=3/10.")
    if not 1 <= int(number) <= int(count):
        raise ValueError(f"parts={text}: expected I/N with I from 1 to N, such as parts=3/10.")
    return int(number), int(count)
