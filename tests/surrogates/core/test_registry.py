"""The registry answers with the object, or with what to do."""

import sys
from collections import Counter

import pytest

from surrogates.core import plugins, registry
from surrogates.core.errors import MissingExtraError, RegistryError
from surrogates.core.optional import require
from surrogates.core.plugins import Plugin
from surrogates.core.text import nearest


@pytest.fixture
def entries(monkeypatch):
    """Let each pair (name, place) be a model of a package of its own, beside the extras of ours."""

    def install(*pairs):
        ours = [Plugin("sciml-surrogates", {}, {}, {"sionna": "radio"}, {})]
        found = [Plugin(place, {"models": {name: place}}, {}, {}, {}) for name, place in pairs]
        monkeypatch.setattr(plugins, "plugins", lambda: [*found, *ours])
        registry._registered.cache_clear()
        registry.resolve.cache_clear()

    yield install
    monkeypatch.undo()
    registry.forget()


def test_resolve_loads_the_registered_object(entries):
    entries(("counter", "collections:Counter"))
    assert registry.resolve("models", "counter") is Counter
    assert registry.names("models") == ["counter"]


def test_unknown_name_is_answered_with_the_nearest_and_the_list(entries):
    entries(("unet", "collections:Counter"), ("mlp", "collections:deque"))
    with pytest.raises(RegistryError, match=r"'unett'. Did you mean 'unet'\? Registered models: mlp, unet"):
        registry.resolve("models", "unett")


def test_unknown_registry_is_named():
    with pytest.raises(RegistryError, match=r"no registry 'model'. Did you mean 'models'"):
        registry.names("model")


def test_a_name_registered_twice_names_both_places(entries):
    entries(("unet", "collections:Counter"), ("unet", "collections:deque"))
    with pytest.raises(RegistryError, match=r"collections:Counter.*collections:deque"):
        registry.resolve("models", "unet")


def test_missing_extra_is_answered_with_the_install_line(entries, monkeypatch):
    for module in ("sionna", "sionna.rt"):  # another test may have imported them
        monkeypatch.setitem(sys.modules, module, None)
    entries(("ray", "sionna.rt:Scene"))
    with pytest.raises(MissingExtraError, match=r'pip install "sciml-surrogates\[radio\]"'):
        registry.resolve("models", "ray")


def test_missing_foreign_package_is_named():
    with pytest.raises(ImportError, match="The plot needs the module 'no_such_module_here'"):
        require("no_such_module_here.deep", "The plot")


def test_entry_point_to_nothing_is_explained(entries):
    entries(("ghost", "collections:Ghost"))
    with pytest.raises(RegistryError, match="collections:Ghost, which does not exist"):
        registry.resolve("models", "ghost")


def test_nearest_ignores_case_and_stays_silent_when_nothing_is_near():
    assert nearest("UNET", ["unet"]) == " Did you mean 'unet'?"
    assert nearest("zzz", ["unet"]) == ""
