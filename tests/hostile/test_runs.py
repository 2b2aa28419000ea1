"""The folder of a stranger's run contacts nobody, and its files are refused in one line."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from surrogates.cli.main import _is_users_mistake, _one_line
from surrogates.core.plain import MAX_BYTES, read_yaml_file
from surrogates.runs.folder import open_given_run, require_typed
from surrogates.runs.sweep_plan import read_plan
from tests.hostile.attempt import NETWORK, Outcome, attempt
from tests.hostile.bundles import HIDDEN, anchored
from tests.hostile.work import command

CONFIG: dict[str, Any] = {
    "dataset": [{"url": "nowhere.zarr"}],
    "task": {"inputs": ["height", "power"], "targets": ["gain"]},
    "model": {"name": "mlp"},
    "trainer": {"max_steps": 1},
}
URLS = (
    "http://127.0.0.1:9/a.zarr",
    "https://localhost/a.zarr",
    "s3://bucket/a.zarr",
    "simplecache::http://127.0.0.1:9/a.zarr",
    "zip://*.zarr::ftp://127.0.0.1/a.zip",
    "FILE://a.zarr",
)


def written(run: Path, **changes: Any) -> Path:
    """Write a configuration into the folder of a run."""
    (run / "config.yaml").write_text(yaml.safe_dump(CONFIG | changes), encoding="utf-8")
    return run


def line(call: Any, *arguments: Any) -> str:
    """Return what the command line says of an error."""
    with pytest.raises(Exception) as caught:
        call(*arguments)
    assert _is_users_mistake(caught.value), caught.value
    return _one_line(caught.value)


@pytest.mark.parametrize("url", URLS)
def test_no_store_is_contacted_that_only_the_configuration_names(url, tmp_path):
    said = line(open_given_run, written(tmp_path, dataset=[{"url": "a.zarr"}, {"url": url}]))
    assert "config.yaml names the store" in said
    assert "contacted only when it is typed" in said


LOGGER = {"name": "mlflow", "tracking_uri": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("named", "typed", "pattern"),
    [
        ({"dataset": [{"url": URLS[0]}]}, {}, "contacted only when it is typed; add dataset="),
        ({"dataset": [{"url": URLS[0]}]}, {"dataset": [{"url": URLS[1]}]}, ""),
        ({"trainer": {"max_steps": 1, "loggers": [LOGGER]}}, {}, "names the server http://127.0.0.1:9"),
        ({"trainer": {"max_steps": 1, "loggers": [LOGGER]}}, {"trainer": {"loggers": [LOGGER]}}, ""),
    ],
)
def test_a_resumed_run_contacts_only_what_is_typed(named, typed, pattern, tmp_path):
    run = written(tmp_path, **named)
    if pattern:
        assert pattern in line(require_typed, run, typed)
    else:
        require_typed(run, typed)


@pytest.mark.parametrize("named", [{"init": "hf://me/toy"}, {"parts": {"first": "s3://bucket/bundle"}}])
def test_a_resumed_run_fetches_only_a_bundle_that_is_typed(named, tmp_path):
    run = written(tmp_path, **named)
    assert "is fetched only when it is typed; begin a new run with it" in line(require_typed, run, {})


@pytest.mark.slow  # imports all that trains a run
def test_train_opens_no_socket_for_the_run_of_a_stranger(bundle):
    run = written(bundle.parent, dataset=[{"url": URLS[0]}])
    found = attempt(command, "train", f"run={run}", folder=run)
    assert (contacted(found), found.kind) == ([], "exit 2")
    assert "contacted only when it is typed" in found.error


def contacted(found: Outcome) -> list[str]:
    """Return what went to the network; folders that libraries make for themselves are no matter here."""
    return [each for each in found.forbidden if each.startswith(NETWORK)]


@pytest.mark.slow  # imports all that scores a run, each time
@pytest.mark.parametrize("typed", [(), ("dataset=other.zarr",), ("task.draws=2",)])
def test_evaluate_opens_no_socket(typed, bundle):
    run = written(bundle.parent, dataset=[{"url": URLS[0]}])
    found = attempt(command, "evaluate", str(run), *typed, folder=run)
    assert (contacted(found), found.kind) == ([], "exit 2")
    assert "contacted only when it is typed" in found.error


@pytest.mark.slow  # compares with onnxruntime
def test_export_opens_no_socket_and_takes_records_from_the_ranges(bundle):
    run = written(bundle.parent, dataset=[{"url": URLS[0]}])
    found = attempt(command, "export", str(run), "out.onnx", folder=run, seconds=60)
    assert contacted(found) == []
    assert "contacted only when it is typed" in found.output
    assert "drawn from the ranges" in found.output or "onnx" in found.output


CONFIGS: dict[str, tuple[str, str]] = {
    "_target_": (yaml.safe_dump(CONFIG | {"_target_": "os.system"}), "unknown key '_target_'"),
    "_target_ of a section": (
        yaml.safe_dump(CONFIG | {"trainer": {"_target_": "os.system", "max_steps": 1}}),
        "unknown key 'trainer._target_'",
    ),
    "aliases": (anchored(), "more than 131072 values"),
    "an alias of its own": ("a: &a [*a]", "aliases"),
    "deep lists": ("[" * 100_000, "nest"),
    "deep mappings": ("{a: " * 1000, "nested deeper"),
    "many values": (f"a: [{'1,' * 200_000}1]", "more than 131072 values"),
    "many bytes": ("# " + "x" * MAX_BYTES, "bytes"),
    "a tag": ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "digits": (f"seed: {'9' * 5000}", "cannot be read"),
    "a list": ("[1]", "holds no keys"),
    "nothing": ("", "holds no keys"),
    "a zero byte": ("a: \0", "cannot be read"),
    "a key twice": ("a: 1\na: 2", "already"),
    "controls": (yaml.safe_dump(CONFIG | {HIDDEN: 1}), "unknown key"),
    "a seed that is huge": (yaml.safe_dump(CONFIG | {"seed": -(1 << 70)}), "seed"),
    "a network that is none": (yaml.safe_dump(CONFIG | {"model": [1]}), "model"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_of_a_stranger_is_refused_in_one_line(case, tmp_path):
    content, pattern = CONFIGS[case]
    (tmp_path / "config.yaml").write_text(content, encoding="utf-8")
    said = line(open_given_run, tmp_path)
    assert re.search(pattern, said), said
    assert "config.yaml" in said
    assert len(said) < 2500


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_waited_for(make, tmp_path):
    make(tmp_path / "a.yaml")
    assert "is no file" in line(read_yaml_file, tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        ({"words": [], "space": {}, "metric": "loss"}, "'seed' is required"),
        ({"words": [], "space": {"a": 1}, "metric": "loss", "seed": 0}, "'space.a'"),
        ({"words": {}, "space": {}, "metric": "loss", "seed": 0, "_target_": "x"}, "unknown key '_target_'"),
    ],
)
def test_a_plan_of_a_sweep_is_checked(content, pattern, tmp_path):
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert re.search(pattern, line(read_plan, tmp_path))
