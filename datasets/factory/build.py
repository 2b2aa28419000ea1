"""Build a store from a recipe; may be killed, resumed, and cut in slices."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any

from datasets.factory.advice import explain_stop, how_to_resume
from datasets.factory.creation import lock_beside, open_or_create
from datasets.factory.errors import BuildError
from datasets.factory.executors.contract import Executor, Submitter, make_executor
from datasets.factory.executors.processes import refuse_in_starting_worker
from datasets.factory.files import Files
from datasets.factory.find import recipe_of
from datasets.factory.growing import finish_growing
from datasets.factory.jobs import Job
from datasets.factory.lock import RowsLock, alone
from datasets.factory.recipe import Recipe, config_hash
from datasets.factory.staging import Staging
from datasets.factory.units import Units
from datasets.factory.writer import RowTracker, RowWriter
from datasets.store.layout import Store, open_store
from datasets.store.urls import local_path, normalise, require_writable
from surrogates.core.files import clean_up
from surrogates.core.progress import Progress

SEALING = "sealing"
"""What a process does that finishes a store, in the name of its lock."""


def build(
    recipe: Recipe,
    url: str,
    *,
    workers: int | None = None,
    executor: str | Mapping[str, Any] = "processes",
    slice: tuple[int, int] | None = None,
    progress: bool = True,
    bar: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Store:
    """Build a store, or resume its build.

    The result depends only on the recipe, not on executor, workers, slices, kills and restarts (bit for bit
    when the recipe repeats exactly).

    Parameters
    ----------
    recipe
        What to build.
    url
        Path or fsspec URL of the store.
    workers
        Worker processes, 1 by default; 0 simulates in this process.
    executor
        Who runs the units, a registered name or ``{name: ..., **arguments}``: ``processes`` of this machine,
        ``dask``, or ``slurm``, which submits slices and returns.
    slice
        ``(i, n)``, i from 1: build the i-th of n slices only, then call `finalise` when all are there.
    progress, bar
        Whether to show progress, and whether as a bar (None: when stderr is a terminal).
    storage_options
        For fsspec.

    Returns
    -------
    Store
        Complete, unless ``slice`` is given or slices were submitted.

    Raises
    ------
    BuildError
        When the store holds other data, another process builds it, a unit fails, or the disk is full.
    ContractError
        When nothing can be written at the URL.
    """
    refuse_in_starting_worker()
    url = normalise(str(url).rstrip("/"))
    if local_path(url) is None:
        require_writable(url, storage_options)
    require_sliceable(recipe, slice)
    runner = make_executor(executor, workers)
    _require_reach(runner, url, storage_options, slice)
    if isinstance(runner, Submitter):
        store, said = runner.submit(recipe, url)
        if progress:
            print(said, file=sys.stderr)
        return store
    with explain_stop(url, type(recipe)):
        store = open_or_create(recipe, url, storage_options)
        if is_final(store):
            return certified(store, storage_options)
        recipe.prepare()
        _require_same_records(store, recipe)
        units = Units.of(store, recipe)
        rows = units.rows_of_slice(slice)
        with RowsLock(Files(url, storage_options), rows), _staging(url, storage_options) as staging:
            todo = sorted(set(rows) - set(store.listed_rows()))
            if todo:
                job = Job(type(recipe), recipe.model_dump(mode="json"), units, staging)
                total = sum(len(units.row_records(row)) for row in rows)
                with Progress(total, "record", label=recipe.name, shown=progress, bar=bar) as shown:
                    _build_rows(store, job, todo, runner, shown, recipe)
        return store if slice is not None else _finish(store, storage_options, type(recipe))


def require_sliceable(recipe: Recipe, slice: tuple[int, int] | None) -> None:
    """Refuse slices of a chained recipe."""
    if recipe.chained and slice is not None and slice[1] > 1:
        raise BuildError(f"Recipe '{recipe.name}' is chained: its units run in order, so it has no slices.")


def _require_reach(
    runner: Executor | Submitter,
    url: str,
    storage_options: Mapping[str, Any] | None,
    slice: tuple[int, int] | None,
) -> None:
    """Refuse a store that other machines do not reach, and what a submitted build does not take."""
    if url.startswith("memory://") and not (isinstance(runner, Executor) and runner.in_memory):
        raise BuildError(
            f"{url} lies in the memory of this process, where other machines do not reach it. Give a folder "
            "or a URL that all of them reach, or leave `executor=` out."
        )
    if isinstance(runner, Submitter) and slice is not None:
        raise BuildError(f"slice={slice} is a slice of a build here; a submitted one is cut by `parts=N`.")
    if isinstance(runner, Submitter) and storage_options:
        raise BuildError(
            "A submitted build would write `storage_options`, which may hold secrets, to the disk. Give them "
            "by environment variables or fsspec's configuration files instead."
        )


def _build_rows(
    store: Store, job: Job, rows: list[int], executor: Executor, shown: Progress, recipe: Recipe
) -> None:
    tracker = RowTracker(job.units, rows, job.staging.units())
    missing = tracker.missing()
    shown.start(shown.total - sum(len(job.units.indices(unit)) for unit in missing))
    provenance = {
        "recipe": recipe.name,
        "recipe_version": recipe.version,
        "recipe_config_sha256": config_hash(store.mapping("recipe_config")),
        "software": recipe.software(),
    }
    with RowWriter(
        store, job.staging, job.units, lambda records: provenance | recipe.origin(records)
    ) as writer:
        for row in tracker.whole():
            writer.submit(row)
        with closing(executor.simulate(job, missing)) as finished:
            for unit in finished:
                tracker.add(unit)
                for row in tracker.whole():
                    writer.submit(row)
                writer.check()
                shown.advance(len(job.units.indices(unit)))


@contextmanager
def _staging(url: str, storage_options: Mapping[str, Any] | None) -> Iterator[Staging]:
    """Yield the staging of finished units: in the store, or in a folder if the store is in memory."""
    if not url.startswith("memory://"):
        yield Staging(url, storage_options)
        return
    with TemporaryDirectory() as folder:
        yield Staging(url, folder=folder)


def resume(
    url: str,
    *,
    workers: int | None = None,
    executor: str | Mapping[str, Any] = "processes",
    slice: tuple[int, int] | None = None,
    recipe_class: type[Recipe] | None = None,
    progress: bool = True,
    bar: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Store:
    """Resume a build that was stopped; finished units are not simulated again.

    Parameters
    ----------
    url
        The store.
    recipe_class
        The recipe, if it is not a registered one: a store never names code to run.
    workers, executor, slice, progress, bar, storage_options
        As in `build`.
    """
    finish_growing(normalise(url), storage_options)
    store = open_store(url, storage_options=storage_options)
    if is_final(store):
        return certified(store, storage_options)
    recipe = recipe_of(store, recipe_class)
    return build(
        recipe,
        url,
        workers=workers,
        executor=executor,
        slice=slice,
        progress=progress,
        bar=bar,
        storage_options=storage_options,
    )


def finalise(url: str, *, storage_options: Mapping[str, Any] | None = None) -> Store:
    """Finish a build in slices: check that all are there, write the history, consolidate the metadata.

    Raises
    ------
    BuildError
        When shard rows are missing; names them.
    """
    store = open_store(url, storage_options=storage_options)
    return certified(store, storage_options) if is_final(store) else _finish(store, storage_options)


def certified(store: Store, storage_options: Mapping[str, Any] | None = None) -> Store:
    """Return a complete store, of which a process that was stopped may not have written the last file.

    Parameters
    ----------
    store
        A store that is final.
    storage_options
        For fsspec.
    """
    beside, lock = lock_beside(store.url, SEALING, storage_options)
    with alone(beside, lock) if beside.exists(lock) else nullcontext():
        store.certify_if_pending()
    return store


def _require_same_records(store: Store, recipe: Recipe) -> None:
    """Refuse a store whose arrays are not those that its own recipe describes."""
    specs = {spec.name: (spec.dims, spec.shape, spec.dtype) for spec in recipe.specs()}
    found = {name: (spec.dims, spec.shape, spec.dtype) for name, spec in store.specs.items()}
    if (store.records, found) != (recipe.records(), specs):
        raise BuildError(
            f"{store.url} holds {store.records} records of {', '.join(found)}, but its recipe "
            f"'{recipe.name}' makes {recipe.records()} of {', '.join(specs)}, perhaps of other "
            f"shapes. Give another `out=`."
        )


def _finish(
    store: Store, storage_options: Mapping[str, Any] | None, recipe: type[Recipe] | None = None
) -> Store:
    if missing := sorted(set(range(store.rows)) - set(store.listed_rows())):
        raise BuildError(
            f"{store.url} is not complete: {len(missing)} of {store.rows} shard rows are missing "
            f"({_ranges(missing)}). Build the missing slices, or "
            f"{how_to_resume(store.url, recipe or store.text('recipe'))}."
        )
    with alone(*lock_beside(store.url, SEALING, storage_options)):
        store = open_store(store.url, storage_options=storage_options)
        if is_final(store):  # another process was faster
            store.certify_if_pending()
        else:
            _seal(store, Files(store.url, storage_options))
    return open_store(store.url, storage_options=storage_options)


def _seal(store: Store, files: Files) -> None:
    """Remove what only a build needs, write the history and gather the metadata; one process at a time."""
    folder = files.folder("build")
    folder.folder("staging").remove_all()
    folder.folder("locks").remove_all()
    if files.local is not None:
        clean_up(files.local)
    line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} surrogates data build {store.text('recipe')}"
    store.root.attrs["history"] = f"{store.text('history')}\n{line}"
    store.consolidate()


def is_final(store: Store) -> bool:
    """Return whether every receipt lies in a store, and its metadata are consolidated."""
    return store.root.metadata.consolidated_metadata is not None and len(store.listed_rows()) == store.rows


def _ranges(numbers: list[int]) -> str:
    """Return ``0-3, 7`` for [0, 1, 2, 3, 7]."""
    starts = [n for n in numbers if n - 1 not in numbers]
    stops = [n for n in numbers if n + 1 not in numbers]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))
