"""How far the work is: a bar with the time left on a terminal, lines of the log elsewhere."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.selection.results import Progress

log = logging.getLogger(__name__)


@contextmanager
def bar() -> Iterator[Progress]:
    """A function that hears what is being done, steps done and steps in all."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: log.info("%s: %d of %d", what, done, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda what, done, total: shown.update(task, description=what, completed=done, total=total)
