"""`minecover run`: everything from raw scenes to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say


def run(
    config: Annotated[Path, typer.Argument(help="YAML file of the run.")],
    until: Annotated[str | None, typer.Option(help="Last stage: export, sample, select, train, …")] = None,
) -> None:
    """Do all stages of a run that are out of date: export, sample, select, train, classify, assess, report.

    After an interruption the same command goes on where it was.
    """
    from pipeline import workflow

    for line in workflow.run(config, until):
        say(line)
