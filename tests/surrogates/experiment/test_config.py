"""What a run writes down holds no credentials, and names only URLs that can be."""

from typing import Any

import pytest

from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.experiment.config import RunConfig

PLAIN: dict[str, Any] = {
    "dataset": "a.zarr",
    "task": {"inputs": ["a"], "targets": ["b"]},
    "model": "mlp",
    "trainer": {"max_steps": 1},
}


def refused(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(RunConfig, PLAIN | changes, "configuration")
    return str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{"key": "x"}, {"secret": "x"}, {"client_kwargs": {"aws_session_token": "x"}}, {"account_key": "x"}],
)
def test_credentials_are_not_written_into_a_run(options: dict[str, Any]) -> None:
    said = refused(dataset={"url": "s3://b/a.zarr", "storage_options": options})
    assert "would be written into the run's files; give them as the file system takes them" in said
    assert "holds a password" in refused(dataset="s3://me:secret@b/a.zarr")


def test_options_that_are_no_credentials_pass() -> None:
    options = {
        "anon": True,
        "endpoint_url": "http://h",
        "profile": "mine",
        "token": "anon",
        "default_block": 1,
    }
    given = PLAIN | {"dataset": {"url": "s3://b/a.zarr", "storage_options": options}}
    assert validate(RunConfig, given, "configuration").dataset[0].storage_options == options


@pytest.mark.parametrize("source", ["hf://me/toy@v1", "s3://bucket/bundle", "zoo:uav/course", "runs/mine"])
def test_weights_come_from_a_path_a_name_or_a_url(source: str) -> None:
    config = validate(RunConfig, PLAIN | {"init": source, "parts": {"first": source}}, "configuration")
    assert config.init is not None
    assert (config.init.source, config.parts) == (source, {"first": source})


def test_an_unknown_scheme_is_never_a_folder() -> None:
    assert "a protocol that fsspec does not know" in refused(init="foo://me/toy")
    assert "found the URL s3://b/runs, expected a folder" in refused(output="s3://b/runs")
