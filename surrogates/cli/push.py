"""`surrogates push`: a trained surrogate on the Hugging Face Hub."""

from typing import Annotated

import typer

from surrogates.cli.echo import echo


def push(
    run: Annotated[str, typer.Argument(help="Folder of a run or of a bundle.")],
    url: Annotated[str, typer.Argument(help="Repository: hf://OWNER/NAME.", metavar="hf://OWNER/NAME")],
    private: Annotated[
        bool, typer.Option("--private", help="Make a private repository; refuse one that is public.")
    ] = False,
) -> None:
    """Push a trained surrogate to the Hugging Face Hub, from where `surrogates.load` takes its URL.

    The repository gets the bundle, its card with metadata for the hub, and the configuration of its run
    without paths of this machine. Log in first by `hf auth login`, or set HF_TOKEN.

    \b
    surrogates push runs/mine hf://me/mine --private
    surrogates predict hf://me/mine input.zarr prediction.zarr
    """
    from surrogates.runs.share import share

    echo(f"-> {share(run, url, private=private)}")
