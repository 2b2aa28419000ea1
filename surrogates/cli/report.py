"""`surrogates report`: recompute the tables of the documentation."""

from pathlib import Path
from typing import Annotated

import typer

from surrogates.core.paths import local

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback()
def root() -> None:
    """Recompute the tables of the documentation."""


@app.command()
def claims(
    domain: Annotated[str, typer.Argument(help="A folder of benchmarks/claims, e.g. radio.")],
    json_path: Annotated[
        Path | None, typer.Option("--json", parser=local, help="Also write the rows to this file.")
    ] = None,
) -> None:
    """Run the missing seeds of a domain's claims; write docs/results/DOMAIN.json and docs/results.md."""
    from surrogates.core.checkout import checkout, evidence
    from surrogates.report.results import write_results

    root = checkout("Claims")
    docs = root / "docs"
    rows = evidence(root, "claims.report").measure(domain, root, json_path)
    page = write_results(docs)
    for row in rows:
        verdict = "holds" if row.holds else "does NOT hold"
        typer.echo(
            f"{verdict:<14} {row.claim}: {row.ours:.4g} against {row.baseline:.4g} ({row.baseline_name}), "
            f"{row.target}"
        )
    typer.echo(f"-> {docs / 'results' / domain}.json, {page}")


@app.command()
def results(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with status 1 when the page is stale.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="COMMIT", help="Also compare the claims with those of a commit."),
    ] = None,
) -> None:
    """Write docs/results.md from docs/results: claims, and speed/NAME.json of `bench NAME --json`."""
    from surrogates.core.checkout import checkout
    from surrogates.report.results import results_are_current, rows_of, write_changes, write_results

    root = checkout("Results")
    docs = root / "docs"
    if since is not None:
        typer.echo(f"-> {write_changes(docs, rows_of(root, since), since)}")
    if not check:
        typer.echo(f"-> {write_results(docs)}")
    elif not results_are_current(docs):
        typer.echo("docs/results.md is stale: run `surrogates report results` and commit it", err=True)
        raise typer.Exit(1)
