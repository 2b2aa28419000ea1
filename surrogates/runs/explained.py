"""Hydra's errors in our words: what was found, what was expected, what to do."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException

from surrogates.core.errors import ConfigError
from surrogates.core.registry import names
from surrogates.core.text import listing, nearest
from surrogates.runs.paths import literal

TOP = (
    "seed",
    "dataset",
    "task",
    "model",
    "trainer",
    "output",
    "init",
    "parts",
    "size",
    "sizes",
    "run",
    "ckpt",
    "experiment",
    "sweep",
)


def explain(error: Exception) -> ConfigError:
    """Turn Hydra's message into ours: the key that is wrong, and the nearest that exists."""
    if isinstance(error, OverrideParseException):
        return ConfigError(_unreadable(error.override))
    text = str(error).strip()
    unknown = re.search(r"Could not override '([^']+)'|Key '([^']+)' is not in struct", text)
    if isinstance(error, ConfigCompositionException) and unknown:
        key = unknown.group(1) or unknown.group(2)
        return ConfigError(f"unknown key '{key}'.{nearest(key, TOP)} Valid keys: {listing(TOP)}")
    if deleted := re.search(r"Could not delete from config. '([^']+)' does not exist", text):
        text = f"~{deleted[1]}: there is no such key to leave out; remove it from the command"
    if text.startswith("Config group override must be a string"):
        text = "a group, such as model, task, trainer or experiment, takes the name of a file"
    missing = error.missing_cfg_file if isinstance(error, MissingConfigException) else None
    if missing and "/" in missing:
        group, _, name = missing.partition("/")
        choices = _shipped(group)
        return ConfigError(
            f"no {group} '{name}'.{nearest(name, choices)} There are: {listing(choices)}; "
            f"your own come in with --config-dir DIR (DIR/{group}/{name}.yaml)"
        )
    if missing:
        text = (
            f"no primary configuration '{missing}'; leave --config-name out, or give --config-dir DIR that "
            f"holds {missing}.yaml"
        )
    return ConfigError(" ".join(text.split()))


def _unreadable(override: str) -> str:
    """Return what to say of an override that Hydra's grammar does not take."""
    key, equals, value = override.partition("=")
    if not equals or not re.fullmatch(r"[+~]{0,2}[\w./@:-]+", key):
        return f"found '{override}', expected key=value, such as trainer.max_steps=100"
    if value[:1] in ("[", "{"):
        return (
            f"{override}: expected a list [A,B] or a mapping {{key: A}} in Hydra's grammar; put texts inside "
            "with other letters than those of names and paths in quotes, such as ['a=b',c]"
        )
    return (
        f"{override}: the value has letters that Hydra's grammar keeps for itself; put it in quotes inside "
        f"those of the shell: {shlex.quote(f'{key}={literal(value)}')}"
    )


def _shipped(group: str) -> list[str]:
    """Return the choices of a group that come with installed packages."""
    if group == "model":
        return names("models")
    folder = Path(str(files("surrogates.conf"))) / group
    return [str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml")]
