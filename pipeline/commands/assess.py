"""`minecover assess`: how right models and map are; `minecover assess design`: points to find that out with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.console import say

RUN = "run"
Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The run's configuration, a YAML file.")]


class Group(TyperGroup):
    """Commands of which `run` is meant where none is named: `minecover assess CONFIG`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is left of the arguments, with the command that is meant before a first one that names none."""
        named = not args or args[0].startswith("-") or args[0] in self.commands
        return super().parse_args(ctx, args if named else [RUN, *args])


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="How right models and map are, with intervals; points to estimate areas from. Without a command: run.",
)


@app.command(epilog="Example: minecover assess run configs/demo.yaml, or minecover assess configs/demo.yaml")
def run(config: Config) -> None:
    """Score every model on the test part, and the map with its areas from the reference sample, if there is one.

    Figures go to accuracy.json, matrices and areas to pictures. The same inputs again change nothing.
    """
    from pipeline.assess import run as lines
    from pipeline.config import read_config

    for line in lines(read_config(config)):
        say(line)


@app.command(epilog="Example: minecover assess design configs/demo.yaml --margin 0.03 --minimum 75")
def design(
    config: Config,
    margin: Annotated[
        float, typer.Option(help="Half of the 95 % interval wanted: of overall accuracy, or of --class's area.")
    ] = 0.03,
    of: Annotated[
        str | None, typer.Option("--class", help="Class whose area is wanted; --margin is then a share of its area.")
    ] = None,
    accuracy: Annotated[float, typer.Option(help="Share of each class that is expected to be right.")] = 0.85,
    minimum: Annotated[int, typer.Option(help="Points of each class at least.", min=2)] = 50,
) -> None:
    """Draw points by lot from the map, class by class, and write a sheet to fill in: GeoPackage, CSV, KML.

    How many are needed follows from the margin. Points that were drawn are never drawn over.
    """
    from pipeline.assess import Wish
    from pipeline.assess import design as lines
    from pipeline.config import read_config

    for line in lines(read_config(config), Wish(margin, accuracy, minimum, of)):
        say(line)
