"""`minecover compare`: every model on every choice of features, in tables with intervals and tests."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.console import say


def compare(
    config: Annotated[str, typer.Argument(help="YAML file of the run.")],
    features: Annotated[
        list[str] | None, typer.Option(help="Only this choice: all, Relief-F, RF or combined; may be repeated.")
    ] = None,
) -> None:
    """Train all models on all choices of features, and tell which differences are more than chance.

    What is trained already is taken as it is; an interrupted comparison goes on where it was.
    """
    from pipeline import compare as stage
    from pipeline.config import read_config

    for line in stage.run(read_config(config), features or ()):
        say(line)
