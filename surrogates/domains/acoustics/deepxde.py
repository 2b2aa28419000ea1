"""A deep operator network as one of DeepXDE, with the same weights.

So a network of ours can be trained by DeepXDE's loop and its residuals of equations, and asked here.
"""

import os
import sys
from typing import Any

from torch import nn

from surrogates.core.errors import ConfigError
from surrogates.core.optional import require
from surrogates.models.deeponet import DeepONet

BACKEND = "pytorch"


def load_deepxde() -> Any:
    """Import DeepXDE with PyTorch below it.

    Raises
    ------
    ConfigError
        When it was imported with another backend before.
    MissingExtraError
        When it is not installed.
    """
    if "deepxde" not in sys.modules:
        os.environ["DDE_BACKEND"] = BACKEND
    deepxde = require("deepxde", "DeepXDE's operator network")
    found = deepxde.backend.backend_name
    if found != BACKEND:
        raise ConfigError(
            f"deepxde: the backend {found} found, {BACKEND} expected; set DDE_BACKEND={BACKEND} before it is "
            "imported"
        )
    return deepxde


def as_deepxde(network: DeepONet) -> nn.Module:
    """Return a `DeepONetCartesianProd` with the branch, the trunk and the bias of a network.

    Both share their parameters: what trains one trains the other. It is called with a pair, the sensors
    (batch, channels times cells) and the points (point, coordinate), and answers (batch, point).

    Parameters
    ----------
    network
        With one output channel.

    Raises
    ------
    ConfigError
        When it has several.
    """
    if len(network.bias) != 1:
        raise ConfigError(
            f"deepxde: a network of {len(network.bias)} channels found, one expected; train one for each"
        )
    deepxde = load_deepxde()
    # DeepXDE builds a trunk of its own, of sizes that do not matter, and puts an activation behind it: none.
    made = deepxde.nn.DeepONetCartesianProd(
        (0, network.branch), [1, 1], {"branch": None, "trunk": None}, "Glorot normal"
    )
    made.trunk = network.trunk
    made.b = nn.ParameterList([network.bias])
    return made
