"""Options of the features from text, as on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from features.options import Options, chosen
from pipeline.errors import MinecoverError

WORDS = {"true": True, "yes": True, "false": False, "no": False}


def options(settings: Sequence[str], where: str = "--set ") -> Options:
    """The options of the features with some set, each as `NAME=VALUE`; `where` they stand is told with a mistake."""
    kinds = {f.name: str(f.type) for f in fields(Options)}
    given = {}
    for text in settings:
        name, sign, value = text.partition("=")
        if not sign:
            raise MinecoverError(f"{where}{text!r} is not NAME=VALUE. Write, for example, --set clouds=scl.")
        try:
            given[name] = _read(kinds.get(name, "str"), value)
        except (ValueError, KeyError) as error:
            raise MinecoverError(f"{where}{text}: {value!r} cannot be of type {kinds[name]}.") from error
    with plainly():
        return chosen(**given)


def hint(name: str, *values: str) -> str:
    """How to choose one of these values of an option: at the command line, and in a run's configuration."""
    ways = " or ".join(f"--set {name}={value}" for value in values)
    listed = f"[{values[0]}]" if "," in values[0] else values[0]
    return f"{ways} (in a configuration `features: {{{name}: {listed}}}`)"


@contextmanager
def plainly() -> Iterator[None]:
    """Mistakes that the features find, as ours: they know nothing of this package."""
    try:
        yield
    except ValueError as error:
        raise MinecoverError(str(error)) from error


def _read(kind: str, text: str) -> Any:
    """A value of the option's type; `none` is None, or no entry, where that is a choice."""
    many = kind.startswith("tuple")
    if text.lower() == "none" and (many or "None" in kind):
        return () if many else None
    if many:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind == "bool":
        return WORDS[text.lower()]
    return {"float": float, "int": int}.get(kind.split()[0], str)(text)
