"""Slices as a SLURM array, with commands that stand in for SLURM's own."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from submitit.core.utils import DelayedSubmission

from datasets.factory.build import build, is_final, resume
from datasets.factory.errors import BuildError
from datasets.factory.executors.slurm import Slice
from datasets.factory.extend import extend
from datasets.store.layout import open_store
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Slow, Walk
from tests.surrogates.cli.test_data import run
from tests.toy import Oscillator

COMMANDS = {
    "sbatch": 'n=$(($(ls "$QUEUE" | wc -l) + 1)); cp "$1" "$QUEUE/$n"; touch "$LIVE/$n"; '
    'env > "$LIVE/../environment"; '
    'echo "Submitted batch job $n"',
    "squeue": """name=${@: -1}
        [ -z "$SQUEUE_STATES" ] || exit 0
        for n in $(ls "$LIVE"); do
            if grep -qx "#SBATCH --job-name=${name#--name=}" "$QUEUE/$n"; then printf "$n\n$n\n"; fi
        done""",
    "scancel": 'cd "$LIVE" && rm "$@"',
    "srun": 'while [[ $1 == -* ]]; do case $1 in --output|--error) shift;; esac; shift; done; exec "$@"',
    "scontrol": 'echo "$@" > "$REQUEUED"',
}
THREE = {"name": "slurm", "parts": 3}
SUBMIT = f"import sys; build(Oscillator(), sys.argv[1], executor={THREE}, progress=False)"


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of submitted scripts, named by the numbers of their jobs."""
    commands, queue, live = (tmp_path / name for name in ("commands", "queue", "live"))
    for folder in (commands, queue, live):
        folder.mkdir()
    for name, code in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/bash\n{code}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv("QUEUE", str(queue))
    monkeypatch.setenv("LIVE", str(live))
    monkeypatch.setenv("REQUEUED", str(tmp_path / "requeued"))
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    return queue


def start(script: Path, task: int) -> "subprocess.Popen[bytes]":
    """Run a submitted script as SLURM does."""
    number = script.name
    given = {"SLURM_JOB_ID": number, "SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": str(task)}
    return subprocess.Popen(["bash", script], env=os.environ | given)


def end(queue: Path, *jobs: str) -> None:
    """Let jobs leave SLURM's queue."""
    for job in jobs:
        (queue.parent / "live" / job).unlink()


def run_here(url: str, job: str) -> None:
    """Do in this process what a job was submitted for."""
    function = DelayedSubmission.load(f"{url}.slurm/{job}_submitted.pkl").function
    if isinstance(function, Slice):
        replace(function, workers=0)()
    else:
        function(url)


def test_slices_are_an_array_and_what_has_failed_is_submitted_again(
    queue: Path, undisturbed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(), url, executor=THREE)
    assert "Submitted 3 slices as job 1, and job 2, which finalises" in capsys.readouterr().err
    assert "--array=0-2%3" in (queue / "1").read_text()
    assert "--dependency=afterany:1" in (queue / "2").read_text()
    for task in ("1_0", "1_1"):
        run_here(url, task)
    with pytest.raises(BuildError, match=r"1 of 3 shard rows are missing \(2\)"):
        run_here(url, "2")
    end(queue, "1", "2")
    resume(url, recipe_class=Oscillator, executor=THREE, progress=False)
    assert "--array" not in (queue / "3").read_text()  # a single slice
    run_here(url, "3")
    run_here(url, "4")
    assert is_final(open_store(url))
    assert content(url) == content(undisturbed)


