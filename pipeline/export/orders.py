"""What is to be exported: told on the command line beside an outline, or by a run's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.options import Options
from pipeline.config import Config, read_config
from pipeline.errors import MinecoverError
from pipeline.export.settings import options

CONFIGURATIONS = (".yaml", ".yml")


@dataclass(frozen=True)
class Order:
    """The file of the outline, the year, the run's folder, the archive if one is read, and the features' options."""

    region: Path
    year: int
    output: Path
    archive: str | None
    options: Options


def order(
    place: str, year: int | None, output: str | None, archive: str | None, settings: Sequence[str], remote: bool
) -> Order:
    """The order that an outline and options make, or a configuration; options that contradict it are refused.

    `remote` says that the scenes are another machine's: the archive of the configuration is left alone.
    """
    if Path(place).suffix.lower() not in CONFIGURATIONS:
        if year is None:
            raise MinecoverError("Of which year? Give --year, or a configuration that says it.")
        return Order(Path(place), year, Path(output or "run"), archive, options(settings))
    config = read_config(place)
    if wrong := "; ".join(_contradictions(config, year, output, archive, settings)):
        raise MinecoverError(f"'{place}' says otherwise: {wrong}. Leave out the option, or correct the configuration.")
    if config.archive and not remote:
        archive = str(config.archive)
    chosen = options([f"{name}={_text(value)}" for name, value in config.features.items()], "features: ")
    return Order(config.region, config.year, config.output, archive, chosen)


def _contradictions(
    config: Config, year: int | None, output: str | None, archive: str | None, settings: Sequence[str]
) -> Iterator[str]:
    if year not in (None, config.year):
        yield f"--year {year}, there {config.year}"
    for name, given, own in (("output", output, config.output), ("archive", archive, config.archive)):
        if given and own and Path(given).resolve() != own.resolve():
            yield f"--{name} {given}, there {own}"
    if settings:
        yield f"--set {settings[0]}, there the options of the features are below `features`"


def _text(value: Any) -> str:
    """A value of the configuration as it would stand after --set."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
