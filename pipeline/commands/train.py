"""`minecover train`: samples and stack become trained models."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.console import say


def train(
    config: Annotated[str, typer.Argument(help="YAML file of the run.")],
    model: Annotated[list[str] | None, typer.Option(help="Only this model; may be given several times.")] = None,
) -> None:
    """Train the models of a run on the same samples, split and features, and try each on the test part.

    What is there already is not trained again; an interrupted training goes on where it was.
    """
    from pipeline import train as stage
    from pipeline.config import read_config

    for line in stage.run(read_config(config), model or ()):
        say(line)
