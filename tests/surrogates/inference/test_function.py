"""A surrogate as a function: values of `predict`, slopes of finite differences, physical units, refusals."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.inference.bundle import save_bundle
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transforms import Stack
from tests.silence import no_warnings

NUMBER = {"dims": ("sample",), "shape": ()}
POWER = VariableSpec(name="power", units="W", minimum=0, **NUMBER)
FORCE = VariableSpec(name="force", units="N", dims=("sample", "time"), shape=(4,))
KIND = VariableSpec(name="kind", dtype="int32", **NUMBER)
SHIFT = VariableSpec(name="shift", units="mm", **NUMBER)
DISTANCE = VariableSpec(name="distance", units="m", dims=("sample", "time"), shape=(4,))
RANGES = {"power": (0.0, 10.0), "force": (-5.0, 5.0), "shift": (-1.0, 1.0)}


def made(folder: Path, inputs: list[VariableSpec], targets: list[VariableSpec], **more: object) -> Surrogate:
    """Return a surrogate of a small smooth network with constants other than 0 and 1."""
    torch.manual_seed(1)
    network = {"name": "mlp", "width": 16, "depth": 2, "activation": "silu"}
    pipeline = Pipeline(PipelineConfig(inputs=inputs, targets=targets, network=network, **more)).eval()
    pipeline.input_normaliser.mean.fill_(2.0)
    pipeline.input_normaliser.scale.fill_(3.0)
    pipeline.target_normaliser.mean.fill_(-40.0)
    pipeline.target_normaliser.scale.fill_(100.0)
    return surrogates.load(save_bundle(folder / "bundle", pipeline, ranges=RANGES), device="cpu")


@pytest.fixture
def surrogate(tmp_path: Path) -> Surrogate:
    return made(tmp_path, [POWER, FORCE, KIND], [SHIFT, DISTANCE])


@pytest.fixture
def records() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "power": ("sample", rng.uniform(1, 9, 5), {"units": "W"}),
            "force": (("sample", "time"), rng.uniform(-4, 4, (5, 4)), {"units": "N"}),
            "kind": ("sample", np.arange(5, dtype=np.int32)),
        }
    )


def differences(f, x: np.ndarray, step: float = 1e-2) -> np.ndarray:
    """Central differences, (columns of y, columns of x)."""
    each = [(f(x + step * unit) - f(x - step * unit)) / (2 * step) for unit in np.eye(len(x))]
    return np.stack(each, axis=1)


@pytest.mark.parametrize("ranges", [{}, {"force": (-5.0, 5.0)}, {"force": (-5.0, 0.0)}])
def test_a_new_function_is_not_tried_with_a_record_of_zeros(
    tmp_path: Path, ranges: dict[str, tuple[float, float]]
) -> None:
    push = SHIFT.model_copy(update={"name": "push", "units": "N"})
    config = PipelineConfig(
        inputs=[FORCE],
        targets=[push],
        transform={"name": "stack", "grid": [], "scale_by": "force"},
        network={"name": "mlp", "width": 4, "depth": 1},
    )
    folder = save_bundle(tmp_path / "bundle", Pipeline(config).eval(), ranges=ranges)
    with no_warnings():
        f = surrogates.load(folder, device="cpu").as_function("force", "push")
    with pytest.warns(UserWarning, match="'force' is zero or unknown in all cells"):
        f(np.zeros(4))


def test_values_are_those_of_predict(surrogate: Surrogate, records: xr.Dataset) -> None:
    f = surrogate.as_function(["force", "power"], ["distance", "shift"], at=records.isel(sample=2))
    others = xr.concat([records.isel(sample=[2])] * 5, "sample")
    given = records.assign(kind=others.kind)
    y = f(np.column_stack([records.force, records.power]))
    expected = surrogate.predict(given)
    np.testing.assert_allclose(y[:, :4], expected.distance, rtol=1e-6)
    np.testing.assert_allclose(y[:, 4], expected["shift"], rtol=1e-6)


def test_jacobian_follows_finite_differences_in_physical_units(
    surrogate: Surrogate, records: xr.Dataset
) -> None:
    f = surrogate.as_function(["power", "force"], ["shift", "distance"], at=records.isel(sample=[1]))
    x = np.array([4.0, 1.0, -2.0, 3.0, 0.5])
    slopes = differences(f, x)
    assert np.abs(slopes).max() > 0.1
    np.testing.assert_allclose(f.jacobian(x), slopes, atol=2e-2 * np.abs(slopes).max())


def test_weighted_gradient_is_the_product_of_weights_and_jacobian(
    surrogate: Surrogate, records: xr.Dataset
) -> None:
    f = surrogate.as_function("force", "distance", at=records.isel(sample=0))
    points, weights = np.random.default_rng(2).normal(size=(2, 6, 4))
    expected = np.einsum("nm,nmd->nd", weights, f.jacobian(points))
    np.testing.assert_allclose(f.gradient(points, weights), expected, rtol=1e-4, atol=1e-5)


def test_one_output_needs_no_weights_and_several_do(surrogate: Surrogate, records: xr.Dataset) -> None:
    x, at = np.array([3.0]), records.isel(sample=0)
    f = surrogate.as_function("power", "shift", at=at)
    np.testing.assert_array_equal(f.gradient(x), f.jacobian(x)[0])
    with pytest.raises(ValueError, match=r"gradient of 4 outputs \(distance\).*weights"):
        surrogate.as_function("power", "distance", at=at).gradient(x)


def test_points_in_batches_answer_like_points_alone(
    surrogate: Surrogate, records: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = surrogate.as_function("force", "distance", at=records.isel(sample=0))
    points = np.random.default_rng(3).normal(size=(7, 4))
    each = np.stack([f(point) for point in points]), np.stack([f.jacobian(point) for point in points])
    monkeypatch.setattr(Surrogate, "batch_size", 3)
    np.testing.assert_allclose(f(points), each[0], rtol=1e-6)
    np.testing.assert_allclose(f.jacobian(points), each[1], rtol=1e-4, atol=1e-5)
    assert f(np.empty((0, 4))).shape == (0, 4)


def test_columns_are_named_and_bounded_by_the_range_of_training(
    surrogate: Surrogate, records: xr.Dataset
) -> None:
    f = surrogate.as_function(["power", "force"], "distance", at=records.isel(sample=0))
    assert f.input_names == ["power", "force[0]", "force[1]", "force[2]", "force[3]"]
    assert f.output_names[-1] == "distance[3]"
    np.testing.assert_array_equal(f.bounds, [[0, 10], *[[-5, 5]] * 4])


def test_fixed_inputs_are_converted_and_checked(surrogate: Surrogate, records: xr.Dataset) -> None:
    at, x = records.isel(sample=0), np.array([1.0, 2.0, 3.0, 4.0])
    milliwatts = at.assign(power=(at.power * 1000).assign_attrs(units="mW"))
    expected = surrogate.as_function("force", "shift", at=at)(x)
    np.testing.assert_allclose(surrogate.as_function("force", "shift", at=milliwatts)(x), expected, rtol=1e-5)
    with pytest.raises(ContractError, match="power"):
        surrogate.as_function("force", "shift", at=at.assign(power=at.power.assign_attrs(units="m")))


def test_standard_deviation_is_an_output_with_a_gradient(tmp_path: Path) -> None:
    f = made(tmp_path, [POWER], [SHIFT], head={"name": "gaussian"}).as_function(
        "power", "shift_standard_deviation"
    )
    x = np.array([6.0])
    np.testing.assert_allclose(f.jacobian(x), differences(f, x), rtol=2e-2)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ("forse", "shift", "no 'forse' among the inputs. Did you mean 'force'"),
        ("force", "distanc", "no 'distanc' among the outputs. Did you mean 'distance'"),
        ("kind", "shift", "'kind' is int32, which has no derivative"),
        (["force", "force"], "shift", "each once"),
        ("force", "shift_standard_deviation", "answers no 'shift_standard_deviation'"),
    ],
)
def test_wrong_names_are_refused_in_one_line(
    surrogate: Surrogate, records: xr.Dataset, inputs: str, outputs: str, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        surrogate.as_function(inputs, outputs, at=records.isel(sample=0))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_does_not_vary_has_to_be_one_record(surrogate: Surrogate, records: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"kind, power do not vary; hand in one record"):
        surrogate.as_function("force", "shift")
    with pytest.raises(ValueError, match=r"5 records along 'sample', expected one"):
        surrogate.as_function("force", "shift", at=records)


def test_points_are_refused_that_predict_would_refuse(surrogate: Surrogate, records: xr.Dataset) -> None:
    f = surrogate.as_function("power", "shift", at=records.isel(sample=0))
    with pytest.raises(ValueError, match=r"power is -1 in x, outside its valid range of 0 to inf W"):
        f([-1.0])
    with pytest.raises(ValueError, match="power is NaN"):
        f([np.nan])
    with pytest.raises(ValueError, match=r"shape \(2,\); expected \(1,\) or \(points, 1\): power"):
        f([1.0, 2.0])


def test_leaving_the_range_of_training_warns_once(surrogate: Surrogate, records: xr.Dataset) -> None:
    f = surrogate.as_function("power", "shift", at=records.isel(sample=0))
    with pytest.warns(OutOfRangeWarning, match="power is 12 W, outside its training range") as caught:
        f([12.0])
    assert caught[0].filename == __file__
    with no_warnings():
        f([13.0])


def test_no_derivative_is_answered_where_a_piece_lets_none_through(
    surrogate: Surrogate, records: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    f, x = surrogate.as_function("power", "shift", at=records.isel(sample=0)), np.array([3.0])
    monkeypatch.setattr(Stack, "detached", ("power",))
    with pytest.raises(ConfigError, match="no derivative by power: the transform 'stack'"):
        f.gradient(x)
    monkeypatch.setattr(Stack, "detached", ())
    forward = Stack.forward
    monkeypatch.setattr(Stack, "forward", torch.no_grad()(forward))
    assert np.isfinite(f(x)).all()
    with pytest.raises(ConfigError, match="no derivative of shift by power"):
        f.jacobian(x)


def test_derivatives_flow_through_every_step_of_a_rollout(tmp_path: Path) -> None:
    attributes = {"step": 1.0, "window_dimension": "time"}
    past = VariableSpec(name="place", dims=("sample", "time"), shape=(4,), units="m", attributes=attributes)
    ahead = past.model_copy(update={"name": "place_forecast", "dims": ("sample", "horizon"), "shape": (2,)})
    torch.manual_seed(2)
    config = PipelineConfig(
        inputs=[past],
        targets=[ahead],
        transform={"name": "windows", "values": "relative"},
        network={"name": "lstm", "width": 8},
    )
    folder = save_bundle(
        tmp_path / "walks", Pipeline(config).eval(), predictor={"name": "rollout", "steps": 3}
    )
    f, x = surrogates.load(folder, device="cpu").as_function("place", "place_forecast"), np.arange(4.0)
    slopes = differences(f, x)
    assert np.abs(slopes[-1]).max() > 0.1  # the last horizon was asked from forecasts alone
    np.testing.assert_allclose(f.jacobian(x), slopes, atol=2e-2 * np.abs(slopes).max())


def test_ensemble_answers_the_derivative_of_its_mean(tmp_path: Path) -> None:
    folders = []
    for number in (1, 2):
        member = made(tmp_path / str(number), [POWER], [SHIFT])
        with torch.no_grad():
            for value in member.bundle.pipeline.network.parameters():
                value.mul_(number)
        folders.append(save_bundle(tmp_path / f"scaled{number}", member.bundle.pipeline, ranges=RANGES))
    x = np.array([4.0])
    single = [
        surrogates.load(each, device="cpu").as_function("power", "shift").jacobian(x) for each in folders
    ]
    both = surrogates.load(folders, device="cpu").as_function("power", "shift").jacobian(x)
    assert not np.allclose(*single)
    np.testing.assert_allclose(both, np.mean(single, axis=0), rtol=1e-4)


@pytest.mark.parametrize("wrong", [np.inf, -np.inf])
def test_infinite_input_is_refused_as_predict_refuses_it(surrogate, records, wrong: float) -> None:
    f = surrogate.as_function("force", "shift", at=records.isel(sample=[0]))
    x = np.array([1.0, wrong, 0.0, 2.0])
    for ask in (f, f.gradient, f.jacobian):
        with pytest.raises(ValueError, match="force is infinite in x; expected numbers in N"):
            ask(x)
    with pytest.raises(ContractError, match="infinite"):
        surrogate.predict(records.assign(force=(("sample", "time"), np.tile(x, (5, 1)), {"units": "N"})))


@pytest.mark.parametrize("wrong", [[1 + 1j], ["1"], [None]])
def test_only_real_numbers_are_taken(surrogate, records, wrong: list[object]) -> None:
    f = surrogate.as_function("power", "shift", at=records.isel(sample=[0]))
    with pytest.raises(ValueError, match=r"x is of the type .*expected an array of real numbers"):
        f(wrong)
    with pytest.raises(ValueError, match=r"weights is of the type .*expected an array of real numbers"):
        f.gradient([2.0], wrong)


def test_weights_have_one_number_for_each_output(surrogate, records) -> None:
    f = surrogate.as_function("power", "distance", at=records.isel(sample=[0]))
    for x, wrong in [([2.0], np.ones(3)), ([2.0], np.ones((2, 4))), ([[2.0], [3.0]], np.ones((3, 4)))]:
        with pytest.raises(ValueError, match=r"weights have shape .*expected \(4,\)"):
            f.gradient(x, wrong)
    each = f.gradient([[2.0], [3.0]], [[1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    np.testing.assert_allclose(each[:, 0], f.jacobian([[2.0], [3.0]])[[0, 1], [0, 3], 0], rtol=1e-6)
