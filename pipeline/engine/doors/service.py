"""The service: Earth Engine's REST verbs answered by a local session. Both doors, in-process and HTTP, lead here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline.engine import limits
from pipeline.engine.doors import discovery
from pipeline.engine.doors.assets import Assets
from pipeline.engine.doors.compute import Compute
from pipeline.engine.doors.exports import Exports
from pipeline.engine.doors.links import Links
from pipeline.engine.doors.operations import Operations
from pipeline.engine.doors.rest import Handler, Request, Response, error_response, json_response, route
from pipeline.engine.session import Session
from pipeline.engine.signatures import official_list
from pipeline.errors import EngineError, MinecoverError

MAX_BODY = 10 << 20
DISCOVERY = "/$discovery/rest"

log = logging.getLogger("minecover.engine")


def _nothing() -> None:
    pass


class Service:
    """Answers requests; never raises and never answers 5xx, which clients would repeat.

    `url` is where the HTTP door is or will be; `announce` is called before an answer holds a URL below it.
    """

    def __init__(
        self,
        session: Session,
        *,
        exports: Path,
        state: Path,
        url: str = "",
        greeting: str = "",
        announce: Callable[[], None] = _nothing,
    ) -> None:
        self.url = url
        self._session = session
        self._greeting = _header_value(greeting)
        self.operations = Operations(state)
        groups = (
            Compute(session),
            Links(session, announce),
            Assets(session),
            Exports(session, self.operations, exports),
            self.operations,
        )
        self._handlers: dict[str, Handler] = {"algorithms.list": self.algorithms}
        for group in groups:
            self._handlers |= group.handlers

    def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Response:
        """The answer to a request, errors included. `path` is a URL path, `query` what follows its question mark."""
        try:
            return self._answer(method, path, query, body)
        except EngineError as error:
            return error_response(error.code, str(error), error.status)
        except MinecoverError as error:
            return error_response(400, str(error), "INVALID_ARGUMENT")
        except RecursionError:
            return error_response(400, "The result is too deeply nested.", "INVALID_ARGUMENT")
        except MemoryError as error:
            return error_response(400, f"{limits.MEMORY} {error}".strip(), "INVALID_ARGUMENT")
        except Exception as error:
            # The last line of defence of a server: a fault here must not end it, and as 5xx would be repeated.
            log.exception("%s %s", method, path)
            message = f"Internal error in {unquote(path)[-80:]}: {type(error).__name__}: {error}"
            return error_response(400, message, "INTERNAL")

    def close(self) -> None:
        """Cancels exports that are not done, and lets go of the session's threads or cluster."""
        self.operations.close()
        self._session.close()

    def algorithms(self, request: Request) -> Response:
        """All official functions, those that are missing here too: the message about one then names it."""
        headers = {"x-earth-engine-init-message": self._greeting} if self._greeting else {}
        return json_response({"algorithms": official_list()}, headers=headers)

    def _answer(self, method: str, path: str, query: str, body: bytes) -> Response:
        if len(body) > MAX_BODY:
            raise EngineError(f"Request payload size exceeds the limit: {MAX_BODY} bytes.", 413)
        if unquote(path) == DISCOVERY and method == "GET":
            return json_response(discovery.document(self.url))
        request = route(method, path, query, body)
        handler = self._handlers.get(request.verb.name)
        if handler is None:
            raise EngineError(f"{request.verb.name.replace('.', ':')} is not available in the local engine.")
        with limits.seconds(limits.REQUEST_S):
            answer = handler(request)
        return answer if isinstance(answer, Response) else json_response(_trimmed(answer, request.query.get("fields")))


def _trimmed(answer: Any, fields: str | None) -> Any:
    """Only the top-level members that the `fields` parameter names."""
    if not fields or "*" in fields or not isinstance(answer, dict):
        return answer
    wanted = {f.split("/")[0].split("(")[0].strip() for f in fields.split(",")}
    return {k: v for k, v in answer.items() if k in wanted}


def _header_value(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "replace").decode()
