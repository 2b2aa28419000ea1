"""The published files are read as they are, and nothing in them runs."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets.csi.rrg_files import RRGFiles
from datasets.factory.errors import BuildError
from tests.datasets.cards import fields
from tests.datasets.csi.published import tensors, write

ONE = "cm_C_ds_030_ms_010"


def recipe(folder: Path, **keys: Any) -> RRGFiles:
    made = RRGFiles.make({"folder": str(folder), **keys})
    made.prepare()
    return made


def refused(change: Callable[[Path], None], message: str) -> Callable[[Path], None]:
    """Return a check that a changed folder is refused at the latest when its records are read."""

    def check(folder: Path) -> None:
        change(write(folder / ONE, tensors(1)))
        with pytest.raises(BuildError, match=message) as error:
            recipe(folder).simulate(np.arange(1), [])
        assert "\n" not in str(error.value)
        assert not (folder / ONE / "ran").exists()

    return check


def saving(make: Callable[[], Any], name: str = "H_U_pred.pt") -> Callable[[Path], None]:
    return lambda folder: torch.save(make(), folder / name)


class Running:
    """What runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self.path}",))


def bare_pickle(folder: Path) -> None:
    (folder / "H_U_hist.pt").write_bytes(pickle.dumps(Running(folder / "ran")))


def code(folder: Path) -> None:
    torch.save(Running(folder / "ran"), folder / "H_U_hist.pt")


def packed(folder: Path) -> None:
    path = folder / "H_D_pred.pt"
    with zipfile.ZipFile(path) as archive:
        members = {each.filename: archive.read(each) for each in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def stretched() -> torch.Tensor:
    return torch.zeros(1, 1, 1, 1, dtype=torch.complex64).expand(1000, 32, 4, 300)


def spoilt() -> torch.Tensor:
    values = tensors(1)["H_U_pred.pt"]
    values[0, 3, 2, 1] = complex(0, np.inf)
    return values


def other_file(folder: Path) -> None:
    write(folder / ONE, tensors(1))
    torch.save(torch.zeros(1), folder / ONE / "noise.pt")
    (found,) = recipe(folder).left_out()
    assert found.counts() == {"total": 4, "of another name (noise.pt)": 1}


def names(folder: Path) -> None:
    write(folder / "cm_A_ds_300_ms_045", tensors(1))
    write(folder / "cm_E_ds_030_ms_001", tensors(2))
    found = recipe(folder).simulate(np.arange(3), [])
    assert found["channel_model"].tolist() == [0, 4, 4]
    np.testing.assert_allclose(found["delay_spread"], [300e-9, 30e-9, 30e-9])
    assert found["speed"].tolist() == [45, 1, 1]
    write(folder / "cm_Z_ds_030_ms_001", tensors(1))
    with pytest.raises(BuildError, match=r"cm_Z_ds_030_ms_001', a name like cm_A_ds_030_ms_010 expected"):
        recipe(folder)


def subsets(folder: Path) -> None:
    write(folder / "train" / ONE, tensors(10))
    write(folder / "test" / ONE, tensors(2))
    (split,) = recipe(folder).splits()
    assert split.labels[:2].tolist() == [2, 2]
    assert sorted(split.labels[2:].tolist()) == [0] * 9 + [1]
    (drawn,) = recipe(folder / "train", test=0.2).splits()
    assert np.bincount(drawn.labels).tolist() == [7, 1, 2]


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "first bytes": refused(
        lambda folder: (folder / "H_U_hist.pt").write_bytes(b"\x93NUMPY" + bytes(90)) and None,
        "H_U_hist.pt is no ZIP archive where a tensor of torch.save was expected",
    ),
    "pickle without an archive": refused(bare_pickle, "H_U_hist.pt is a Python pickle by itself"),
    "objects other than one tensor": refused(code, "H_U_hist.pt is a pickle of other things than one tensor"),
    "packed members": refused(packed, "H_D_pred.pt holds packed data"),
    "type": refused(saving(lambda: torch.zeros(1, 32, 4, 300)), r"holds float32 of shape \(1, 32, 4, 300\)"),
    "shape": refused(
        saving(lambda: torch.zeros(1, 32, 16, 300, dtype=torch.complex64)),
        r"\(records, 32, 4, 300\) expected",
    ),
    "order in memory": refused(saving(stretched), "H_U_pred.pt states a tensor of"),
    "number of records": refused(
        saving(lambda: tensors(2)["H_U_pred.pt"]), "records differ .*H_U_hist.pt 1, H_U_pred.pt 2"
    ),
    "NaN, infinity": refused(saving(spoilt), "H_U_pred.pt, record 0: NaN or infinite"),
    "file that is missing in a folder": refused(
        lambda folder: (folder / "H_D_pred.pt").unlink(), "lacks H_D_pred.pt"
    ),
    "other `.pt` files": other_file,
    "name of the folder": names,
    "folders in between": subsets,
}


@pytest.mark.parametrize("field", fields("csi/rrg_files"))
def test_a_field_is_read_as_the_card_says(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)


def test_records_are_those_of_the_files(tmp_path: Path) -> None:
    one, two = tensors(2), tensors(3, seed=1)
    write(tmp_path / "cm_A_ds_030_ms_010", one)
    write(tmp_path / "cm_D_ds_100_ms_001", two)
    made = recipe(tmp_path)
    found = made.simulate(np.array([1, 2, 4]), [])
    for name, file in (
        ("uplink_history", "H_U_hist.pt"),
        ("uplink_future", "H_U_pred.pt"),
        ("downlink_future", "H_D_pred.pt"),
    ):
        expected = torch.stack([one[file][1], two[file][0], two[file][2]])
        np.testing.assert_array_equal(found[name], expected.numpy())
    shared = made.shared()
    np.testing.assert_allclose(np.diff(shared["time"]), 2.352e-3, rtol=1e-9)
    assert shared["uplink_subcarrier"][0] == pytest.approx(-11.25e6)
    assert shared["downlink_subcarrier"][-1] == pytest.approx(11.22e6)


@pytest.mark.parametrize("content", [{"a": torch.zeros(1)}, [torch.zeros(1)], 3])
def test_a_file_of_something_else_is_refused(content: Any, tmp_path: Path) -> None:
    refused(saving(lambda: content), "H_U_pred.pt holds a (dict|list|int), one tensor expected")(tmp_path)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    def cut(folder: Path) -> None:
        path = folder / "H_U_hist.pt"
        path.write_bytes(path.read_bytes()[:-50_000])

    refused(cut, "H_U_hist.pt is no ZIP archive")(tmp_path)
