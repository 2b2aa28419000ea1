"""What a machine without network lacks is found, fits into folders, and installs there."""

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from benchmarks.wheelhouse import environment_of, main, needed, platforms, split

PLATFORM = "manylinux_2_28_x86_64"


def test_parts_hold_every_file_once_and_only_a_file_that_is_too_large_exceeds_them() -> None:
    sizes = {"a": 30, "b": 25, "c": 20, "d": 71, "e": 10, "f": 5, "g": 60}
    parts = split(sizes, 60)
    assert sorted(name for part in parts for name in part) == sorted(sizes)
    assert [part for part in parts if sum(sizes[name] for name in part) > 60] == [["d"]]
    assert len(parts) == 4  # 150 bytes beside the large one need at least three
    assert split({}, 60) == []


def test_tags_of_older_systems_are_taken_too() -> None:
    tags = platforms("manylinux_2_28_aarch64")
    assert tags[0] == "manylinux_2_28_aarch64"
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux1_aarch64"} <= set(tags)
    assert "manylinux_2_29_aarch64" not in tags
    with pytest.raises(SystemExit, match="platform linux found, one such as manylinux_2_28_x86_64 expected"):
        platforms("linux")


def test_what_the_machine_has_is_left_out_with_all_that_only_that_needs() -> None:
    found = needed(["sciml-surrogates[seismic]"], environment_of("3.11", PLATFORM))
    assert {"sciml-surrogates", "deepwave", "zarr", "numpy", "antlr4-python3-runtime"} <= set(found)
    assert not {"torch", "triton", "pytest", "sionna-rt"} & set(found)


def test_requirements_are_those_of_the_other_machine() -> None:
    wanted = ["sciml-surrogates[radio]"]
    assert "karellen-llvm-core" in needed(wanted, environment_of("3.11", PLATFORM))
    assert "karellen-llvm-core" not in needed(wanted, environment_of("3.11", "manylinux_2_28_aarch64"))


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    asked = ["--extras", "slurm", "--python-version", "3.11", "--platform", PLATFORM, "--part-mb", "40"]
    with pytest.raises(SystemExit, match="is there already; remove it, or name another folder"):
        main([*asked, "--folder", str(tmp_path)])


def test_what_is_not_installed_here_is_named() -> None:
    with pytest.raises(SystemExit, match="no-such-thing is not installed here"):
        needed(["no-such-thing"], environment_of("3.11", PLATFORM))


@pytest.mark.slow
def test_an_empty_environment_installs_from_the_folders_alone(tmp_path: Path, capsys, monkeypatch) -> None:
    """Of the package only what needs no torch is installed, which the other machine has."""
    folder = tmp_path / "wheelhouse"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    asked = ["--extras", "slurm", "--python-version", version, "--platform", PLATFORM, "--part-mb", "40"]
    main([*asked, "--folder", str(folder)])
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told[:-1] if re.search(r"part-\d\d: \d+ wheels, \d+ MB", line)] == told[:-1]
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    links = [f"--find-links={part}" for part in sorted(folder.iterdir())]
    install = [python, "-m", "pip", "install", "--quiet", "--no-index", *links, "submitit", "omegaconf"]
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    subprocess.run(install, check=True)
    subprocess.run([python, "-c", "import submitit, omegaconf"], check=True)
