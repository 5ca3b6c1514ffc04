"""The command `minecover`: which commands there are, and what becomes of their errors.

A user's mistake is one plain message on stderr and exit code 2; a fault of ours is one line and exit code 1; Ctrl-C
is one line and exit code 130. `--debug` shows the traceback. Nothing heavy is imported here.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from pipeline.commands import archive, assess, engine
from pipeline.commands.classify import classify
from pipeline.commands.compare import compare
from pipeline.commands.export import export
from pipeline.commands.init import init
from pipeline.commands.report import report
from pipeline.commands.review import review
from pipeline.commands.run import run
from pipeline.commands.sample import sample
from pipeline.commands.select import select
from pipeline.commands.simulate import EPILOG, simulate
from pipeline.commands.train import train
from pipeline.console import complain, say, start_logging
from pipeline.errors import MinecoverError

START = "Start here"
DATA = "Data and engine"
STAGES = "Stages"
EVERYWHERE = ("--debug", "--verbose")
RESUMING = ("demo", "run", "export", "select", "train", "compare", "classify")
"""Commands that go on where they were, given again after an interruption."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command line `arguments`."""
    given = hoisted(sys.argv[1:] if arguments is None else list(arguments))
    try:
        code = typer.main.get_command(app()).main(given or ["--help"], "minecover", standalone_mode=False)
    except typer.Abort:  # at a question
        code = 130
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        if text := message(error):
            complain(text)
        return 2 if isinstance(error, (MinecoverError, TyperException, OSError)) else 1
    if code == 130:
        command = next((a for a in given if a not in EVERYWHERE), "")
        complain("Interrupted." + " The same command goes on where it was." * (command in RESUMING))
    return int(code or 0)


def hoisted(arguments: list[str]) -> list[str]:
    """The arguments with the options that hold everywhere first, wherever they were written before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    first = [a for a in arguments[:end] if a in EVERYWHERE]
    return first + [a for a in arguments[:end] if a not in EVERYWHERE] + arguments[end:]


def message(error: Exception) -> str:
    """What the user reads: what failed, and what to do."""
    if isinstance(error, MinecoverError):
        return str(error)
    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "minecover"
        text = wrong_number(error) or error.format_message()
        if not text:  # a group without a command has shown its help
            return ""
        return f"{text if text[-1] in '.?' else text + '.'} `{path} --help` shows what there is."
    if isinstance(error, OSError):
        what = f"'{error.filename}': {error.strerror}" if error.strerror and error.filename else str(error)
        return f"{what}. Check the path, its rights, and the space on its disk."
    return f"Unexpected {type(error).__name__}: {error}. This is a fault of minecover; `--debug` shows where."


def wrong_number(error: TyperException) -> str:
    """What the number that an option takes must be, and is not; nothing for other mistakes."""
    option = getattr(error, "param", None)
    faults: list[Any] = getattr(error.__cause__, "errors", list)()
    if option is None or not faults:
        return ""
    kind, low, high = faults[0]["type"], getattr(option, "min", None), getattr(option, "max", None)
    if low is not None:
        wanted = f"{low} or more" if high is None else f"{low} to {high}"
    elif kind.startswith(("int", "float")):
        wanted = "a whole number" if kind.startswith("int") else "a number"
    else:
        return ""
    return f"{option.opts[0]} must be {wanted}, not {faults[0]['input']}"


def app() -> typer.Typer:
    """All commands, by stage."""
    commands = typer.Typer(
        help="Land use in mining areas from satellite data: Earth Engine scripts, run there or on this machine.",
        epilog="Example: minecover demo",
        add_completion=False,
    )
    commands.callback()(everywhere)
    commands.command(rich_help_panel=START, epilog="Example: minecover demo --output demo")(demo)
    commands.command(rich_help_panel=START, epilog="Example: minecover doctor")(doctor)
    commands.command(
        rich_help_panel=START,
        epilog="Example: minecover init pit.yaml --name Pit --region pit.geojson --year 2021 --labels points.gpkg",
    )(init)
    commands.command(rich_help_panel=START, epilog="Example: minecover run configs/demo.yaml")(run)
    commands.command(rich_help_panel=DATA, epilog=EPILOG)(simulate)
    commands.command(
        rich_help_panel=STAGES,
        epilog="Example: minecover export pit.geojson --year 2021 --archive data/archive --output run",
    )(export)
    commands.command(rich_help_panel=STAGES, epilog="Example: minecover sample configs/demo.yaml")(sample)
    commands.command(rich_help_panel=STAGES, epilog="Example: minecover review configs/demo.yaml")(review)
    commands.command(rich_help_panel=STAGES, epilog="Example: minecover select configs/demo.yaml")(select)
    commands.command(rich_help_panel=STAGES, epilog="Example: minecover train configs/demo.yaml --model RF")(train)
    commands.command(rich_help_panel=STAGES, epilog="Example: minecover classify configs/demo.yaml")(classify)
    commands.add_typer(assess.app, name="assess", rich_help_panel=STAGES)
    commands.command(rich_help_panel=STAGES, epilog="Example: minecover compare configs/demo.yaml --features combined")(
        compare
    )
    commands.command(rich_help_panel=STAGES, epilog="Example: minecover report configs/demo.yaml")(report)
    commands.add_typer(archive.app, name="archive", rich_help_panel=DATA)
    commands.add_typer(engine.app, name="engine", rich_help_panel=DATA)
    return commands


def show_version(wanted: bool) -> None:
    """Nothing; prints the version and ends, if that is wanted."""
    if wanted:
        from importlib.metadata import version

        say(f"minecover {version('minecover')}")
        raise typer.Exit


def everywhere(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Version.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell what is being done.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Tell everything; show tracebacks.")] = False,
) -> None:
    """Options that hold for every command, before or after its name."""
    start_logging(logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING)


def demo(
    output: Annotated[str, typer.Option(help="Folder for what is made.")] = "demo",
    until: Annotated[str | None, typer.Option(help="Last stage: export, sample, select, train, …")] = None,
) -> None:
    """Simulate a small mining district, and make everything of it: features, models, maps, areas, a report.

    After an interruption the same command goes on where it was.
    """
    from pathlib import Path

    from pipeline.demo import run

    for line in run(Path(output), until):
        say(line)


def doctor() -> None:
    """Check the installation and this machine, and say what to do about what is missing."""
    from pipeline.doctor import examine, lines

    findings = list(examine())
    for finding in findings:
        for line in lines(finding):
            say(line)
    if any(f.state == "missing" for f in findings):
        raise typer.Exit(1)
