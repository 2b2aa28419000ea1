"""Printing of text that may come from a file."""

import typer

from surrogates.core.text import printable


def echo(text: object = "", *, err: bool = False, lines: bool = False) -> None:
    """Print text of which nothing acts on the terminal.

    Parameters
    ----------
    text
        What to print.
    err
        On stderr instead of stdout.
    lines
        Whether the text has several lines; otherwise it stays on one.
    """
    typer.echo(printable(str(text), lines=lines), err=err)
