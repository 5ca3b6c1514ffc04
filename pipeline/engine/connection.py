"""Connecting the Earth Engine client to an engine: Google's servers, or the local one.

The only module that imports `ee`. The client keeps its session and functions in global state; all of that which we
change is changed here. Connecting again changes the engine.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pipeline.errors import MinecoverError

if TYPE_CHECKING:
    from pipeline.engine.archive.model import Archive
    from pipeline.engine.doors.server import Server
    from pipeline.engine.doors.service import Service

LOCAL_PROJECT = "minecover-local"
DEADLINE_MS = 330_000  # Earth Engine itself gives up after 300 s
"""The project of the local engine; the client recognises asset names only under ids of six letters or more."""


@dataclass
class LocalEngine:
    """A running local engine: its service, and its HTTP server, which may be waiting to be needed."""

    service: Service
    server: Server

    @property
    def url(self) -> str:
        """The base URL for clients in other processes."""
        return self.server.url

    def close(self) -> None:
        """Stop serving, and cancel exports that are not done."""
        self.server.close()
        self.service.close()

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Current:
    """The local engine that the client is connected to, if any, and how to put back what was changed for it."""

    engine: LocalEngine | None = None
    undo: ClassVar[list[Callable[[], None]]] = []


def connect(
    engine: Literal["local", "earthengine"],
    *,
    archive: str | Path | Archive | None = None,
    exports: str | Path | None = None,
    workers: int | None = None,
    budget: int | None = None,
    scheduler: str | None = None,
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    credentials: Any = "persistent",
) -> None:
    """Have plain `ee` code run on the named engine from now on.

    Local: `archive` is a folder, a STAC API's address or an archive; exports to Drive and Cloud Storage land below
    `exports`; `budget` is the memory for pixels in bytes. Exports run in this process and end with it. An engine that
    another process serves: its `url`, and its `token` if it has one. Earth Engine: `project` and `credentials` as for
    ee.Initialize.
    """
    if engine == "earthengine":
        _connect_remote(project, credentials)
    elif engine == "local" and url is not None:
        _require_answer(url)
        disconnect()
        _initialize(project, url.rstrip("/"), cloud_api_key=token)
    elif engine == "local":
        opened = _opened(archive)
        # Before the new one: it takes over the journal of exports that the old one holds.
        disconnect()
        _connect_local(_local_engine(opened, exports, workers, budget, scheduler), project)
    else:
        raise MinecoverError(f"There is no engine {engine!r}. Use 'local' or 'earthengine'.")


def disconnect() -> None:
    """Forget the engine: `ee` code fails until the next connect. A local engine's exports are cancelled."""
    if "ee" in sys.modules:
        import ee

        ee.Reset()
    while _Current.undo:
        _Current.undo.pop()()
    if _Current.engine is not None:
        _Current.engine.close()
        _Current.engine = None


def serve(
    archive: str | Path | Archive | None = None,
    *,
    port: int = 0,
    token: str | None = None,
    exports: str | Path | None = None,
    workers: int | None = None,
    budget: int | None = None,
    scheduler: str | None = None,
) -> LocalEngine:
    """A local engine that answers over HTTP on loopback, for clients in other processes; `close()` ends it.

    They connect with `connect("local", url=URL)`, or, where minecover is not installed, with
    `ee.Initialize(credentials=None, project="minecover-local", url=URL)`; `token=TOKEN`, there `cloud_api_key=TOKEN`,
    where a token is set.
    """
    engine = _local_engine(_opened(archive), exports, workers, budget, scheduler, port, token)
    engine.server.start()
    return engine


def _connect_remote(project: str | None, credentials: Any) -> None:
    import ee

    disconnect()
    _set_deadline(ee)
    ee.Initialize(credentials=credentials, project=project)


def _connect_local(engine: LocalEngine, project: str | None) -> None:
    from pipeline.engine.doors.transport import Transport

    try:
        _initialize(project, engine.url, http_transport=Transport(engine.service))
    except MinecoverError:
        engine.close()
        raise
    _Current.engine = engine


