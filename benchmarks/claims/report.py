"""From the claims of a domain to its files of results: seeds that resume, rows, tables."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.claims.claim import Claim, ClaimRow, claim_rows, experiments_of, runs_of
from benchmarks.claims.tables import ResultTable
from surrogates.core.checkout import commit
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.text import listing, nearest

FOLDER = Path(__file__).parent


def domains() -> list[str]:
    """Return the names of the domains that state claims."""
    return sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))


def claims_of(domain: str) -> list[Claim]:
    """Return the claims of a domain.

    Raises
    ------
    ConfigError
        When the domain has none.
    """
    if domain not in domains():
        raise ConfigError(
            f"there are no claims on '{domain}'.{nearest(domain, domains())} There are claims on: "
            f"{listing(domains())}; a domain's own come in benchmarks/claims/DOMAIN"
        )
    return list(import_module(f"benchmarks.claims.{domain}").claims())


def tables_of(claims: Iterable[Claim], seeds: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the tables of the experiments that have run."""
    made = []
    for experiment in experiments_of(claims).values():
        if values := [row["values"] for row in runs_of(experiment, seeds)]:
            made += experiment.tables(values)
    return made


def measure(domain: str, root: Path, json_path: Path | None = None) -> list[ClaimRow]:
    """Run the missing seeds of a domain's claims, write its files in `docs/results`, and return its rows.

    Parameters
    ----------
    domain
        Folder of `benchmarks.claims`.
    root
        Root of the checkout.
    json_path
        Another file for the rows.
    """
    claims, results = claims_of(domain), root / "docs" / "results"
    seeds = run_seeds(claims, results / "seeds" / f"{domain}.jsonl", root)
    rows = claim_rows(claims, seeds)
    for path in (results / f"{domain}.json", json_path):
        if path is not None:
            write_rows(rows, path)
    if tables := tables_of(claims, seeds):
        write_rows(tables, results / "tables" / f"{domain}.json")
    return rows


def run_seeds(claims: Iterable[Claim], path: Path, root: Path) -> list[dict[str, Any]]:
    """Run the seeds that `path` (one JSON row per line) lacks, append each at once, and return all rows."""
    rows = read_seeds(path)
    known = {row["command"] for row in rows}
    for experiment in experiments_of(claims).values():
        for seed in experiment.seeds:
            if experiment.command(seed) in known:
                continue
            start = time.perf_counter()
            values = {name: float(value) for name, value in experiment.run(seed).items()}
            row = {
                "experiment": experiment.name,
                "seed": seed,
                "command": experiment.command(seed),
                "values": values,
                "seconds": round(time.perf_counter() - start, 2),
                "commit": commit(root),
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")
            rows.append(row)
    return rows


def read_seeds(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a seeds file; a last line that a kill cut off is dropped from the file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
        write_atomic(path, "".join(lines))
    return [json.loads(line) for line in lines if line.strip()]


def write_rows(rows: Sequence[ClaimRow | ResultTable], path: Path) -> None:
    """Write the rows or the tables of a domain as a JSON list."""
    write_atomic(path, json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def run_one(domain: str, name: str, seed: int) -> dict[str, float]:
    """Return the numbers of an experiment and a seed, as the command of a row of seeds prints them.

    Raises
    ------
    ConfigError
        When no claim has such an experiment.
    """
    experiments = experiments_of(claims_of(domain))
    if name not in experiments:
        raise ConfigError(
            f"no experiment '{name}'.{nearest(name, experiments)} There are: {listing(experiments)}"
        )
    return dict(experiments[name].run(seed))
