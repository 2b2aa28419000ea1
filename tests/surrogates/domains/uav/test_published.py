"""VECTOR's published weights on the published flights give the rows that were measured of them."""

import os
import pickle
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.domains.uav.published import AHEAD, HISTORY, Published, published_bundle, published_pipeline
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.evaluate import Target, evaluate
from surrogates.inference.bundle import load_bundle
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline, Metric
from surrogates.learning.normaliser import Whitening
from surrogates.models.vector import VECTOR

DATA = Path(os.environ.get("SURROGATES_UAV_DATA", "../shared/data/uav"))
CIRCLES, EIGHTS, SYNTHETIC = "Gazebo circles C1-C3", "Gazebo figure-8 I1-I2", "noisy synthetic circles"
WINDOWS = {CIRCLES: 3402, EIGHTS: 2292, SYNTHETIC: 27269}

# Mean squared error (m2), average and final displacement error (m), measured once with the published code's
# arithmetic on all windows of the published tracks.
ROWS = [
    (CIRCLES, "uav/constant_velocity", (0.091, 0.400, 0.856)),
    (CIRCLES, "5000_pos_white_norm_64_2_0p5", (0.393, 0.715, 1.383)),
    (CIRCLES, "5000_pos_max_norm_64_2_0p5", (0.279, 0.529, 1.100)),
    (CIRCLES, "5000_vel_white_norm_64_2_0p5", (0.142, 0.355, 0.684)),
    (CIRCLES, "5000_vel_max_norm_64_2_0p5", (0.192, 0.419, 0.846)),
    (EIGHTS, "uav/constant_velocity", (0.421, 0.837, 1.895)),
    (EIGHTS, "5000_pos_white_norm_64_2_0p5", (0.555, 0.824, 1.569)),
    (EIGHTS, "5000_pos_max_norm_64_2_0p5", (0.635, 0.811, 1.651)),
    (EIGHTS, "5000_vel_white_norm_64_2_0p5", (0.433, 0.674, 1.446)),
    (EIGHTS, "5000_vel_max_norm_64_2_0p5", (0.601, 0.825, 1.813)),
    (SYNTHETIC, "uav/constant_velocity", (0.368, 0.519, 1.212)),
    pytest.param(SYNTHETIC, "5000_pos_white_norm_64_2_0p5", (180.6, 17.3, 18.1), marks=pytest.mark.slow),
    (SYNTHETIC, "5000_vel_max_norm_64_2_0p5", (0.216, 0.389, 0.819)),
]

pytestmark = pytest.mark.skipif(
    not (DATA / "weights").is_dir(), reason=f"no published weights in {DATA}; set SURROGATES_UAV_DATA"
)


def tracks(name: str) -> Iterator[np.ndarray]:
    """Positions of each published track, (samples, 3), 10 Hz."""
    if name == SYNTHETIC:
        with tarfile.open(DATA / "synthetic/lines_circles_100ms.tar.gz") as held:
            for member in held:
                if "circle_" in member.name and (file := held.extractfile(member)) is not None:
                    yield np.genfromtxt(file, delimiter=",", skip_header=1, usecols=(1, 2, 3))
    else:
        for path in sorted((DATA / "gazebo").glob("C?_*.csv" if name == CIRCLES else "I?_*.csv")):
            yield np.genfromtxt(path, delimiter=",", skip_header=1, usecols=(1, 2, 3))


@pytest.fixture(scope="module")
def windows() -> dict[str, torch.Tensor]:
    """All windows of 30 samples, one sample apart."""
    found = {}
    for name in WINDOWS:
        parts = [
            np.lib.stride_tricks.sliding_window_view(track, HISTORY + AHEAD, axis=0) for track in tracks(name)
        ]
        found[name] = torch.from_numpy(np.concatenate(parts).swapaxes(1, 2).astype(np.float32))
    return found


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_are_counted_as_published(name: str, windows: dict[str, torch.Tensor]) -> None:
    assert len(windows[name]) == WINDOWS[name]


