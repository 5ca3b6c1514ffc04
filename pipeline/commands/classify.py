"""`minecover classify`: a stack and a trained model become a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say


def classify(
    config: Annotated[str, typer.Argument(help="YAML file of the run.")],
    model: Annotated[str | None, typer.Option(help="Name of the model; classify.model by default.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the map; maps/MODEL in the run's by default.")] = None,
    accept_values: Annotated[
        bool, typer.Option("--accept-values", help="Values unlike the training's are meant.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Threads that read.", min=1, max=16)] = 2,
) -> None:
    """Map the whole stack with a trained model: classes, probabilities, how sure it is, and a picture.

    After an interruption the same command goes on where it was. The same inputs again change nothing.
    """
    from pipeline import classify as stage
    from pipeline.config import read_config

    for line in stage.run(stage.Wish(read_config(config), model, output, accept_values, workers)):
        say(line)
