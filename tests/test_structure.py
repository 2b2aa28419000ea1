"""The structure that `docs/architecture.md` tells of, where no import contract says it."""

import subprocess
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

PACKAGES = ("surrogates", "datasets", "physics")


def circles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Return the groups of modules that import each other, directly or through others."""
    modules = sorted(graph.modules)
    place = {module: number for number, module in enumerate(modules)}
    edges = [
        (place[module], place[found])
        for module in modules
        for found in graph.find_modules_directly_imported_by(module)
    ]
    rows, columns = np.array(edges).T
    matrix = csr_array((np.ones(len(edges), bool), (rows, columns)), shape=(len(modules),) * 2)
    count, labels = connected_components(matrix, connection="strong")
    groups = [{modules[i] for i in np.flatnonzero(labels == number)} for number in range(count)]
    return [group for group in groups if len(group) > 1]


def test_a_circle_of_three_is_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")):
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == [{"a", "b", "c"}]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(grimp.build_graph(*PACKAGES, cache_dir=None)) == []


def test_datasets_of_domains_know_store_and_factory_alone() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    domains = set(graph.find_children("datasets")) - {"datasets.store", "datasets.factory"}
    assert {"datasets.radio", "datasets.seismic", "datasets.uav"} <= domains
    above = {"datasets.store": domains | {"datasets.factory"}, "datasets.factory": domains}
    for package, forbidden in (above | {domain: domains - {domain} for domain in domains}).items():
        for module in {package, *graph.find_descendants(package)}:
            for found in graph.find_modules_directly_imported_by(module):
                assert ".".join(found.split(".")[:2]) not in forbidden, f"{module} imports {found}"


def test_the_spine_takes_no_dataset_of_a_domain() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in graph.modules:
        if module.startswith("surrogates.") and not module.startswith("surrogates.domains"):
            for found in graph.find_modules_directly_imported_by(module):
                assert not found.startswith(("datasets.radio", "datasets.seismic", "datasets.uav")), module


def test_core_and_command_line_name_no_domain_in_their_code() -> None:
    """Examples in help texts may; what is imported, compared or looked up may not."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in graph.modules:
        if module.startswith(("surrogates.core", "surrogates.cli")):
            for found in graph.find_modules_directly_imported_by(module):
                assert not found.startswith(("surrogates.domains", "physics")), f"{module} imports {found}"


def test_nothing_that_ships_names_a_folder_beside_the_checkout() -> None:
    root = Path(__file__).parents[1]
    for package in (*PACKAGES, "conf"):
        for path in (root / package).rglob("*.*"):
            if path.suffix in (".py", ".yaml", ".md"):
                assert "../shared" not in path.read_text(encoding="utf-8"), path


def test_nothing_that_ships_imports_evidence() -> None:
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
    assert not any(module.partition(".")[0] == "benchmarks" for module in graph.modules)


def test_nothing_of_ours_imports_the_public_checks() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in graph.modules:
        if not module.startswith("surrogates.testing"):
            for found in graph.find_modules_directly_imported_by(module):
                assert not found.startswith("surrogates.testing"), f"{module} imports {found}"


def test_nothing_in_the_repository_is_a_link_or_an_output() -> None:
    """A link leads out of the checkout, and a fresh clone writes its data where an output would lie."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=root, capture_output=True, text=True, check=True
    )
    entries = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    assert [path for mode, _, _, path in entries if mode == "120000"] == []
    assert [path for *_, path in entries if path.split("/")[0] in {"data", "runs", "outputs"}] == []