@pytest.mark.parametrize(("name", "method", "row"), ROWS)
def test_published_rows_are_met_within_one_percent(
    name: str, method: str, row: tuple[float, float, float], windows: dict[str, torch.Tensor]
) -> None:
    weights = DATA / "weights" / f"{method}.pth"
    config = Published("5000", "pos", "max", 64, 2, 0.5).config()
    context, (target,) = Context.of(config.inputs, config.targets), config.targets
    node = {"name": method}
    pipeline = published_pipeline(weights) if weights.exists() else Baseline.build(node, context)
    batches = [
        {"position": part[:, :HISTORY], target.name: part[:, HISTORY:]} for part in windows[name].split(4096)
    ]
    metrics = {key: Metric.build({"name": key}, context) for key in ("rmse", "ade", "fde")}
    blocks = Blocks.of(len(windows[name]), blocks=np.arange(len(windows[name])) // 1000)
    table = evaluate({"it": lambda inputs, rng: pipeline(inputs)}, batches, [Target(target)], metrics, blocks)
    rmse, ade, fde = (table.value("it", target.name, key) for key in metrics)
    assert (rmse**2, ade, fde) == pytest.approx(row, rel=0.01)


def test_a_bundle_of_published_weights_answers_like_the_network_itself(
    tmp_path: Path, windows: dict[str, torch.Tensor]
) -> None:
    """Straight from the state dict: velocities, the last one repeated, summed up from the last position."""
    weights = DATA / "weights" / "5000_vel_max_norm_64_2_0p5.pth"
    folder = published_bundle(tmp_path / "vector", weights)
    past = windows[CIRCLES][:7, :HISTORY]
    network = VECTOR(3, 3, AHEAD).eval()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    longest = float(np.load(weights.with_name("5000_vel_stats.npz"))["max_velocity"])
    velocity = past.diff(dim=1) / 0.1
    velocity = torch.cat([velocity, velocity[:, -1:]], dim=1)
    with torch.no_grad():
        answer = network(velocity.transpose(1, 2) / longest).transpose(1, 2) * longest
        found = load_bundle(folder).ask({"position": past})["position_forecast"]
    torch.testing.assert_close(found, past[:, -1:] + (answer * 0.1).cumsum(1), rtol=0, atol=1e-5)
    assert not any(file.suffix in {".pth", ".npz"} for file in folder.iterdir())


def test_velocity_models_do_not_see_where_they_fly(windows: dict[str, torch.Tensor]) -> None:
    pipeline = published_pipeline(DATA / "weights" / "5000_vel_white_norm_64_2_0p5.pth")
    past = (windows[EIGHTS][:50, :HISTORY] * 1024).round() / 1024  # adds exactly in single precision
    with torch.no_grad():
        here = pipeline({"position": past})["position_forecast"]
        there = pipeline({"position": past + 128.0})["position_forecast"] - 128.0
    torch.testing.assert_close(there, here, rtol=0, atol=1e-4)


def test_whitening_of_published_weights_is_the_published_one() -> None:
    weights = DATA / "weights" / "5000_pos_white_norm_64_2_0p5.pth"
    held = np.load(DATA / "weights" / "5000_pos_stats.npz")
    values = torch.tensor([[10.0, -4.0, 2.0]])
    for legacy, matrix in ((True, held["L_matrix"].T), (False, held["L_matrix"])):
        normaliser = published_pipeline(weights, legacy_whitening=legacy).input_normaliser
        assert isinstance(normaliser, Whitening)
        expected = (values.numpy() - held["input_mean"]) @ matrix
        torch.testing.assert_close(normaliser(values), torch.from_numpy(expected).float())
        torch.testing.assert_close(normaliser.inverse(normaliser(values)), values, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", [path.name for path in sorted((DATA / "weights").glob("*.pth"))])
def test_every_published_file_loads(name: str) -> None:
    pipeline = published_pipeline(DATA / "weights" / name)
    answer = pipeline({"position": torch.zeros(2, HISTORY, 3)})["position_forecast"]
    assert answer.shape == (2, AHEAD, 3)
    assert answer.isfinite().all()


def test_a_pickle_in_the_place_of_weights_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    weights = tmp_path / "5000_vel_max_norm_64_2_0p5.pth"
    weights.write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(ConfigError, match="holds no plain weights"):
        published_pipeline(weights, DATA / "weights" / "5000_vel_stats.npz")
    statistics = tmp_path / "stats.npz"
    np.savez(statistics, max_velocity=np.array(Trap(), dtype=object))
    with pytest.raises(ConfigError, match="holds no plain numbers"):
        published_pipeline(DATA / "weights" / weights.name, statistics)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("vel_max", "max_velocity", np.array(np.nan)),
        ("vel_max", "max_velocity", np.array(0.0)),
        ("vel_max", "max_velocity", np.array(-3.0)),
        ("vel_max", "max_velocity", np.array("12.5")),
        ("vel_white", "L_matrix", np.diag([1.0, 0.0, 2.0])),
        ("vel_white", "L_matrix", np.array([[2.0, 1.0, 1.0]] * 3)),
        ("vel_white", "L_matrix", np.full((3, 3), np.inf)),
        ("vel_white", "input_mean", np.array([0.0, np.nan, 0.0])),
        ("vel_white", "input_mean", np.array(["a", "b", "c"])),
    ],
)
def test_constants_of_no_use_are_refused(kind: str, name: str, value: np.ndarray, tmp_path: Path) -> None:
    held = dict(np.load(DATA / "weights" / "5000_vel_stats.npz"))
    statistics = tmp_path / "stats.npz"
    np.savez(statistics, **{**held, name: value})
    with pytest.raises(ConfigError, match=rf"stats\.npz: '{name}' is .*, expected finite numbers") as error:
        published_pipeline(DATA / "weights" / f"5000_{kind}_norm_64_2_0p5.pth", statistics)
    assert "\n" not in str(error.value)


def test_weights_of_another_size_than_their_name_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "5000_vel_max_norm_99999_2_0p5.pth"
    wrong.symlink_to((DATA / "weights" / "5000_vel_max_norm_64_2_0p5.pth").resolve())
    with pytest.raises(ConfigError, match=r"not those that its name says \(fc.weight: \(3, 64\) found"):
        published_pipeline(wrong, DATA / "weights" / "5000_vel_stats.npz")


def test_unknown_names_and_missing_files_are_named() -> None:
    with pytest.raises(ConfigError, match=r"best\.pth is no name of VECTOR's weights"):
        published_pipeline("best.pth")
    with pytest.raises(ConfigError, match=r"mix2_vel_stats\.npz is missing"):
        published_pipeline(DATA / "weights" / "mix2_vel_max_norm_64_2_0p5.pth")
