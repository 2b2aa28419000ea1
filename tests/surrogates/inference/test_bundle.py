"""A bundle loads back exactly, and a hostile or damaged one is refused before anything of it runs."""

import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import xarray as xr
import yaml
from safetensors.torch import load_file, save_file

import surrogates
from datasets.store.specs import VariableSpec
from surrogates.inference.bundle import load_bundle, save_bundle, update_calibration, update_metrics
from surrogates.inference.errors import BundleError
from surrogates.inference.manifest import MANIFEST, WEIGHTS, sha256
from surrogates.learning.conformal import Calibration
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as an attacker would, hashes included."""
    path = folder / MANIFEST
    data = yaml.safe_load(path.read_text())
    change(data)
    data["files"] = data["files"] | {WEIGHTS: sha256(folder / WEIGHTS)}
    path.write_text(yaml.safe_dump(data))


def test_a_bundle_loads_back_bit_identical(bundle: Path, pipeline: Pipeline) -> None:
    loaded = load_bundle(bundle)
    assert loaded.manifest.pipeline == pipeline.config
    assert loaded.manifest.provenance == {"seed": 1}
    for name, value in pipeline.state_dict().items():
        assert torch.equal(loaded.pipeline.state_dict()[name], value)
    assert not loaded.pipeline.training


def test_loading_leaves_the_global_generator_alone(bundle: Path) -> None:
    state = torch.get_rng_state()
    load_bundle(bundle)
    assert torch.equal(torch.get_rng_state(), state)


def test_saving_again_replaces_the_bundle_and_leaves_nothing_behind(bundle: Path, pipeline: Pipeline) -> None:
    save_bundle(bundle, pipeline, name="second")
    assert load_bundle(bundle).manifest.name == "second"
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_failed_save_keeps_the_old_bundle(
    bundle: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("surrogates.inference.bundle.save_weights", full)
    with pytest.raises(OSError, match="No space left"):
        save_bundle(bundle, pipeline, name="second")
    assert load_bundle(bundle).manifest.name == "toy"
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_folder_that_is_no_bundle_is_not_overwritten(tmp_path: Path, pipeline: Pipeline) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("ten years")
    with pytest.raises(BundleError, match="is no bundle"):
        save_bundle(tmp_path / "thesis", pipeline)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "ten years"


def test_scores_are_added_later_and_reach_the_card(bundle: Path) -> None:
    row = {"method": "mlp", "target": "gain", "metric": "rmse", "value": 6.25, "low": 6.0, "high": 6.5}
    update_metrics(bundle, {"rows": [row | {"units": "0.1 lg(re 1)", "group": "all"}]})
    assert load_bundle(bundle).manifest.metrics["rows"][0]["value"] == 6.25
    card = (bundle / "card.md").read_text()
    assert "6.25 | 6 to 6.5 | dB" in card
    assert "Height of buildings" in card
    assert "0 to 60" in card


TABLE = {
    "scores": [1.0, 2.5],
    "shares": [0.5, 1.0],
    "count": 2.0,
    "blocks": 2,
    "relative": False,
    "distant": False,
    "groups": [],
}


def test_a_calibration_is_kept_as_plain_numbers_and_reaches_the_card(bundle: Path) -> None:
    update_calibration(bundle, {"gain": Calibration.model_validate(TABLE)})
    assert yaml.safe_load((bundle / MANIFEST).read_text())["calibration"] == {"gain": TABLE}
    assert load_bundle(bundle).manifest.calibration["gain"].radius(0.5) == 2.5
    assert "`gain` | 2.5 dB | inf dB | 2" in (bundle / "card.md").read_text()


# Attacks: each is refused before anything of the bundle runs.


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("pwned", "w"))


@pytest.mark.parametrize("name", ["weights.pt", "extra/data.pkl", "last.CKPT"])
def test_a_pickle_inside_is_refused_by_name(bundle: Path, name: str) -> None:
    (bundle / name).parent.mkdir(exist_ok=True)
    (bundle / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BundleError, match="may hold a pickle"):
        load_bundle(bundle)


def test_a_pickle_in_the_place_of_the_weights_is_refused(bundle: Path) -> None:
    (bundle / WEIGHTS).write_bytes(pickle.dumps(Bomb()))
    edit(bundle, lambda data: None)
    with pytest.raises(BundleError, match="no intact safetensors file"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "a/../../secret.txt", "..", "C:\\secret"])
def test_a_path_that_climbs_out_is_refused(bundle: Path, name: str) -> None:
    (bundle.parent / "secret.txt").write_text("secret")
    edit(bundle, lambda data: data["files"].update({name: "0" * 64}))
    with pytest.raises(BundleError, match="leaves the bundle's folder"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", [WEIGHTS, MANIFEST, "notes.md"])
def test_a_symbolic_link_is_refused(bundle: Path, name: str) -> None:
    outside = bundle.parent / "outside"
    if (bundle / name).exists():
        shutil.move(bundle / name, outside)
    else:
        outside.write_text("x")
    (bundle / name).symlink_to(outside)
    with pytest.raises(BundleError, match="symbolic link"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("part", "wrong", "hint"),
    [("network", "os.system", "registered"), ("network", "mpl", "'mlp'"), ("transform", "stak", "'stack'")],
)
def test_an_unregistered_name_is_refused_with_the_nearest(
    bundle: Path, part: str, wrong: str, hint: str
) -> None:
    edit(bundle, lambda data: data["pipeline"][part].update({"name": wrong}))
    with pytest.raises(BundleError, match=hint):
        load_bundle(bundle)


def test_an_unregistered_predictor_is_refused(bundle: Path) -> None:
    edit(bundle, lambda data: data.update({"predictor": {"name": "direkt"}}))
    with pytest.raises(BundleError, match="Did you mean 'direct'"):
        load_bundle(bundle)


def test_an_interpolation_stays_a_plain_string(bundle: Path) -> None:
    edit(bundle, lambda data: data.update({"name": "${oc.env:HOME}"}))
    assert load_bundle(bundle).manifest.name == "${oc.env:HOME}"


def test_a_yaml_tag_builds_no_object(bundle: Path) -> None:
    (bundle / MANIFEST).write_text("name: !!python/object/apply:os.system ['touch pwned']\n")
    with pytest.raises(BundleError, match="no plain YAML"):
        load_bundle(bundle)


def test_yaml_aliases_that_explode_are_refused(bundle: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (bundle / MANIFEST).write_text("\n".join(lines))
    with pytest.raises(BundleError, match="aliases"):
        load_bundle(bundle)


@pytest.mark.parametrize("text", ["[" * 1_000_000, "a: 2026-01-01", "- 1\n- 2"])
def test_other_yaml_is_refused(bundle: Path, text: str) -> None:
    (bundle / MANIFEST).write_text(text)
    with pytest.raises(BundleError):
        load_bundle(bundle)


def test_an_oversize_manifest_is_not_read(bundle: Path) -> None:
    with (bundle / MANIFEST).open("a") as stream:
        stream.write("# " + "x" * (5 << 20))
    with pytest.raises(BundleError, match="bytes"):
        load_bundle(bundle)


@pytest.mark.parametrize("values", ["1,", "[],", "a,"])
def test_a_manifest_of_endless_lists_is_refused_soon(bundle: Path, values: str) -> None:
    (bundle / MANIFEST).write_text(f"format_version: 2\nname: [{values * 200_000}1]\n")
    with pytest.raises(BundleError, match="holds more than 131072 values"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    "arguments",
    [{"width": 10**9}, {"depth": 10**9}, {"width": 10**30}, {"width": 10**6}, {"depth": 10**6}],
)
def test_huge_arguments_are_refused_without_taking_memory(bundle: Path, arguments: dict[str, int]) -> None:
    edit(bundle, lambda data: data["pipeline"]["network"].update(arguments))
    with pytest.raises(BundleError, match=r"are allowed|hostile|do not make|less than or equal"):
        load_bundle(bundle)


def test_a_huge_grid_is_refused(bundle: Path) -> None:
    edit(bundle, lambda data: data["pipeline"]["inputs"][0].update({"shape": [10**6, 10**6]}))
    with pytest.raises(BundleError, match="cells are allowed"):
        load_bundle(bundle)


@pytest.mark.parametrize("step", [0, -1.0, float("inf"), None, [0.1]])
def test_a_window_without_a_spacing_is_refused(bundle: Path, step: Any) -> None:
    attributes = {"step": step, "window_dimension": "x"}
    edit(bundle, lambda data: data["pipeline"]["inputs"][0].update(attributes=attributes))
    with pytest.raises(BundleError, match=r"attribute step = .*a number above zero"):
        load_bundle(bundle)


@pytest.mark.parametrize(("steps", "refused"), [(1 << 13, False), (1 << 13 | 1, True)])
def test_a_rollout_without_end_is_refused(tmp_path: Path, steps: int, refused: bool) -> None:
    attributes = {"step": 1.0, "window_dimension": "time"}
    past = VariableSpec(
        name="place", dims=("sample", "time"), shape=(3,), units="m", attributes=dict(attributes)
    )
    ahead = past.model_copy(update={"name": "place_forecast", "dims": ("sample", "horizon"), "shape": (2,)})
    config = PipelineConfig(
        inputs=[past], targets=[ahead], transform={"name": "windows"}, network={"name": "lstm", "width": 4}
    )
    predictor = {"name": "rollout", "steps": steps}
    folder = save_bundle(tmp_path / "walks", Pipeline(config), predictor=predictor)
    if refused:
        with pytest.raises(BundleError, match=r"answers 'place_forecast' .* 16384 samples ahead are allowed"):
            load_bundle(folder)
    else:
        assert load_bundle(folder).outputs[0].shape == (1 << 14,)


def test_weights_of_another_shape_are_refused(bundle: Path) -> None:
    edit(bundle, lambda data: data["pipeline"]["network"].update({"width": 7}))
    with pytest.raises(BundleError, match="shape and type"):
        load_bundle(bundle)


@pytest.mark.parametrize("change", ["lack", "too many", "type"])
def test_weights_with_other_names_or_types_are_refused(bundle: Path, change: str) -> None:
    state = load_file(bundle / WEIGHTS)
    name = next(iter(state))
    if change == "lack":
        state.pop(name)
    elif change == "too many":
        state["backdoor"] = torch.zeros(3)
    else:
        state[name] = state[name].double()
    save_file(state, bundle / WEIGHTS)
    edit(bundle, lambda data: None)
    with pytest.raises(BundleError, match=change):
        load_bundle(bundle)


def test_a_header_that_promises_more_than_the_file_holds_is_refused(bundle: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    (bundle / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header)
    edit(bundle, lambda data: None)
    with pytest.raises(BundleError, match="no intact"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    "change",
    [
        {"scores": [1.0, float("nan")]},
        {"scores": [float("inf"), float("inf")]},
        {"scores": [2.5, 1.0]},
        {"scores": ["rm -rf", 1.0]},
        {"shares": [0.5]},
        {"shares": [0.7, 0.5]},
        {"count": -1.0},
        {"scores": [0.0] * 1025, "shares": [1.0] * 1025},
        {"code": "print(1)"},
    ],
)
def test_a_hostile_calibration_is_refused(bundle: Path, change: dict[str, Any]) -> None:
    edit(bundle, lambda data: data.update({"calibration": {"gain": TABLE | change}}))
    with pytest.raises(BundleError, match="calibration"):
        load_bundle(bundle)


def test_a_calibration_of_another_variable_is_refused(bundle: Path) -> None:
    edit(bundle, lambda data: data.update({"calibration": {"loss": TABLE}}))
    with pytest.raises(BundleError, match="calibrates loss; the bundle's targets are gain"):
        load_bundle(bundle)


def test_a_distribution_that_the_weights_do_not_have_is_refused(bundle: Path) -> None:
    edit(bundle, lambda data: data["pipeline"].update({"head": {"name": "gaussian"}}))
    with pytest.raises(BundleError, match=r"shape and type|weights fill"):
        load_bundle(bundle)
    edit(bundle, lambda data: data["pipeline"].update({"head": {"name": "cauchy"}}))
    with pytest.raises(BundleError, match="No head is registered as 'cauchy'"):
        load_bundle(bundle)


def test_changed_weights_do_not_pass_the_hash(bundle: Path) -> None:
    data = bytearray((bundle / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (bundle / WEIGHTS).write_bytes(bytes(data))
    with pytest.raises(BundleError, match="hash"):
        load_bundle(bundle)


def test_another_format_version_says_what_to_do(bundle: Path) -> None:
    edit(bundle, lambda data: data.update({"format_version": 99}))
    with pytest.raises(BundleError, match="format_version 99; this release reads 2"):
        load_bundle(bundle)


def test_an_unknown_key_is_answered_with_the_nearest(bundle: Path) -> None:
    edit(bundle, lambda data: data.update({"predicter": {"name": "direct"}}))
    with pytest.raises(BundleError, match="Did you mean 'predictor'"):
        load_bundle(bundle)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["pipeline"].update(record_dimension="time"), "without 'time', along which"),
        (lambda data: data["pipeline"]["transform"].update(grid=5), "do not make a network"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(
    bundle: Path, change: Callable[[Any], None], message: str
) -> None:
    edit(bundle, change)
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_a_manifest_that_is_no_text_is_refused(bundle: Path) -> None:
    (bundle / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError, match="is no text"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["predictor"].update({"name": "rollout", "steps": 1e12}),
        lambda data: data["pipeline"]["network"].update({"width": "99999999999"}),
        lambda data: data.update({"stated": {"frequency": float("nan")}}),
        lambda data: data.update({"scalars": {"frequency": {"value": float("inf")}}}),
        lambda data: data.update({"specs": [{"name": "s", "dims": ["x"], "shape": [99999999999]}]}),
    ],
)
def test_numbers_beyond_all_bounds_are_refused_wherever_they_stand(bundle: Path, change: Any) -> None:
    edit(bundle, change)
    with pytest.raises(BundleError):
        load_bundle(bundle)


def test_a_bundle_of_the_release_before_loads_and_answers_alike(bundle: Path, inputs: xr.Dataset) -> None:
    expected = surrogates.load(bundle, device="cpu").predict(inputs)

    def older(data: dict[str, Any]) -> None:
        data["format_version"] = 1
        data["pipeline"].pop("head")
        data["pipeline"]["distribution"] = None
        for key in ("mask", "specs", "scalars", "stated"):
            data.pop(key)

    edit(bundle, older)
    xr.testing.assert_identical(surrogates.load(bundle, device="cpu").predict(inputs), expected)
