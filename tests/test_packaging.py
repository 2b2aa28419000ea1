"""What a user gets from the wheel, and how it lives beside others."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

from surrogates.core import registry
from surrogates.core.plugins import GROUP, plugins

ROOT = Path(__file__).parents[1]
SOURCES = ("surrogates", "datasets", "physics", "conf", "pyproject.toml", "setup.py", "README.md", "LICENSE")


def run(*words: str | Path, **options: object) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel from a copy, so that nothing is left in the checkout and nothing stale gets in."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", source, source)
    return next(source.glob("*.whl"))


@pytest.fixture(scope="module")
def contents(wheel) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_ships_the_configuration_as_a_package(contents):
    expected = {
        "surrogates/conf/" + path.relative_to(ROOT / "conf").as_posix()
        for path in (ROOT / "conf").rglob("*.yaml")
    }
    assert expected
    assert expected <= contents
    assert "surrogates/conf/__init__.py" in contents


def test_wheel_leaves_the_datasets_namespace_open(contents):
    assert "datasets/store/layout.py" in contents
    assert "datasets/__init__.py" not in contents


def test_wheel_holds_every_module_and_nothing_else_of_the_checkout(contents):
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("surrogates", "datasets", "physics")
        for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= contents
    roots = {name.partition("/")[0] for name in contents if ".dist-info" not in name}
    assert roots == {"surrogates", "datasets", "physics"}


def test_type_checkers_of_users_see_the_annotations_of_every_package(contents):
    datasets = {
        path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "datasets").glob("*/__init__.py")
    }
    assert {f"{package}/py.typed" for package in {"surrogates", "physics", *datasets}} <= contents


def test_citation_names_the_version_and_licence_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])


def test_wheel_ships_the_zoo_within_its_bounds(wheel):
    shipped = zipfile.ZipFile(wheel).infolist()
    listed = [info for info in shipped if info.filename.startswith("surrogates/zoo/")]
    expected = {path.relative_to(ROOT).as_posix() for path in (ROOT / "surrogates/zoo").glob("*/*/*")}
    assert expected == {info.filename for info in listed}
    bundles = {info.filename.rpartition("/")[0] for info in listed}
    sizes = [sum(i.file_size for i in listed if i.filename.startswith(f"{name}/")) for name in bundles]
    assert max(sizes) <= 10e6
    assert sum(sizes) <= 40e6
    assert {info.filename.rpartition(".")[2] for info in listed} == {"yaml", "md", "safetensors"}


def test_installed_wheel_lives_beside_a_regular_package_named_datasets(wheel, tmp_path):
    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel)
    (site / "datasets" / "__init__.py").write_text("def load_dataset(name): return name\n")
    program = (
        "import datasets, datasets.store.specs as ours, surrogates.conf as conf\n"
        "print(datasets.load_dataset('theirs'), ours.__file__, conf.__file__, sep='\\n')"
    )
    measured = ("COVERAGE", "COV_")  # the copy of the package is not the code whose coverage counts
    environment = {name: value for name, value in os.environ.items() if not name.startswith(measured)}
    environment["PYTHONPATH"] = str(site)
    theirs, ours, conf = run(sys.executable, "-c", program, cwd=tmp_path, env=environment).splitlines()
    assert theirs == "theirs"
    assert Path(ours) == site / "datasets" / "store" / "specs.py"
    assert Path(conf) == site / "surrogates" / "conf" / "__init__.py"


def offered(place: str = "") -> list[tuple[str, str]]:
    """Return kind and name of each piece of ours, or of those whose objects are below a package."""
    ours = [plugin for plugin in plugins() if plugin.distribution == "sciml-surrogates"]
    return [
        (kind, name)
        for plugin in ours
        for kind, pieces in plugin.pieces.items()
        for name, where in pieces.items()
        if where.startswith(place)
    ]


def test_plugins_of_pyproject_are_those_that_are_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["entry-points"][GROUP]
    installed = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    assert declared.items() <= installed.items(), "pyproject.toml changed: install the package again"


@pytest.mark.parametrize("domain", ["radio", "seismic", "uav"])
def test_names_of_a_domain_begin_with_it(domain):
    for package in (f"surrogates.domains.{domain}.", f"datasets.{domain}."):
        for kind, name in offered(package):
            assert name == domain if kind == "verbs" else name.startswith(f"{domain}/")


def test_networks_that_any_domain_may_take_have_bare_names():
    assert all("/" not in name for _, name in offered("surrogates.models."))


def test_every_old_name_leads_to_a_present_one():
    for plugin in plugins():
        for kind, names in plugin.old_names.items():
            for new in names.values():
                if kind == "commands":
                    assert new in plugin.commands
                elif kind == "verbs":
                    domain, _, verb = new.partition("/")
                    assert hasattr(registry.resolve("verbs", domain), verb)
                else:
                    assert new in registry.names(kind)


def test_every_command_can_be_loaded():
    for plugin in plugins():
        for place, line in plugin.commands.values():
            module, _, function = place.partition(":")
            assert callable(vars(import_module(module))[function]) and line


def test_wheel_ships_the_cards_of_the_recipes(contents):
    cards = {path.relative_to(ROOT).as_posix() for path in (ROOT / "datasets").rglob("*.card.md")}
    assert cards
    assert cards <= contents
