"""Completions of a shell after `surrogates COMMAND`, without importing anything heavy."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

KEYS = ("experiment", "size", "dataset", "model", "output", "seed", "run", "init")
GROUPS = ("experiment", "task", "trainer", "site")


def completions(command: str, before: Sequence[str], incomplete: str) -> list[str]:
    """Return the completions of the argument under the cursor.

    Parameters
    ----------
    command
        Name of the command.
    before
        Arguments between the command and the cursor. Bash splits `key=value` into three, zsh and fish do not.
    incomplete
        Typed beginning of the argument.
    """
    if command == "data":
        return [each for each in _data(before) if each.startswith(incomplete)]
    if command not in ("train", "sweep"):
        return []  # the shell then offers files
    key = next((each for each in before[-1:] if each in KEYS), None)  # bash: key, =, of which typer drops `=`
    if before[-1:] == ["="]:  # bash: key, =, value
        key = "".join(before[-2:-1])
    if key is not None:
        return [each for each in _values(key, before) if each.startswith(incomplete)]
    key, equals, _ = incomplete.partition("=")
    offered = [f"{key}={each}" for each in _values(key, before)] if equals else [f"{each}=" for each in KEYS]
    return [each for each in offered if each.startswith(incomplete)]


def _data(before: Sequence[str]) -> Iterator[str]:
    """Yield the commands of `data`, and the recipes that `build` and `card` take."""
    if not before:
        from surrogates.cli.data import app

        for each in app.registered_commands:
            yield str(each.name or getattr(each.callback, "__name__", ""))
        yield from (str(each.name) for each in app.registered_groups)
    elif list(before) in (["build"], ["card"]):
        from surrogates.core.registry import names

        yield from names("recipes")


def _values(key: str, before: Sequence[str]) -> list[str]:
    """Return the values of a key."""
    if key == "model":
        from surrogates.core.registry import names

        return names("models")
    if key == "size":
        return _sizes("".join(before))
    return _files(key) if key in GROUPS else []


def _files(group: str) -> list[str]:
    """Return the configuration files of a group that come with the package."""
    folder = _conf() / group
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))


def _sizes(before: str) -> list[str]:
    """Return the sizes of the experiment named before, or of every experiment if there is none."""
    import yaml

    experiments = _files("experiment")
    chosen = [name for name in experiments if f"experiment={name}" in before]
    found: dict[str, None] = {}
    for name in chosen[-1:] or experiments:
        values = yaml.safe_load((_conf() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8"))
        found |= dict.fromkeys(values.get("sizes") or {})
    return list(found)


def _conf() -> Path:
    """Return the folder of `surrogates.conf`."""
    spec = find_spec("surrogates.conf")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
