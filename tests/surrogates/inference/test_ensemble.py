"""An ensemble has the moments of the mixture of its members, and is as safe as they are."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
import yaml

import surrogates
from datasets.store.specs import VariableSpec
from surrogates.inference.bundle import load_bundle, save_bundle, save_ensemble, update_calibration
from surrogates.inference.ensemble import mixture
from surrogates.inference.errors import BundleError
from surrogates.inference.manifest import MANIFEST
from surrogates.learning.conformal import Calibration
from surrogates.learning.pipeline import Pipeline


@pytest.fixture
def members(tmp_path: Path, pipeline: Pipeline) -> list[Path]:
    """Three bundles that differ in their weights."""
    folders = []
    for seed in range(3):
        torch.manual_seed(seed)
        made = Pipeline(pipeline.config).eval()
        folders.append(save_bundle(tmp_path / f"seed-{seed}", made, ranges={"power": (0.1, 5.0 + seed)}))
    return folders


@pytest.fixture
def ensemble(tmp_path: Path, members: list[Path]) -> Path:
    return save_ensemble(tmp_path / "ensemble", members, name="three")


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = yaml.safe_load((folder / MANIFEST).read_text())
    change(data)
    (folder / MANIFEST).write_text(yaml.safe_dump(data))


def test_moments_are_those_of_samples_from_the_mixture() -> None:
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=4), rng.uniform(0.1, 2, 4)
    answers = [
        {"a": torch.tensor([m]), "a_standard_deviation": torch.tensor([d])}
        for m, d in zip(means, deviations, strict=True)
    ]
    mixed = mixture(answers, [VariableSpec(name="a", dims=("sample",), shape=())])
    samples = rng.normal(means, deviations, (400_000, 4)).ravel()
    assert mixed["a"].item() == pytest.approx(samples.mean(), abs=0.01)
    assert mixed["a_standard_deviation"].item() == pytest.approx(samples.std(), abs=0.01)


def test_members_without_deviation_give_the_spread_of_their_means(
    members: list[Path], inputs: xr.Dataset
) -> None:
    out = surrogates.load(members, device="cpu").predict(inputs)
    each = np.stack([surrogates.load(folder, device="cpu").predict(inputs)["gain"] for folder in members])
    np.testing.assert_allclose(out["gain"], each.mean(0), rtol=1e-5)
    np.testing.assert_allclose(out["gain_standard_deviation"], each.std(0), rtol=1e-3, atol=1e-5)
    assert out["gain_standard_deviation"].attrs["units"] == "0.1 lg(re 1)"


def test_a_saved_ensemble_answers_as_the_list_does(
    members: list[Path], ensemble: Path, inputs: xr.Dataset
) -> None:
    saved = surrogates.load(ensemble, device="cpu")
    expected = surrogates.load(members, device="cpu").predict(inputs)
    for folder in members:
        shutil.rmtree(folder)  # it holds copies
    xr.testing.assert_equal(saved.predict(inputs), expected)
    assert "mlp x 3" in repr(saved)
    assert "3 networks `mlp`" in (ensemble / "card.md").read_text()
    assert saved.bundle.manifest.ranges == {"power": (0.1, 7.0)}


def test_an_ensemble_is_calibrated_like_a_bundle(ensemble: Path, inputs: xr.Dataset) -> None:
    with pytest.raises(BundleError, match="`surrogates ensemble RUN RUN --out DIR`"):
        surrogates.load(ensemble, device="cpu").predict(inputs, interval=0.9)
    table = Calibration(scores=[1.0, 3.0], shares=[0.5, 1.0], count=50, blocks=50, relative=True)
    update_calibration(ensemble, {"gain": table})
    out = surrogates.load(ensemble, device="cpu").predict(inputs, interval=0.9)
    half = (out["gain_upper"] - out["gain_lower"]) / 2
    np.testing.assert_allclose(half, 3 * out["gain_standard_deviation"], rtol=1e-3, atol=1e-4)


def test_one_network_is_not_taken_for_all(ensemble: Path) -> None:
    with pytest.raises(BundleError, match="is an ensemble of 3, and one network is needed here"):
        _ = load_bundle(ensemble).pipeline


def test_members_that_do_not_fit_are_refused(
    tmp_path: Path, members: list[Path], ensemble: Path, pipeline: Pipeline
) -> None:
    renamed = [spec.model_copy(update={"name": f"{spec.name}_2"}) for spec in pipeline.config.inputs]
    config = pipeline.config.model_copy(update={"inputs": renamed, "transform": {"name": "stack"}})
    other = save_bundle(tmp_path / "other", Pipeline(config))
    for folders, message in (
        ([members[0], other], "other has other inputs than .*seed-0"),
        ([members[0]], "two members or more, found 1"),
        ([members[0], ensemble], "is an ensemble itself"),
    ):
        with pytest.raises(BundleError, match=message):
            save_ensemble(tmp_path / "new", folders)
    with pytest.raises(BundleError, match="two members or more"):
        surrogates.load([members[0]])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["../seed-0", "/etc", "..", "a/../../seed-0", "C:\\x"])
def test_a_member_outside_the_folder_is_refused(ensemble: Path, name: str) -> None:
    edit(ensemble, lambda data: data["members"].update({name: "0" * 64}))
    with pytest.raises(BundleError, match="leaves the bundle's folder"):
        load_bundle(ensemble)


def test_a_linked_missing_or_changed_member_is_refused(ensemble: Path, members: list[Path]) -> None:
    text = (ensemble / "member-2" / MANIFEST).read_text()
    (ensemble / "member-2" / MANIFEST).write_text(text.replace("name: surrogate", "name: other"))
    with pytest.raises(BundleError, match="does not have the hash"):
        load_bundle(ensemble)
    shutil.rmtree(ensemble / "member-2")
    with pytest.raises(BundleError, match="lacks the member 'member-2'"):
        load_bundle(ensemble)
    (ensemble / "member-2").symlink_to(members[1])
    with pytest.raises(BundleError, match="symbolic link"):
        load_bundle(ensemble)


def test_changed_weights_and_pickles_of_a_member_are_refused(ensemble: Path) -> None:
    weights = ensemble / "member-3" / "weights.safetensors"
    sound = weights.read_bytes()
    weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    with pytest.raises(BundleError, match="hash"):
        load_bundle(ensemble)
    (ensemble / "member-1" / "extra.pkl").write_bytes(b"")
    with pytest.raises(BundleError, match="may hold a pickle"):
        load_bundle(ensemble)


def test_an_ensemble_with_weights_of_its_own_is_refused(ensemble: Path) -> None:
    edit(ensemble, lambda data: data.update({"files": {"weights.safetensors": "0" * 64}}))
    with pytest.raises(BundleError, match="belong to its members"):
        load_bundle(ensemble)


def test_members_of_different_cells_are_refused(tmp_path: Path, pipeline: Pipeline) -> None:
    def saved(name: str, step: float, *, backwards: bool = False) -> Path:
        x = xr.DataArray(step * np.arange(5)[:: -1 if backwards else 1], dims="x", attrs={"units": "m"})
        return save_bundle(tmp_path / name, pipeline, coordinates={"x": x})

    fine, coarse, backwards = (
        saved("fine", 4.0),
        saved("coarse", 8.0),
        saved("backwards", 4.0, backwards=True),
    )
    surrogates.load([fine, saved("same", 4.0)], device="cpu")
    with pytest.raises(BundleError, match=r"coarse was trained on other cells than .* 8 m, expected 4 m"):
        surrogates.load([fine, coarse], device="cpu")
    with pytest.raises(BundleError, match="'x' descends by 4 m, in training it ascends"):
        save_ensemble(tmp_path / "ensemble", [fine, backwards])
