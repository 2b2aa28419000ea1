"""The published size of both stages trains end to end, and a wrong first stage is refused in one line."""

import json
from pathlib import Path

import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.inference.bundle import load_bundle
from surrogates.inference.errors import BundleError
from surrogates.runs.compose import main as train

ISO, DIRECTIONAL = "radio/geo2sigmap", "radio/geo2sigmap_directional"
FAST = ["model.base=4", "trainer.epochs=1", "trainer.batch_size=2", "trainer.progress=false"]
SMALL_ISO = "task.transform.iso={network: {name: geo_unet, base: 4}}"


def run(experiment: str, maps: Path, output: Path, *overrides: str) -> Path:
    words = [f"experiment={experiment}", "size=paper", f"dataset={maps}", f"output={output}", "task.plots=[]"]
    (folder,) = train([*words, "task.baselines=[]", *FAST, *overrides])
    return folder


@pytest.fixture(scope="module")
def iso(maps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained first stage of the published kind."""
    return run(ISO, maps, tmp_path_factory.mktemp("iso"))


def test_published_first_stage_works_in_metres_and_decibels(iso: Path) -> None:
    bundle = load_bundle(iso / "bundle")
    assert bundle.pipeline.transform.channel_names == ["building_height", "transmitter"]
    for normaliser in (bundle.pipeline.input_normaliser, bundle.pipeline.target_normaliser):
        assert normaliser.mean.eq(0).all()
        assert normaliser.scale.eq(1).all()


def test_published_cascade_trains_on_the_frozen_first_stage(iso: Path, maps: Path, tmp_path: Path) -> None:
    folder = run(DIRECTIONAL, maps, tmp_path, SMALL_ISO, f"parts.iso={iso}")
    second, first = load_bundle(folder / "bundle").pipeline, load_bundle(iso / "bundle").pipeline
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.transform.iso.state_dict()[name], value)
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    assert {row["target"] for row in rows} == {"path_gain_directional"}


@pytest.mark.parametrize(
    ("overrides", "error", "said"),
    [
        ((SMALL_ISO, "parts.iso={iso}/nowhere"), BundleError, "nowhere"),
        ((SMALL_ISO, "parts.izo={iso}"), ConfigError, r"no pipeline 'izo'\. Did you mean 'iso'"),
        (("parts.iso={iso}",), ConfigError, r"parts\.iso: .* this run has .*give the model and the task"),
    ],
    ids=["wrong run", "unknown part", "another width"],
)
def test_wrong_first_stage_is_refused_before_any_work(
    iso: Path, maps: Path, tmp_path: Path, overrides: tuple[str, ...], error: type[Exception], said: str
) -> None:
    given = [text.replace("{iso}", str(iso)) for text in overrides]
    with pytest.raises(error, match=said) as caught:
        run(DIRECTIONAL, maps, tmp_path, *given)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("**/checkpoints"))


def test_second_stage_without_a_first_one_is_refused(maps: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train it first .* parts\.iso=RUN"):
        run(DIRECTIONAL, maps, tmp_path, SMALL_ISO)
