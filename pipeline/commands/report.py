"""`minecover report`: everything that a run found, as one page to read and to print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say


def report(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The run's configuration, a YAML file.")],
) -> None:
    """Put map, areas, accuracies and what they are made from into one page that a browser shows and prints.

    It needs a stack and a map; what else is missing is left out, and named. The same inputs again change nothing.
    """
    from pipeline.config import read_config
    from pipeline.report import run as lines

    for line in lines(read_config(config)):
        say(line)