def _require_answer(url: str) -> None:
    """Refuse an address where nobody listens: the client would try it for half a minute."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname or "", place.port or 80), timeout=5).close()
    except (OSError, ValueError) as error:
        raise MinecoverError(f"No engine answers at {url}: {error}. `minecover engine serve` starts one.") from error


def _initialize(project: str | None, url: str, **options: Any) -> None:
    import ee
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import GoogleAuthError

    _stay_offline(ee)
    _set_deadline(ee)
    try:
        # Credentials that ask nobody: without any, geemap's Map starts Google's login.
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        ee.Initialize(credentials=nobody, project=project or LOCAL_PROJECT, url=url, **options)
    except GoogleAuthError as error:
        disconnect()
        raise MinecoverError(f"The engine at {url} refuses this token. Ask whoever serves it.") from error
    except (ee.EEException, OSError) as error:
        disconnect()
        raise MinecoverError(f"The Earth Engine client refused to start at {url}: {error}") from error


def _set_deadline(ee: Any) -> None:
    """Have every call of the client end some day: by default it waits for a silent server without end."""
    ee.data._get_state().deadline_ms = DEADLINE_MS  # its public setter would connect first


def _stay_offline(ee: Any) -> None:
    """Keep the clients from fetching lists of Google's catalogue, which they do beside the transport."""
    fetch = ee.deprecation._FetchDataCatalogStac
    ee.deprecation._FetchDataCatalogStac = dict
    _Current.undo.append(lambda: setattr(ee.deprecation, "_FetchDataCatalogStac", fetch))
    if "geedim.stac" in sys.modules:
        _forget_catalogue(sys.modules["geedim.stac"])
        return
    waiting = _WhenImported("geedim.stac", _forget_catalogue)
    sys.meta_path.insert(0, waiting)
    _Current.undo.append(waiting.cancel)


def _forget_catalogue(stac: Any) -> None:
    """Have geedim know of no catalogue; it goes on without."""
    known = stac.STACClient()._urls
    before = dict(known)
    known.clear()
    _Current.undo.append(lambda: known.update(before))


class _WhenImported(MetaPathFinder):
    """Calls `then` with a module once that is imported."""

    def __init__(self, name: str, then: Callable[[Any], None]) -> None:
        self._name = name
        self._then = then

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The module's own spec, its loader followed by the call; nothing for other modules."""
        if name != self._name:
            return None
        self.cancel()
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_call(module: Any) -> None:
                load(module)
                self._then(module)

            spec.loader.exec_module = load_and_call  # type: ignore[method-assign]
        return spec

    def cancel(self) -> None:
        """Wait no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)


def _opened(archive: str | Path | Archive | None) -> Any:
    from pipeline.engine.archive import open_archive

    return open_archive(archive) if isinstance(archive, (str, Path)) else archive


def _local_engine(
    archive: Any,
    exports: str | Path | None,
    workers: int | None,
    budget: int | None,
    scheduler: str | None,
    port: int = 0,
    token: str | None = None,
) -> LocalEngine:
    from pipeline.engine.archive.ids import EXPORTS
    from pipeline.engine.doors.server import Server
    from pipeline.engine.doors.service import Service
    from pipeline.engine.session import DEFAULT_BUDGET, Session

    logging.getLogger("minecover.engine").addHandler(logging.NullHandler())
    session = Session(archive, workers=workers, budget_bytes=budget or DEFAULT_BUDGET, scheduler=scheduler)
    root = getattr(archive, "root", None)
    place = Path(exports) if exports is not None else (Path(root) / EXPORTS if root else Path(EXPORTS))
    server = Server(port, token, at_once=2 * (workers or os.cpu_count() or 1) + 2)
    service = Service(
        session,
        exports=place.absolute(),
        state=_state_folder(root),
        url=server.url,
        greeting=_greeting(archive, root),
        announce=server.start,
    )
    server.attach(service)
    return LocalEngine(service, server)


def _state_folder(root: Any) -> Path:
    """Where journals of operations lie: in the archive, or in the user's cache."""
    if root and os.access(root, os.W_OK):
        return Path(root) / ".operations"
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache else Path.home() / ".cache"
    if os.access(base if base.exists() else base.parent, os.W_OK):
        return base / "minecover" / "operations"
    return Path(tempfile.gettempdir()) / f"minecover-{os.getuid()}" / "operations"


def _greeting(archive: Any, root: Any) -> str:
    """What the client prints when it connects."""
    if archive is None:
        return "Local engine (minecover), without an archive."
    where = root or getattr(archive, "url", type(archive).__name__)
    return f"Local engine (minecover) over the archive {where}."