def test_a_store_that_grew_with_short_shards_is_submitted(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Short(Oscillator):
        def unit_records(self) -> int:
            return min(self.batch, self.samples)

        def records_per_shard(self) -> int:
            return self.unit_records()

    def killed(*arguments: object, **keys: object) -> None:
        raise KeyboardInterrupt

    url = str(tmp_path / "toy.zarr")
    build(Short(samples=6, batch=8), url, workers=0, progress=False)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("datasets.factory.extend.build", killed)
        extend(url, 12, recipe_class=Short, progress=False)
    resume(url, recipe_class=Short, executor={"name": "slurm", "parts": 2}, progress=False)
    run_here(url, "1")
    run_here(url, "2")
    assert is_final(open_store(url)) and open_store(url).records == 12


def test_what_is_submitted_in_a_job_inherits_nothing_of_it(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"SBATCH_ACCOUNT": "mine", "SLURM_CONF": "/etc/slurm.conf"}
    outer = {"SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "0", "SLURM_MEM_PER_CPU": "100"}
    for name, value in (given | outer).items():
        monkeypatch.setenv(name, value)
    build(Oscillator(), str(tmp_path / "toy.zarr"), executor=THREE, progress=False)
    seen = (tmp_path / "environment").read_text().splitlines()
    assert {f"{name}={value}" for name, value in given.items()} <= set(seen)
    assert not [line for line in seen if line.startswith(tuple(outer))]
    assert outer.items() <= os.environ.items()


def test_nothing_is_submitted_while_jobs_of_the_store_are_queued(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tmp_path / "toy.zarr"
    build(Oscillator(), str(url), executor=THREE, progress=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQUEUE_STATES", "RUNNING")  # a user's own filter
    for same in (f"{tmp_path}/./toy.zarr", "toy.zarr"):
        with pytest.raises(
            BuildError, match=r"toy\.zarr are pending or running: 1, 2\. .* by `(scancel 1 2)`, then"
        ) as refused:
            build(Oscillator(), same, executor=THREE | {"parts": 2})
    build(Oscillator(), str(tmp_path / "other.zarr"), executor=THREE, progress=False)  # 3 and 4
    end(queue, "1")
    with pytest.raises(BuildError, match=r"running: 2\. Wait"):
        resume(str(url), recipe_class=Oscillator, executor=THREE)
    assert len(list(queue.iterdir())) == 4
    subprocess.run(str(refused.value).split("`")[1].replace("1 ", "").split(), check=True)
    build(Oscillator(), str(url), executor=THREE, progress=False)
    assert "job-name=toy/oscillator-" in (queue / "5").read_text()


def test_of_two_submissions_at_once_the_second_finds_the_jobs_of_the_first(
    queue: Path, tmp_path: Path
) -> None:
    slow = tmp_path / "commands" / "sbatch"
    slow.write_text(slow.read_text().replace("#!/bin/bash\n", "#!/bin/bash\nsleep 0.5\n"))
    code = f"from tests.toy import Oscillator\nfrom datasets.factory.build import build\n{SUBMIT}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "toy.zarr")], stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = sorted(each.communicate()[1] for each in started)
    assert sorted(each.returncode for each in started) == [0, 1]
    assert "toy.zarr are pending or running: 1, 2." in said[1]
    assert len(list(queue.iterdir())) == 2
    assert not list(tmp_path.glob("*.submitting"))


def test_nothing_is_submitted_where_queued_jobs_cannot_be_known(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "commands" / "squeue").write_text("#!/bin/bash\necho 'no controller' >&2; exit 1\n")
    with pytest.raises(BuildError, match=r"does not tell .* \(no controller\), so nothing was submitted"):
        build(Oscillator(), str(tmp_path / "toy.zarr"), executor=THREE)
    monkeypatch.setenv("SBATCH_JOB_NAME", "mine")
    with pytest.raises(BuildError, match="SBATCH_JOB_NAME is 'mine', expected none"):
        build(Oscillator(), str(tmp_path / "toy.zarr"), executor=THREE)
    assert not list(queue.iterdir()) and not (tmp_path / "toy.zarr").exists()


def test_a_dry_run_shows_the_script_that_is_submitted(
    queue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = tmp_path / "toy.zarr"
    given = ["build", "tests.toy:Oscillator", f"out={url}", "executor=slurm", "parts=2", "workers=4"]
    given += ["partition=long", "time=90", "memory=8G"]
    assert run(*given, "--dry-run") == 0
    assert not url.exists() and not list(queue.iterdir())
    shown = capsys.readouterr().out
    for line in ("array=0-1%2", "partition=long", "time=90", "mem=8G", "cpus-per-task=4"):
        assert f"#SBATCH --{line}\n" in shown
    assert run(*given) == 0
    assert (queue / "1").read_text().strip() == shown.strip()


def test_without_slurm_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"`sbatch` is not on the PATH.* --dry-run"):
        build(Oscillator(), str(tmp_path / "toy.zarr"), executor=THREE)
    assert not list(tmp_path.iterdir())


def test_a_job_that_slurm_refuses_is_one_line(queue: Path, tmp_path: Path) -> None:
    (tmp_path / "commands" / "sbatch").write_text("#!/bin/bash\necho 'invalid partition' >&2; exit 1\n")
    with pytest.raises(BuildError, match="sbatch refused the job"):
        build(Oscillator(), str(tmp_path / "toy.zarr"), executor=THREE)


@pytest.mark.parametrize(
    ("recipe", "given", "message"),
    [
        (Walk(), {}, "chained"),
        (Oscillator(), {"slice": (1, 2)}, "cut by `parts=N`"),
        (Oscillator(), {"storage_options": {"key": "secret"}}, "may hold secrets"),
    ],
)
def test_what_cannot_be_submitted_is_refused(recipe, given, message, queue: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=message):
        build(recipe, str(tmp_path / "toy.zarr"), executor=THREE, **given)
    assert not list(queue.iterdir())


@pytest.mark.slow  # a task starts twice
def test_a_task_whose_time_is_over_is_queued_again_and_goes_on(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, log = str(tmp_path / "toy.zarr"), tmp_path / "log"
    monkeypatch.setenv("TOY_LOG", str(log))
    build(Slow(shard=24), url, executor=THREE | {"parts": 2}, progress=False)
    task = start(queue / "1", 0)
    while not log.exists():
        time.sleep(0.01)
    (child,) = Path(f"/proc/{task.pid}/task/{task.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGUSR2)
    assert task.wait() != 0
    assert (tmp_path / "requeued").read_text() == "requeue 1_0\n"
    assert start(queue / "1", 0).wait() == 0
    assert open_store(url).complete_rows() == [0]
    assert len(log.read_text().split()) <= 6 + 2
