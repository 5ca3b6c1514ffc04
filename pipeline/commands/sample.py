"""`minecover sample`: labels and a stack become samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say


def sample(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The run's configuration, a YAML file.")],
) -> None:
    """Read the stack at labelled points or polygons; split the samples once for all that follows.

    What is left out is listed with its reason. Run again, it does nothing unless something has changed.
    """
    from pipeline.config import read_config
    from pipeline.sample import run

    for line in run(read_config(config)):
        say(line)
