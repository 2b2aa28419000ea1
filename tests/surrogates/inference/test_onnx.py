"""The exported model answers as torch does, says what its numbers mean, and is refused where it cannot."""

import builtins
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from datasets.radio.variables import record_specs
from datasets.store.specs import VariableSpec
from datasets.uav.variables import track_specs
from surrogates.core.errors import MissingExtraError
from surrogates.data.window import Window, windowed
from surrogates.domains.radio.preparations.maps import DrawSamples
from surrogates.inference.bundle import Bundle, load_bundle, save_bundle
from surrogates.inference.errors import BundleError
from surrogates.inference.onnx import described, export_onnx, synthetic_records
from surrogates.learning.answers import deviation_name
from surrogates.learning.contract import Predictor
from surrogates.learning.normaliser import Normaliser
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.predictors import Rollout

CELLS = 16
LINK = {"frequency": 3.66e9, "cell": 4.0, "receiver_height": 2.0}
RANGES = {
    "building_height": (-20.0, 30.0),
    "terrain_height": (0.0, 3.0),
    "transmitter_position": (5.0, 60.0),
    "transmitter_azimuth": (0.0, 6.0),
    "path_gain_samples": (-120.0, -70.0),
}


class Deviating(Predictor):
    """Answers the target and its standard deviation, as a Gaussian head does."""

    def __call__(self, pipeline, inputs, rng=None):
        answer = pipeline(inputs)
        return {**answer, "gain_standard_deviation": answer["gain"].abs() / 50}


class Drawing(Predictor):
    """Answers otherwise each time."""

    def __call__(self, pipeline, inputs, rng=None):
        return {"gain": pipeline(inputs)["gain"] + torch.randn(())}


def asked_by(bundle: Bundle, predictor: Predictor) -> Bundle:
    """The bundle with another way to ask its pipeline."""
    return replace(bundle, parts=((bundle.pipeline, predictor),))


def made(folder: Path, config: PipelineConfig) -> Bundle:
    """A bundle with random weights and constants."""
    torch.manual_seed(0)
    pipeline = Pipeline(config).eval()
    pipeline.target_normaliser.mean.fill_(-3.0)
    if isinstance(pipeline.target_normaliser, Normaliser):
        pipeline.target_normaliser.scale.fill_(9.0)
    return load_bundle(save_bundle(folder / "bundle", pipeline, ranges=RANGES))


def radio(folder: Path, transform: dict, target: str = "path_gain") -> Bundle:
    """A small U-Net with one of the transforms of radio maps, which states what no store tells here."""
    specs = {spec.name: spec for spec in record_specs(CELLS, 4.0 * CELLS)}
    specs |= {spec.name: spec for spec in DrawSamples().provides(specs)}
    inputs = [specs[name] for name in RANGES]
    network = {"name": "geo_unet", "base": 2, "patch": 2, "levels": 1}
    return made(
        folder,
        PipelineConfig(inputs=inputs, targets=[specs[target]], transform=transform | LINK, network=network),
    )


def series(folder: Path, network: dict) -> Bundle:
    force = VariableSpec(name="force", dims=("sample", "time"), shape=(6,), units="N")
    given = VariableSpec(name="displacement", dims=("sample", "time"), shape=(6,), units="m")
    return made(folder, PipelineConfig(inputs=[force], targets=[given], network=network))


def forecast(
    folder: Path, network: dict, predictor: Predictor | None = None, values: str = "relative", **others
) -> Bundle:
    """A network that forecasts 4 positions from 6."""
    (position,) = track_specs(20, ["position"])
    window = Window(6, horizon=4, dimension="time")
    past, ahead = (windowed(position, window, "time", 0.1, ahead=each) for each in (False, True))
    bundle = made(
        folder,
        PipelineConfig(
            inputs=[past],
            targets=[ahead],
            transform={"name": "windows", "values": values},
            network=network,
            record_dimension="trajectory",
            **others,
        ),
    )
    return bundle if predictor is None else asked_by(bundle, predictor)


