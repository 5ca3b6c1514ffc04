"""`minecover review`: labels that may be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say


def review(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The run's configuration, a YAML file.")],
) -> None:
    """List labels that may be wrong, with pictures, for a person to decide on; nothing is changed."""
    from pipeline.config import read_config
    from pipeline.review import run

    for line in run(read_config(config)):
        say(line)
