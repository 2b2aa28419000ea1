"""What is done with a stranger's store, in one process: read by every command, resumed, predicted from."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from tests.hostile.work import Waves, build, command


class Stopping(Waves):
    """Waves whose build stops after the first shard row."""

    def simulate(self, indices, rngs):
        if indices[0] >= 4:
            raise ValueError("stopped")
        return super().simulate(indices, rngs)


def unfinished(url: str) -> None:
    """Build half of a store of waves."""
    from datasets.factory.build import build as build_store
    from datasets.factory.errors import BuildError

    try:
        build_store(Stopping(), url, workers=0, progress=False)
    except BuildError:
        return
    raise AssertionError("it was to stop")


def bundle(folder: str) -> None:
    """Save a bundle that predicts the slope from the height of waves."""
    from surrogates.inference.bundle import save_bundle
    from surrogates.learning.pipeline import Pipeline
    from surrogates.learning.pipeline_config import PipelineConfig

    height, slope = Waves().specs()
    config = PipelineConfig(inputs=[height], targets=[slope], network={"name": "mlp", "width": 4, "depth": 1})
    save_bundle(
        Path(folder),
        Pipeline(config).eval(),
        name="toy",
        ranges={"height": (-1.0, 1.0)},
        provenance={"seed": 1},
    )


def train(store: str, output: str) -> list[str]:
    """Return the command that trains a tiny run."""
    return [
        "train",
        f"dataset={store}",
        *("model=mlp", "model.width=4", "model.depth=1", "task.inputs=[height]", "task.targets=[slope]"),
        *("trainer.max_steps=2", "trainer.validate_every=2", "trainer.batch_size=2"),
        *("trainer.progress=false", f"output={output}"),
    ]


def read(name: str, store: str) -> None:
    """Read a store by a command."""
    beside = Path(store).parent
    match name:
        case "plot":
            command("data", "plot", store, "--out", str(beside / "p.png"))
        case "train":
            command(*train(store, str(beside / "runs")))
        case "predict":
            (beside / "p.nc").unlink(missing_ok=True)
            command("predict", str(beside / "bundle"), store, str(beside / "p.nc"))
        case "verify":
            command("data", "verify", store, "--no-progress")
        case _:
            command("data", name, store)


def resume(store: str) -> None:
    """Resume the waves."""
    from datasets.factory.build import resume as resume_store

    resume_store(store, workers=0, recipe_class=Waves, progress=False)


def said(work: Callable[..., Any], *arguments: Any) -> str:
    """Return the line in which a call ends, empty if it goes through; a traceback begins with that word."""
    from surrogates.cli.main import _is_users_mistake, _one_line

    printed = StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            work(*arguments)
    except SystemExit as stopped:
        if not stopped.code:
            return ""
        lines = printed.getvalue().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        return errors[-1] if errors else " ".join(lines)
    except Exception as error:
        return _one_line(error) if _is_users_mistake(error) else f"Traceback: {error!r}"
    return ""


def read_spoilt(cases: list[str], names: tuple[str, ...]) -> str:
    """Spoil copies of `w.zarr`, and read each by several commands; return what they say, as JSON."""
    from tests.hostile.test_stores import SPOILT

    found = {}
    shutil.copytree("w.zarr", "sound.zarr")
    for case in cases:
        shutil.rmtree("w.zarr")
        shutil.copytree("sound.zarr", "w.zarr")
        SPOILT[case][0](Path("w.zarr"))
        found[case] = {name: said(read, name, "w.zarr") for name in names}
    return "\n" + json.dumps(found)


def resume_with(recipe: str, config: dict[str, Any], paths: tuple[str, ...], secret: str) -> str:
    """Resume `half.zarr` as if a stranger's recipe had begun it; return what is said for each path."""
    from datasets.factory.build import resume as resume_store

    root = Path("half.zarr", "zarr.json")
    found = {}
    for path in paths:
        value = json.loads(root.read_text())
        text = json.dumps(config).replace("PATH", secret if path == "SECRET" else path)
        value["attributes"] |= {"recipe": recipe, "recipe_config": text}
        root.write_text(json.dumps(value))
        found[path] = said(lambda: resume_store("half.zarr", workers=0, progress=False))
    return "\n" + json.dumps(found)


def verify_text(store: str) -> None:
    """Verify a store, and print."""
    command("data", "verify", store, "--no-progress")


def limited(kilobytes: int, what: str, path: str) -> None:
    """Do something under a limit on the size of files."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))
    if what == "build":
        build(path)
    elif what == "predict":
        from surrogates.inference.source import open_inputs
        from surrogates.inference.surrogate import load

        load(f"{path}/bundle").predict(open_inputs(f"{path}/w.zarr"), out=Path(path, "p.zarr"))
    else:
        from surrogates.cli.main import main

        try:
            main(train(f"{path}/w.zarr", f"{path}/runs"))
        finally:
            os.sync()


SCRIPT = """
import os, signal, multiprocessing
if multiprocessing.current_process().name != "MainProcess" and "{what}" == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if multiprocessing.current_process().name != "MainProcess" and "{what}" == "import":
    import no_such_module
from datasets.factory.build import build
from tests.hostile.work import Waves
if __name__ == "__main__":
    build(Waves(), "w.zarr", workers=2, progress=False)
"""


def dying(what: str, folder: Path) -> str:
    """Build with workers that die while they start; return the last line."""
    (folder / "script.py").write_text(SCRIPT.format(what=what))
    here = str(Path(__file__).parents[2])
    ran = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stderr.splitlines()[-1]


def predict(folder: str, out: str) -> None:
    """Predict to disk."""
    command("predict", f"{folder}/bundle", f"{folder}/w.zarr", f"{out}/p.zarr", "--batch-size", "2")
