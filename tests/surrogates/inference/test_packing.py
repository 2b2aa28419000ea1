"""A packed bundle is smaller, computes in single precision, and carries an example of its own."""

from pathlib import Path

import pytest
import torch
import xarray as xr
from safetensors.torch import load_file, save_file

import surrogates
from surrogates.inference.bundle import load_bundle
from surrogates.inference.errors import BundleError
from surrogates.inference.example import EXAMPLE, read_example
from surrogates.inference.manifest import CARD, MANIFEST, WEIGHTS, read_manifest, sha256, write_manifest
from surrogates.inference.packing import halve, pack


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "height": 50 * torch.rand(3, 6, 5, generator=generator),
        "power": 1 + torch.rand(3, generator=generator),
        "slope": torch.rand(6, 5, generator=generator),
        "gain": -100 + torch.rand(3, 6, 5, generator=generator),
    }


@pytest.fixture
def packed(bundle: Path, batch: dict[str, torch.Tensor], tmp_path: Path) -> Path:
    config = tmp_path / "config.yaml"
    config.write_text("seed: 0\n")
    halve(bundle)
    target = tmp_path / "packed"
    pack(bundle, target, path="zoo:toy", batch=batch, config=config, provenance={"size": "tiny"})
    return target


def replace(folder: Path, name: str, tensors: dict[str, torch.Tensor]) -> None:
    """Store other tensors, with the hash that belongs to them."""
    save_file(tensors, folder / name)
    manifest = read_manifest(folder)
    files = {**manifest.files, name: sha256(folder / name)}
    write_manifest(manifest.model_copy(update={"files": files}), folder / MANIFEST)


def test_half_precision_moves_a_prediction_by_a_thousandth_of_its_spread(
    bundle: Path, inputs: xr.Dataset
) -> None:
    before = surrogates.load(bundle).predict(inputs).gain
    halve(bundle)
    after = surrogates.load(bundle).predict(inputs).gain
    assert after.dtype == before.dtype == "float32"
    difference = float(abs(after - before).max())
    assert 0 < difference < 1e-2 * float(before.std())


def test_matrices_alone_are_halved_and_load_as_single_precision(bundle: Path) -> None:
    halve(bundle)
    stored, loaded = load_file(bundle / WEIGHTS), load_bundle(bundle).pipeline
    matrices = {name for name, value in loaded.named_parameters() if value.ndim > 1}
    assert {name for name, value in stored.items() if value.dtype == torch.float16} == matrices
    assert matrices
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}


def test_a_weight_beyond_half_precision_is_not_made_infinite(bundle: Path) -> None:
    tensors = load_file(bundle / WEIGHTS)
    (name, *_) = (name for name, value in load_bundle(bundle).pipeline.named_parameters() if value.ndim > 1)
    replace(bundle, WEIGHTS, {**tensors, name: torch.full_like(tensors[name], 1e6)})
    with pytest.raises(BundleError, match="beyond the range"):
        halve(bundle)
    assert load_file(bundle / WEIGHTS)[name].dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int32])
def test_weights_of_any_other_type_are_refused(bundle: Path, dtype: torch.dtype) -> None:
    tensors = load_file(bundle / WEIGHTS)
    (name, *_) = (name for name, value in load_bundle(bundle).pipeline.named_parameters() if value.ndim > 1)
    replace(bundle, WEIGHTS, {**tensors, name: tensors[name].to(dtype)})
    with pytest.raises(BundleError, match="shape and type"):
        load_bundle(bundle)


def test_the_example_is_predicted_as_it_was_when_packed(packed: Path, batch: dict[str, torch.Tensor]) -> None:
    surrogate = surrogates.load(packed)
    example, predicted = read_example(surrogate.bundle)
    assert example.equals(surrogate.example())
    assert example.height.dims == ("sample", "y", "x") and example.height.attrs["units"] == "m"
    assert (example.x.values == [2.0, 6.0, 10.0, 14.0, 18.0]).all()
    assert (example.gain.values == batch["gain"].numpy()).all()
    xr.testing.assert_allclose(surrogate.predict(example).gain, predicted.gain)


def test_the_card_says_how_to_load_the_bundle(packed: Path) -> None:
    assert 'surrogates.load("zoo:toy")' in (packed / CARD).read_text()
    assert read_manifest(packed).provenance == {"seed": 1, "size": "tiny"}


def test_a_bundle_without_an_example_says_where_there_is_one(bundle: Path) -> None:
    with pytest.raises(BundleError, match="holds no example"):
        surrogates.load(bundle).example()


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"height": torch.zeros(3, 6, 6)}, "has the shape"),
        ({"secret": torch.zeros(3)}, "holds secret"),
        ({"power": torch.zeros(2)}, "holds 3 of gain, 3 of height, 2 of power, .*same number"),
        ({"power": torch.zeros(3, dtype=torch.bfloat16)}, "of the type torch.bfloat16; expected float32"),
    ],
)
def test_an_example_that_does_not_fit_is_refused(
    packed: Path, change: dict[str, torch.Tensor], hint: str
) -> None:
    replace(packed, EXAMPLE, load_file(packed / EXAMPLE) | change)
    with pytest.raises(BundleError, match=hint):
        surrogates.load(packed).example()


def test_an_example_that_is_no_safetensors_file_is_told(packed: Path) -> None:
    (packed / EXAMPLE).write_bytes(b"")
    manifest = read_manifest(packed)
    files = {**manifest.files, EXAMPLE: sha256(packed / EXAMPLE)}
    write_manifest(manifest.model_copy(update={"files": files}), packed / MANIFEST)
    with pytest.raises(BundleError, match="no intact safetensors file"):
        surrogates.load(packed).example()


def test_an_example_that_was_changed_is_noticed(packed: Path) -> None:
    save_file(load_file(packed / EXAMPLE) | {"power": torch.ones(3)}, packed / EXAMPLE)
    with pytest.raises(BundleError, match="does not have the hash"):
        surrogates.load(packed)
