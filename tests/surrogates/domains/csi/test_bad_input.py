"""What a network was not trained on, and files that are damaged, are answered in one line."""

import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
import zarr

import surrogates
from datasets.factory.build import build
from datasets.store.errors import ContractError
from surrogates.cli.main import main
from surrogates.inference.bundle import save_bundle
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.datasets.csi import published
from tests.datasets.csi.logs import atheros_frame, integers, intel_frame, write
from tests.surrogates.domains.csi.small import recipe, records

PAST, AHEAD = "uplink_history", "uplink_future"
STEP = 2.352e-3


@pytest.fixture(scope="module")
def surrogate(tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    """A small network with fresh weights, for 8 antennas, 48 subcarriers and 16 snapshots every 2.352 ms."""
    specs, data = {spec.name: spec for spec in recipe().specs()}, records()
    context = Context.of([specs[PAST]], [specs[AHEAD]], shared={str(k): v for k, v in data.coords.items()})
    config = PipelineConfig(
        inputs=list(context.inputs),
        targets=list(context.targets),
        transform={"name": "stack", "grid": ["uplink_subcarrier"], "fold": ["antenna"], "scale_by": PAST},
        network={"name": "mlp", "width": 4, "depth": 1},
    )
    made = Pipeline(config, context)
    made.fit_normalisers([{name: torch.from_numpy(data[name].values) for name in (PAST, AHEAD)}])
    folder = tmp_path_factory.mktemp("csi") / "bundle"
    largest = float(np.abs(data[PAST]).max())
    save_bundle(folder, made.eval(), coordinates=data.coords, ranges={PAST: (0.0, largest)})
    return surrogates.load(folder, device="cpu")


def clock(values: np.ndarray, units: str = "s") -> Callable[[xr.Dataset], xr.Dataset]:
    return lambda ds: ds.assign_coords(time=("time", values, {"units": units} if units else {}))


def unknown(ds: xr.Dataset) -> xr.Dataset:
    ds = ds.copy(deep=True)
    ds[PAST].values[1, 2, 3, 4] = np.nan
    return ds


WRONG: dict[str, tuple[Callable[[xr.Dataset], xr.Dataset], str]] = {
    "antennas": (lambda ds: ds.isel(antenna=slice(6)), "6 cells along 'antenna', expected 8"),
    "more antennas": (
        lambda ds: xr.concat([ds, ds], "antenna"),
        "'antenna' has 16 cells in steps from -7 to 1 .* between the 8 of training",
    ),
    "subcarriers": (
        lambda ds: ds.isel(uplink_subcarrier=slice(24)),
        "24 cells along 'uplink_subcarrier', expected 48",
    ),
    "wider subcarriers": (
        lambda ds: ds.assign_coords(uplink_subcarrier=2 * ds["uplink_subcarrier"].assign_attrs(units="Hz")),
        "spacing 60000 Hz, expected 30000 Hz as in training",
    ),
    "too few snapshots": (
        lambda ds: ds.isel(time=slice(4, None)),
        "12 samples along 'time', expected at least 16",
    ),
    "snapshots 5 ms apart": (clock(5e-3 * np.arange(-15, 1)), "spacing 0.005 s, expected 0.002352 s"),
    "in milliseconds": (clock(5.0 * np.arange(-15, 1), "ms"), "spacing 0.005 s, expected 0.002352 s"),
    "without units": (clock(5e-3 * np.arange(-15, 1), ""), "'time' has no units, expected units such as 's'"),
    "with a gap": (clock(STEP * np.r_[-20, np.arange(-14, 1)]), "'time' is not even: a step of 0.014112 s"),
    "backwards": (lambda ds: ds.isel(time=slice(None, None, -1)), "'time' descends from 0 to"),
    "NaN": (unknown, r"NaN at record 1, cell \[2, 3, 4\]"),
    "moduli": (np.abs, "float32 values, which are real, expected complex64; give real and imaginary part"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_another_channel_than_that_of_training_is_refused(surrogate: Surrogate, wrong: str) -> None:
    change, said = WRONG[wrong]
    with pytest.raises(ContractError, match=said) as refused:
        surrogate.predict(change(records()[[PAST]]))
    assert "\n" not in str(refused.value)


def test_a_longer_past_is_cut_to_its_end(surrogate: Surrogate) -> None:
    given = records()[[PAST]]
    longer = given.pad(time=(4, 0), constant_values=7.0).pipe(clock(STEP * np.arange(-19, 1)))
    xr.testing.assert_equal(surrogate.predict(longer), surrogate.predict(given))


def test_a_record_of_zeros_is_answered_with_a_warning_and_changes_no_other(surrogate: Surrogate) -> None:
    given = records()[[PAST]].copy(deep=True)
    given[PAST].values[1] = 0
    with pytest.warns(UserWarning, match="'uplink_history' is zero or unknown in all cells of a record"):
        found = surrogate.predict(given)[AHEAD]
    assert np.isfinite(found).all()
    expected = surrogate.predict(records()[[PAST]])[AHEAD]
    np.testing.assert_allclose(found[2:], expected[2:], rtol=1e-5, atol=1e-6)


def test_a_channel_of_another_strength_is_said_to_be_an_extrapolation(surrogate: Surrogate) -> None:
    with pytest.warns(OutOfRangeWarning, match=r"\|uplink_history\| is .* outside its training range"):
        surrogate.predict(1000 * records()[[PAST]])


def stopped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that refuses; return its one line."""
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    assert stop.value.code
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "Traceback" not in line
    return line


def code(folder: Path) -> None:
    """A pickle by itself, which runs what it names when it is loaded by Python."""
    published.write(folder / "cm_A_ds_030_ms_010", published.tensors(1))
    path = folder / "cm_A_ds_030_ms_010" / "H_U_hist.pt"
    path.write_bytes(pickle.dumps(np.zeros(3)))


def code_inside(folder: Path) -> None:
    """A file of torch.save that names a class beside tensors."""
    published.write(folder / "cm_A_ds_030_ms_010", published.tensors(1))
    torch.save(torch.nn.Linear(2, 2), folder / "cm_A_ds_030_ms_010" / "H_U_hist.pt")


def real_numbers(folder: Path) -> None:
    found = {name: values.abs() for name, values in published.tensors(1).items()}
    published.write(folder / "cm_A_ds_030_ms_010", found)


def fewer_antennas(folder: Path) -> None:
    found = {name: values[:, 1:].contiguous() for name, values in published.tensors(1).items()}
    published.write(folder / "cm_A_ds_030_ms_010", found)


def cut_atheros(folder: Path) -> None:
    frames = [atheros_frame(each, 1000 * n) for n, each in enumerate(integers(5, 56, 3, 2))]
    path = write(folder / "a.dat", frames)
    path.write_bytes(path.read_bytes()[:-40])


def cut_log(folder: Path) -> None:
    frames = [intel_frame(each, 1000 * n) for n, each in enumerate(integers(5, 30, 3, 2))]
    path = write(folder / "a.dat", frames)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("importer", "make", "said"),
    [
        ("csi/rrg_files", code, "H_U_hist.pt is a Python pickle by itself, which may run code"),
        ("csi/rrg_files", code_inside, "H_U_hist.pt is a pickle of other things than one tensor of numbers"),
        ("csi/rrg_files", real_numbers, r"holds float32 of shape \(.*\), complex64 of shape .* expected"),
        ("csi/rrg_files", fewer_antennas, r"shape \(\d+, 31, 16, 300\), complex64 of shape \(records, 32,"),
        ("csi/measured", cut_atheros, "1 of 5 packets .* cut off at the end of the file"),
        ("csi/measured", cut_log, "1 of 5 packets .* cut off at the end of the file"),
    ],
)
def test_a_damaged_file_is_refused_by_the_import(
    importer: str,
    make: Callable[[Path], None],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "in").mkdir()
    make(tmp_path / "in")
    line = stopped(
        capsys, "data", "import", importer, str(tmp_path / "in"), f"out={tmp_path / 'out.zarr'}", "workers=0"
    )
    assert re.search(said, line)
    assert not (tmp_path / "out.zarr").exists()


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ("{name: csi/noise, kind: burst, degree: 0.6}", "burst noise of 0.6 dB found, one of 10, 15, 20"),
        (
            "{name: csi/noise, kind: packet_drop, degree: 1.5}",
            "packet drops with probability 1.5 found, 0 to 1",
        ),
        ("{name: csi/noise, kind: burst, degree: [10, 20]}", "a range of degrees found, one number expected"),
    ],
)
def test_noise_of_a_degree_that_there_is_not_stops_a_run_before_any_work(
    noise: str, said: str, store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = stopped(
        capsys,
        "train",
        "experiment=csi/csi4cast",
        "size=tiny",
        f"dataset={store}",
        f"task.augmentations=[{noise}]",
        f"output={tmp_path / 'runs'}",
    )
    assert re.search(said, line)


def test_pasts_that_are_not_known_stop_a_training_in_one_line(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = str(tmp_path / "damaged.zarr")
    shutil.copytree(store, damaged)
    history = zarr.open_group(damaged, mode="r+")[PAST]
    assert isinstance(history, zarr.Array)
    values = np.asarray(history[:])
    values[:, 0, 1, 2] = np.nan
    history[:] = values
    words = ["experiment=csi/csi4cast", "size=tiny", f"dataset={damaged}", f"output={tmp_path / 'runs'}"]
    assert "csi/noise: NaN or infinite values found in 'uplink_history'" in stopped(capsys, "train", *words)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of channels."""
    url = str(tmp_path_factory.mktemp("store") / "csi.zarr")
    build(recipe(count=11), url, workers=0)
    return url
