"""`minecover select`: samples become the choice of features worth computing."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.console import say


def select(config: Annotated[str, typer.Argument(help="YAML file of the run.")]) -> None:
    """Rank the features by Relief-F and a random forest, choose how many to keep, and tell what each part is worth.

    Only training samples are used. The same inputs again change nothing.
    """
    from pipeline import select as stage
    from pipeline.config import read_config

    for line in stage.run(read_config(config)):
        say(line)
