import runpy
import subprocess
import sys
import types
from importlib.metadata import version

import pytest
import typer

from surrogates.cli import main as cli

HEAVY = ("torch", "lightning", "hydra", "xarray", "pydantic", "rich", "sionna", "numpy")


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has imported when `code` has run."""
    program = (
        f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)"
    )
    return set(
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stderr.split()
    )


def test_help_imports_nothing_heavy():
    loaded = modules_after(
        "from surrogates.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: assert not stop.code"
    )
    assert loaded.isdisjoint(HEAVY)
    assert "typer" in loaded


def test_version_is_that_of_the_distribution_and_costs_no_heavy_import(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert not stop.value.code
    assert capsys.readouterr().out == f"surrogates {version('sciml-surrogates')}\n"
    program = "from surrogates.cli.main import main\ntry: main(['--version'])\nexcept SystemExit: pass"
    assert modules_after(program).isdisjoint(HEAVY)


def test_importing_the_package_brings_in_neither_torch_nor_lightning():
    assert modules_after("import surrogates").isdisjoint(HEAVY)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_can_be_imported_and_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert not stop.value.code
    assert name in capsys.readouterr().out


def test_mistyped_command_is_answered_with_the_nearest(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["trian"])
    assert stop.value.code == 2
    assert "'train'" in capsys.readouterr().err


@pytest.fixture
def failing_command(monkeypatch):
    """Put a command `fail` in place of `doctor` that raises what the test says."""

    def install(error: Exception) -> None:
        def fail(words: list[str]) -> None:
            raise error

        module = types.ModuleType("failing")
        module.fail = fail
        monkeypatch.setitem(sys.modules, "failing", module)
        monkeypatch.setitem(cli.COMMANDS, "doctor", ("failing:fail", ""))

    return install


@pytest.mark.parametrize("kind", [ValueError, FileNotFoundError, ImportError])
def test_users_mistake_is_one_line_and_status_2(failing_command, capsys, kind):
    failing_command(kind("the window lies outside the scene:\n  x = 900 m, the scene ends at 700 m"))
    with pytest.raises(SystemExit) as stop:
        cli.main(["doctor", "anything"])
    assert stop.value.code == 2
    expected = "error: the window lies outside the scene: x = 900 m, the scene ends at 700 m\n"
    assert capsys.readouterr().err == expected


def test_debug_shows_the_traceback_wherever_it_stands(failing_command):
    failing_command(ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        cli.main(["doctor", "anything", "--debug"])


def test_defect_of_ours_keeps_its_traceback(failing_command):
    failing_command(KeyError("a defect"))
    with pytest.raises(KeyError):
        cli.main(["doctor", "anything"])


def test_ray_tracing_backend_error_is_a_users_mistake(failing_command, capsys):
    from physics.backend import BackendError

    failing_command(BackendError("no LLVM"))
    with pytest.raises(SystemExit):
        cli.main(["doctor", "anything"])
    assert capsys.readouterr().err == "error: no LLVM\n"


def test_options_reach_the_command_untouched(monkeypatch):
    seen = []

    def record(context: typer.Context) -> None:
        seen.extend(context.args)

    application = typer.Typer()
    application.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(record)
    module = types.ModuleType("recording")
    module.app = application
    monkeypatch.setitem(sys.modules, "recording", module)
    monkeypatch.setitem(cli.COMMANDS, "train", ("recording:app", ""))
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "experiment=radio/demo", "-m", "seed=1,2", "--cfg", "job"])
    assert not stop.value.code
    assert seen == ["experiment=radio/demo", "-m", "seed=1,2", "--cfg", "job"]


def test_module_train_is_the_same_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", "experimnt=radio/geo2sigmap"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("surrogates.train", run_name="__main__")
    assert stop.value.code == 2
    assert "Did you mean 'experiment'?" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named_without_the_number_of_the_error(failing_command, capsys):
    failing_command(FileNotFoundError(2, "No such file or directory", "keys.yaml"))
    with pytest.raises(SystemExit) as stop:
        cli.main(["doctor", "anything"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: keys.yaml: No such file or directory\n"


def test_a_server_that_fails_is_one_line(failing_command, capsys):
    error = type("ServerDisconnectedError", (Exception,), {"__module__": "aiohttp.client_exceptions"})
    failing_command(error("Server disconnected"))
    with pytest.raises(SystemExit) as stop:
        cli.main(["doctor", "anything"])
    assert stop.value.code == 2
    said = (
        "error: a server failed (ServerDisconnectedError: Server disconnected); run the command again when it"
    )
    assert capsys.readouterr().err.startswith(said)


def test_a_package_that_a_protocol_needs_is_named_with_its_extra(failing_command, capsys):
    error = ImportError("Install s3fs to access S3")
    error.__cause__ = ModuleNotFoundError("No module named 's3fs'", name="s3fs")
    failing_command(error)
    with pytest.raises(SystemExit):
        cli.main(["doctor", "anything"])
    assert 'pip install "sciml-surrogates[s3]"' in capsys.readouterr().err


def test_home_is_written_with_a_tilde_in_options_too(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    given = ["--out=~/a b", "--out=~x", "--json", "key=~/c"]
    assert list(map(cli._at_home, given)) == ["--out=/home/me/a b", *given[1:]]
