"""Where minecover speaks: results on stdout; log, progress bars and errors on stderr.

It knows nothing of what is being said. Library code only asks `logging.getLogger(__name__)` for its logger.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def start_logging(level: int = logging.WARNING) -> None:
    """Nothing; from here on log lines of minecover at `level` and above go to stderr, of libraries only warnings."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    for package in ("pipeline", "features", "minecover"):
        logging.getLogger(package).setLevel(level)
    # GDAL warns of every broken tag; the error that follows says it once.
    logging.getLogger("rasterio").setLevel(max(level, logging.WARNING) if level < logging.WARNING else logging.ERROR)


def say(text: str = "") -> None:
    """Nothing; the text is a line of the result, on stdout."""
    print(text, flush=True)


def complain(text: str) -> None:
    """Nothing; the text is one plain line on stderr, with the program's name before it."""
    print(f"minecover: {text}", file=sys.stderr, flush=True)


def progress(items: Iterable[Item], what: str, total: float | None = None) -> Iterator[Item]:
    """The items unchanged; a bar shows how many have passed. Silent where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, what, total, console=Console(stderr=True), transient=True)


def human(size: float) -> str:
    """Bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """Seconds for people."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if seconds >= 90 else f"{max(round(seconds), 1)} s"
