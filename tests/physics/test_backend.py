"""Which backend is chosen, and what is said when there is none; each case in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from physics import backend

CHOOSE = """
import sys
from pathlib import Path
from physics import backend
backend._cuda_driver = lambda: None
{setup}
try:
    print(backend.choose_backend())
except backend.BackendError as error:
    print("BackendError:", error)
assert "mitsuba" not in sys.modules and "drjit" not in sys.modules
"""


def choose(setup: str = "", library: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if key != backend.LIBRARY_VARIABLE}
    if library is not None:
        environment[backend.LIBRARY_VARIABLE] = str(library)
    command = [sys.executable, "-c", CHOOSE.format(setup=setup)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def pretended_llvm(folder: Path, version: int | None) -> Path:
    """Compile a library that says it is LLVM of that version, or, like those before 16, says nothing."""
    source, library = folder / "llvm.c", folder / f"libLLVM.so.{version or 15}"
    body = f"*a = {version}; *b = 1; *c = 2;"
    function = f"void LLVMGetVersion(unsigned *a, unsigned *b, unsigned *c) {{ {body} }}"
    source.write_text(function if version else "int nothing;")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def test_library_of_the_wheel_is_chosen_without_a_device() -> None:
    assert choose().startswith("LLVM 2")


def test_library_of_the_user_comes_first(tmp_path: Path) -> None:
    assert choose(library=pretended_llvm(tmp_path, 18)) == f"LLVM 18.1.2 ({tmp_path / 'libLLVM.so.18'})"


@pytest.mark.parametrize(("version", "said"), [(None, "is older than LLVM 16"), (14, "is LLVM 14, but")])
def test_library_that_is_too_old_is_refused_in_one_line(
    tmp_path: Path, version: int | None, said: str
) -> None:
    answer = choose(library=pretended_llvm(tmp_path, version))
    assert answer.startswith("BackendError:")
    assert said in answer
    assert "pip install karellen-llvm-core" in answer
    assert "\n" not in answer


def test_library_that_does_not_exist_is_named(tmp_path: Path) -> None:
    assert f"the LLVM library {tmp_path / 'no.so'} does not exist" in choose(library=tmp_path / "no.so")


def test_file_that_is_no_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("not a library")
    assert "cannot be loaded" in choose(library=tmp_path / "text.so")


def test_without_any_library_the_remedy_is_said() -> None:
    answer = choose("backend._wheel_libraries = lambda: []\nbackend.SYSTEM_FOLDERS = ()")
    assert answer.startswith("BackendError: ray tracing on the CPU needs an LLVM library, and none was found")
    assert "pip install karellen-llvm-core" in answer


def test_newest_system_library_is_taken_and_old_ones_are_passed_over(tmp_path: Path) -> None:
    for version in (16, 19):
        pretended_llvm(tmp_path, version)
    (tmp_path / "libLLVM-15.so").write_text("")
    setup = f"backend._wheel_libraries = lambda: []\nbackend.SYSTEM_FOLDERS = ({str(tmp_path)!r},)"
    assert choose(setup) == f"LLVM 19.1.2 ({tmp_path / 'libLLVM.so.19'})"


def test_cuda_comes_before_llvm() -> None:
    assert choose("backend._cuda_driver = lambda: '12.8'") == "CUDA 12.8"


PART_WITHOUT_RAYS = {
    "channels": "import physics.channels.tr38901",
    "link": "import torch\n"
    "from surrogates.domains.csi.link_level import link_quality, matched\n"
    "channels = torch.ones(1, 1, 2, 8, dtype=torch.complex64)\n"
    "link_quality(channels, channels, precoder=matched, snr=10.0)",
}


@pytest.mark.parametrize("part", PART_WITHOUT_RAYS)
def test_part_of_sionna_without_rays_leaves_the_ray_tracer_a_library_that_it_can_use(part: str) -> None:
    """Importing any part of Sionna imports Dr.Jit, which takes the first LLVM library that it finds."""
    pytest.importorskip("physics.channels.tr38901")
    script = (
        f"{PART_WITHOUT_RAYS[part]}\n"
        "from physics import backend\n"
        "backend.sionna()\n"
        "import drjit\n"
        "print(backend.choose_backend().name, drjit.detail.llvm_version()[0])\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != backend.LIBRARY_VARIABLE}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    name, version = done.stdout.split()
    assert name == "cuda" or int(version) >= backend.OLDEST_LLVM


def test_old_library_that_was_taken_before_is_refused_in_one_line() -> None:
    script = (
        "import sys, types\n"
        "from physics import backend\n"
        "backend._cuda_driver = lambda: None\n"
        "took = types.SimpleNamespace(llvm_version=lambda: (15, 0, 6))\n"
        "sys.modules['drjit'] = types.SimpleNamespace(detail=took)\n"
        "try: backend.choose_backend()\n"
        "except backend.BackendError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "took LLVM 15" in done.stdout
    assert f"start Python with {backend.LIBRARY_VARIABLE}=" in done.stdout


def test_missing_sionna_is_answered_with_the_install_line() -> None:
    script = (
        "import sys; sys.modules['sionna'] = None\n"
        "import importlib.util; find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'sionna' else find(name)\n"
        "from physics import backend\n"
        "try: backend.sionna()\n"
        "except backend.BackendError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 'pip install "sciml-surrogates[radio]"' in done.stdout


def test_description_names_solver_and_backend() -> None:
    found = backend.describe()
    assert found["sionna-rt"][0].isdigit()
    assert found["backend"].startswith(("LLVM", "CUDA"))
