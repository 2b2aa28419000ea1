"""Packages offer pieces by one module of plain strings; what is wrong with it is said in one line."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from surrogates.core import plugins, registry
from surrogates.core.errors import RegistryError


@pytest.fixture
def offer(monkeypatch):
    """Let modules with these attributes be all plug-ins: ``offer(cooling={"PIECES": ...})``."""

    def install(**modules):
        for name, attributes in modules.items():
            module = ModuleType(name)
            vars(module).update(attributes)
            monkeypatch.setitem(sys.modules, name, module)
        entries = [EntryPoint(name, name, plugins.GROUP) for name in modules]
        monkeypatch.setattr(plugins, "entry_points", lambda group: entries)
        registry.forget()

    yield install
    monkeypatch.undo()
    registry.forget()


def test_a_bare_name_is_refused_from_any_package_but_ours(offer):
    offer(cooling={"PIECES": {"models": {"bilinear": "collections:Counter"}}})
    with pytest.raises(RegistryError, match=r"cooling offers 'bilinear'; .*'cooling/bilinear'"):
        registry.names("models")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"PEICES": {}}, r"cooling .* offers 'PEICES'. Did you mean 'PIECES'"),
        ({"PIECES": {"model": {}}}, r"the kind 'model'\. Did you mean 'models'"),
    ],
)
def test_a_misspelt_offer_is_answered_with_the_nearest(offer, attributes, message):
    offer(cooling=attributes)
    with pytest.raises(RegistryError, match=message):
        registry.names("models")


def test_an_old_name_loads_with_a_warning_that_names_the_new_one(offer):
    offer(
        cooling={
            "PIECES": {"models": {"cooling/net": "collections:Counter"}},
            "OLD_NAMES": {"models": {"cooling_net": "cooling/net"}},
        }
    )
    with pytest.warns(FutureWarning, match="'cooling_net' is called 'cooling/net' now"):
        assert registry.current_name("models", "cooling_net") == "cooling/net"


def test_a_module_that_is_not_there_is_named_with_its_package(monkeypatch):
    entry = EntryPoint("gone", "no_such_plugin_module", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    plugins.forget()
    with pytest.raises(RegistryError, match="no_such_plugin_module, which cannot be imported"):
        plugins.plugins()
    monkeypatch.undo()
    plugins.forget()


def test_an_extra_of_another_package_is_answered_with_its_own_install_line(offer):
    offer(cooling={"EXTRAS": {"cooling_lab": "lab"}})
    assert plugins.extra_of("cooling_lab") == ("cooling", "lab")
    assert plugins.extra_of("numpy") is None
