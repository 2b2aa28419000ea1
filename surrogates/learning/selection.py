"""Select weights of a network by patterns of their names."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest

SHOWN = 12


def matching(names: Iterable[str], patterns: Sequence[str], key: str) -> list[str]:
    """Return the names that match a pattern such as ``encoder.*``.

    Raises
    ------
    ConfigError
        When a pattern matches none; the nearest name, or beginning of names, is told.
    """
    names = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            beginnings = list(dict.fromkeys(each for name in names for each in (name, _beginning(name))))
            shown = list(dict.fromkeys(map(_beginning, names)))
            more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
            raise ConfigError(
                f"{key}: no weight of the network is called '{pattern}'.{nearest(pattern, beginnings)} "
                f"Weights: {listing(shown[:SHOWN])}{more}"
            )
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _beginning(name: str) -> str:
    return f"{name.partition('.')[0]}.*" if "." in name else name


def freeze(network: nn.Module, patterns: Sequence[str]) -> None:
    """Freeze the weights that match, statistics of batch normalisation included.

    Call it when the network is in training mode: modules whose weights are all frozen go into evaluation.
    """
    if not patterns:
        return
    parameters = dict(network.named_parameters())
    for name in matching(parameters, patterns, "trainer.freeze"):
        parameters[name].requires_grad_(False)
    for module in network.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


def grouped(network: nn.Module, settings: dict[str, dict[str, float]]) -> list[dict[str, object]]:
    """Return the trainable weights as groups of an optimiser: one for each pattern, then the rest.

    A weight belongs to the first pattern that it matches.
    """
    left = {name: each for name, each in network.named_parameters() if each.requires_grad}
    groups: list[dict[str, object]] = []
    for pattern, given in settings.items():
        matching((name for name, _ in network.named_parameters()), [pattern], "trainer.groups")
        names = [name for name in left if fnmatchcase(name, pattern)]
        if names:
            groups.append({"params": [left.pop(name) for name in names], **given})
    if left:
        groups.append({"params": list(left.values())})
    return groups
