"""`surrogates report`: recompute the tables of the documentation."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback()
def root() -> None:
    """Recompute the tables of the documentation."""


@app.command()
def claims(
    domain: Annotated[str, typer.Argument(help="E.g. radio.")],
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write the rows here instead of docs/results/DOMAIN.json.")
    ] = None,
) -> None:
    """Run the missing seeds of a domain's claims, and write one row per claim, held or not."""
    from surrogates.core.checkout import checkout
    from surrogates.evaluation.claims import claim_rows, claims_of, run_seeds, write_claims

    root = checkout("Claims")
    stated = claims_of(domain)
    seeds = run_seeds(stated, root / "docs" / "results" / "seeds" / f"{domain}.jsonl", root)
    rows = claim_rows(stated, seeds)
    path = json_path or root / "docs" / "results" / f"{domain}.json"
    write_claims(rows, path)
    for row in rows:
        verdict = "holds" if row.holds else "does NOT hold"
        typer.echo(
            f"{verdict:<14} {row.claim}: {row.ours:.4g} against {row.baseline:.4g} ({row.baseline_name}), "
            f"{row.target}"
        )
    typer.echo(f"-> {path}")


@app.command()
def results() -> None:
    """Write docs/results.md from docs/results/*.json."""
    from surrogates.core.checkout import checkout
    from surrogates.evaluation.claims import results_page

    docs = checkout("Results") / "docs"
    (docs / "results.md").write_text(results_page(docs / "results"))
    typer.echo(f"-> {docs / 'results.md'}")