def run(path: Path, records: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    answers = session.run(names, {name: value.numpy() for name, value in records.items()})
    return dict(zip(names, answers, strict=True))


def agrees(bundle: Bundle, path: Path, count: int) -> None:
    """Compare on new records, of a number that the export has not seen."""
    records = synthetic_records(bundle, count, seed=7)
    with torch.no_grad():
        expected = bundle.predictor(bundle.pipeline, records)
    for name, answer in run(path, records).items():
        torch.testing.assert_close(torch.from_numpy(answer), expected[name], rtol=1e-4, atol=1e-3)


def test_model_with_a_shared_input_answers_as_torch_and_says_what_it_means(bundle: Path, tmp_path: Path):
    loaded = asked_by(load_bundle(bundle), Deviating())
    path = tmp_path / "new" / "model.onnx"
    found = export_onnx(loaded, path, synthetic_records(loaded))
    assert [(each.name, each.units) for each in found] == [("gain", "dB"), ("gain_standard_deviation", "dB")]
    assert max(each.relative for each in found) < 1e-5
    agrees(loaded, path, 7)
    about = described(path)
    assert [spec["units"] for spec in about["inputs"]] == ["m", "W", "1"]
    assert about["outputs"][1]["dims"] == ["sample", "y", "x"]
    assert about["ranges"] == {"height": [0.0, 60.0], "power": [0.1, 10.0]}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.slow
def test_channels_of_the_direct_ray_are_part_of_the_model(tmp_path: Path):
    bundle = radio(tmp_path, {"name": "radio/physics", "steps": 8})
    export_onnx(bundle, tmp_path / "model.onnx", synthetic_records(bundle))
    agrees(bundle, tmp_path / "model.onnx", 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "transform", ["radio/physics", "radio/geo2sigmap_iso", "radio/geo2sigmap_directional"]
)
def test_transforms_of_radio_maps_are_part_of_the_model(tmp_path: Path, transform: str):
    bundle = radio(tmp_path, {"name": transform})
    export_onnx(bundle, tmp_path / "model.onnx", synthetic_records(bundle))
    agrees(bundle, tmp_path / "model.onnx", 3)


@pytest.mark.slow
def test_recurrent_network_answers_as_torch(tmp_path: Path):
    bundle = series(tmp_path, {"name": "gru", "width": 4})
    export_onnx(bundle, tmp_path / "model.onnx", synthetic_records(bundle))
    agrees(bundle, tmp_path / "model.onnx", 5)


def test_forecast_of_a_recurrent_network_answers_as_torch(tmp_path: Path):
    bundle = forecast(
        tmp_path, {"name": "vector", "width": 4, "depth": 1}, values="rates", normalisation="whitening"
    )
    (found,) = export_onnx(bundle, tmp_path / "model.onnx", synthetic_records(bundle))
    assert (found.name, found.units) == ("position_forecast", "m")
    agrees(bundle, tmp_path / "model.onnx", 9)
    about = described(tmp_path / "model.onnx")
    assert about["inputs"][0]["attributes"]["step"] == 0.1
    assert about["outputs"][0]["shape"] == [4, 3]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", ["vector", "lstm", "tcn", "sequence_transformer"])
def test_forecasts_with_deviations_and_rollouts_answer_as_torch(tmp_path: Path, name: str, steps: int):
    network = {"name": name} | ({} if name == "sequence_transformer" else {"width": 8})
    bundle = forecast(tmp_path, network, Rollout(steps), head={"name": "gaussian"})
    found = export_onnx(bundle, tmp_path / "model.onnx", synthetic_records(bundle))
    assert [each.name for each in found] == ["position_forecast", deviation_name("position_forecast")]
    agrees(bundle, tmp_path / "model.onnx", 3)
    assert described(tmp_path / "model.onnx")["outputs"][0]["shape"] == [4 * steps, 3]


def test_records_on_which_torch_answers_nothing_compare_nothing(tmp_path: Path):
    bundle = forecast(tmp_path, {"name": "vector", "width": 4})
    unknown = {"position": torch.full((3, 6, 3), float("nan"))}
    with pytest.raises(BundleError, match="on the 3 records given, torch answers no number for position_for"):
        export_onnx(bundle, tmp_path / "model.onnx", unknown)


def test_operator_that_onnx_lacks_is_named(tmp_path: Path):
    bundle = radio(tmp_path, {"name": "radio/directional", "steps": 2}, "path_gain_directional")
    with pytest.raises(
        BundleError, match=r"no operator for linalg_cholesky_ex .*'radio/directional'"
    ) as caught:
        export_onnx(bundle, tmp_path / "model.onnx", synthetic_records(bundle))
    assert "surrogates.load" in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "model.onnx").exists()


def test_model_that_answers_otherwise_than_torch_is_not_written(bundle: Path, tmp_path: Path):
    loaded = asked_by(load_bundle(bundle), Drawing())
    with pytest.raises(BundleError, match=r"differs from torch by .* dB in gain, .* expected at most 0.0001"):
        export_onnx(loaded, tmp_path / "model.onnx", synthetic_records(loaded))
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_missing_extra_is_answered_by_its_install_line(bundle: Path, tmp_path: Path, monkeypatch):
    found = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.partition(".")[0] == "onnxscript":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return found(name, *arguments, **keywords)

    monkeypatch.setattr("surrogates.core.optional.import_module", without)
    loaded = load_bundle(bundle)
    with pytest.raises(MissingExtraError, match=r'pip install "sciml-surrogates\[export\]"'):
        export_onnx(loaded, tmp_path / "model.onnx", synthetic_records(loaded))


def test_records_without_data_lie_within_the_ranges_of_training(bundle: Path):
    records = synthetic_records(load_bundle(bundle), 50)
    assert records["height"].shape == (50, 6, 5) and records["slope"].shape == (6, 5)
    assert 0 <= float(records["height"].min()) < 5 and 55 < float(records["height"].max()) <= 60


def test_windows_without_data_are_complete_and_change_slowly(tmp_path: Path):
    bundle = forecast(tmp_path, {"name": "vector", "width": 4})
    bundle.manifest.ranges["position"] = (-50.0, 50.0)
    positions = synthetic_records(bundle, 200)["position"]
    assert positions.isfinite().all() and positions.abs().max() <= 50
    assert positions[:, 0].abs().max() > 45
    assert positions.diff(dim=1).abs().max() < 0.05 * 100 + 1.0


def test_an_ensemble_is_exported_as_its_mixture(tmp_path: Path):
    members = []
    for seed in (0, 1):
        bundle = series(tmp_path / str(seed), {"name": "mlp", "width": 8})
        torch.manual_seed(seed)
        for parameter in bundle.pipeline.parameters():
            torch.nn.init.normal_(parameter)
        members += bundle.parts
    ensemble = replace(bundle, parts=tuple(members))
    path = tmp_path / "model.onnx"
    export_onnx(ensemble, path, synthetic_records(ensemble))
    records = synthetic_records(ensemble, 3, seed=7)
    with torch.no_grad():
        expected = ensemble.ask(records)
    answers = run(path, records)
    assert answers.keys() == {"displacement", deviation_name("displacement")}
    for name, answer in answers.items():
        torch.testing.assert_close(torch.from_numpy(answer), expected[name], rtol=1e-4, atol=1e-3)
