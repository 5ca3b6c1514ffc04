"""`minecover engine`: the local engine as a server, and the list of what it can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from pipeline.console import say

app = typer.Typer(help="The local Earth Engine: serve it, and see which functions it has.", no_args_is_help=True)


@app.command(epilog="Example: minecover engine serve --archive demo/archive --port 8787")
def serve(
    archive: Annotated[str, typer.Option(help="Folder or STAC address of the archive; none for a bare engine.")] = "",
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.", min=0, max=65535)] = 8787,
    token: Annotated[str, typer.Option(help="Key that clients must bring.", envvar="MINECOVER_TOKEN")] = "",
    workers: Annotated[int, typer.Option(help="Threads that compute; 0 takes one a core.", min=0)] = 0,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler that computes instead.")] = "",
) -> None:
    """Answer Earth Engine's REST interface on this machine until Ctrl-C."""
    from contextlib import suppress
    from threading import Event

    from pipeline import engine
    from pipeline.errors import MinecoverError

    try:
        running = engine.serve(
            archive or None, port=port, token=token or None, workers=workers or None, scheduler=scheduler or None
        )
    except OSError as error:
        raise MinecoverError(f"Port {port} cannot be used: {error.strerror}. Choose another with --port.") from error
    with running, suppress(KeyboardInterrupt):
        key, api_key = (", token=TOKEN", ", cloud_api_key=TOKEN") if token else ("", "")
        say(f"Serving {archive or 'no archive'}. Ctrl-C ends it. Clients in other processes:")
        say(f"  engine.connect('local', url='{running.url}'{key})")
        say("or, where minecover is not installed:")
        say(f"  ee.Initialize(credentials=None, project='minecover-local', url='{running.url}'{api_key})")
        Event().wait()
    say("Stopped.")


@app.command(epilog="Example: minecover engine functions --family Image --missing")
def functions(
    family: Annotated[str, typer.Option(help="Only functions whose name begins so: Image, Reducer …")] = "",
    missing: Annotated[bool, typer.Option("--missing", help="Those that are not there.")] = False,
) -> None:
    """List Earth Engine's functions that the local engine has, and say which answer approximately and why."""
    for line in listed(family, missing):
        say(line)


def listed(family: str, missing: bool) -> Iterator[str]:
    """One line a function, notes after the name, and a line of totals."""
    from pipeline.engine.ops import available, notes
    from pipeline.engine.signatures import signatures
    from pipeline.errors import MinecoverError

    chosen = sorted(n for n in signatures() if n.lower().startswith(family.lower()))
    if not chosen:
        families = ", ".join(sorted({n.split(".")[0] for n in signatures() if "." in n}))
        raise MinecoverError(f"Earth Engine has no family of functions '{family}'. There are: {families}.")
    there, remarks = available(), notes()
    for name in chosen:
        if (name in there) is not missing:
            yield f"{name}  ~ {remarks[name]}" if name in remarks else name
    have = [n for n in chosen if n in there]
    noted = sum(n in remarks for n in have)
    others = "" if missing or len(have) == len(chosen) else " `--missing` lists the others."
    yield f"{len(have)} of {len(chosen)} are there, {noted} of them with a note (~).{others}"
