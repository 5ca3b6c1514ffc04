"""Operations: exports that run in the background, with Earth Engine's states, and a journal that outlives the process.

Each process writes a journal of its own and holds a lock on it. A journal without a holder was left by a process that
is gone: what had not finished there is shown as failed. Operations end with the process that runs them.
"""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import PriorityQueue
from typing import IO, Any

from pipeline.engine.doors.rest import Handler, Request, page
from pipeline.errors import EngineError, MinecoverError

RUNNING_AT_ONCE = 2
KEPT_SECONDS = 10 * 24 * 3600
MAX_WAIT_SECONDS = 60.0
INTERRUPTED = "The export was interrupted by a restart of the local engine. Start it again."
UNFINISHED = ("PENDING", "RUNNING", "CANCELLING")

log = logging.getLogger("minecover.engine")


class Cancelled(Exception):
    """Raised inside a job whose operation was cancelled."""


@dataclass
class Operation:
    """One export: what it is called, how far it is, and how it ended."""

    id: str
    project: str
    type: str
    description: str
    request_id: str = ""
    priority: int = 100
    state: str = "PENDING"
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    progress: float = 0.0
    uris: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The full name."""
        return f"projects/{self.project}/operations/{self.id}"

    @property
    def done(self) -> bool:
        """Whether it ended, one way or another."""
        return self.state not in UNFINISHED

    def wire(self) -> dict[str, Any]:
        """The operation as the REST interface shows it."""
        metadata = {
            "@type": "type.googleapis.com/google.earthengine.v1.OperationMetadata",
            "state": self.state,
            "description": self.description,
            "type": self.type,
            "priority": self.priority,
            "createTime": timestamp(self.created),
            "updateTime": timestamp(self.updated),
            "progress": self.progress,
            "attempt": 1,
            "stages": [],
            "destinationUris": self.uris,
            "batchEecuUsageSeconds": 0.0,
        }
        if self.started is not None:
            metadata["startTime"] = timestamp(self.started)
        if self.ended is not None:
            metadata["endTime"] = timestamp(self.ended)
        form: dict[str, Any] = {"name": self.name, "metadata": metadata, "done": self.done}
        if self.error is not None:
            return form | {"error": self.error}
        return form | {"response": {}} if self.done else form


class Progress:
    """What a running job reports to: says how far it is, and stops the job once it is cancelled."""

    def __init__(self, operation: Operation, cancelled: threading.Event) -> None:
        self._operation = operation
        self._cancelled = cancelled

    def reached(self, fraction: float) -> None:
        """Note the fraction done; raises Cancelled where the operation was cancelled."""
        if self._cancelled.is_set():
            raise Cancelled
        self._operation.progress = min(1.0, max(self._operation.progress, fraction))


Job = Callable[[Progress], list[str]]
"""Does the work and returns where the results lie, as URIs."""


class Operations:
    """The operations of one engine; two run at once, those of higher priority first."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder)
        self._known: dict[str, Operation] = {o.name: o for o in self._journal.inherited()}
        self._requests = {(o.project, o.request_id): o for o in self._known.values() if o.request_id}
        self._events: dict[str, threading.Event] = {}
        self._changed = threading.Condition()
        self._queue: PriorityQueue[tuple[float, int, Operation | None, Job]] = PriorityQueue()
        self._threads: list[threading.Thread] = []
        self._count = 0

    @property
    def handlers(self) -> dict[str, Handler]:
        """The verbs answered here."""
        return {
            "operations.list": self.list,
            "operations.get": lambda request: self.find(request.path["name"]).wire(),
            "operations.cancel": self.cancel,
            "operations.delete": self.delete,
            "operations.wait": self.wait,
        }

    def known(self, project: str, request_id: str) -> Operation | None:
        """The operation that an earlier request of the same id started: clients repeat requests."""
        with self._changed:
            return self._requests.get((project, request_id)) if request_id else None

    def start(self, operation: Operation, job: Job) -> Operation:
        """The operation, put in line; the earlier one where its request id is known already."""
        with self._changed:
            earlier = self._requests.get((operation.project, operation.request_id))
            if operation.request_id and earlier is not None:
                return earlier
            self._known[operation.name] = operation
            if operation.request_id:
                self._requests[(operation.project, operation.request_id)] = operation
            self._events[operation.name] = threading.Event()
            self._journal.write(operation)
            self._count += 1
            self._queue.put((-operation.priority, self._count, operation, job))
            if len(self._threads) < RUNNING_AT_ONCE:
                self._threads.append(threading.Thread(target=self._work, name="export", daemon=True))
                self._threads[-1].start()
        return operation

    def find(self, name: str) -> Operation:
        """The operation of a name; 404 where there is none."""
        with self._changed:
            if name not in self._known:
                raise EngineError(f"Operation '{name}' not found.", 404)
            return self._known[name]

    def list(self, request: Request) -> dict[str, Any]:
        """The newest operations of the project first."""
        start, size = page(request.query.get("pageSize"), request.query.get("pageToken"))
        with self._changed:
            mine = [o for o in self._known.values() if o.project == request.project]
        mine.sort(key=lambda o: -o.created)
        answer: dict[str, Any] = {"operations": [o.wire() for o in mine[start : start + size]]}
        return answer | {"nextPageToken": str(start + size)} if len(mine) > start + size else answer

    def cancel(self, request: Request) -> dict[str, Any]:
        """Stops a running operation soon, and one in line at once; nothing happens to one that is done."""
        operation = self.find(request.path["name"])
        with self._changed:
            if not operation.done:
                self._events[operation.name].set()
                self._set(operation, "CANCELLED" if operation.state == "PENDING" else "CANCELLING")
        return {}

    def delete(self, request: Request) -> dict[str, Any]:
        """Forgets an operation that is done."""
        operation = self.find(request.path["name"])
        if not operation.done:
            raise EngineError(f"Operation '{operation.name}' is still active. Cancel it first.")
        with self._changed:
            self._known.pop(operation.name, None)
            self._requests.pop((operation.project, operation.request_id), None)
            self._journal.forget(operation)
        return {}

    def wait(self, request: Request) -> dict[str, Any]:
        """The operation once it is done, or as it is after the timeout (a minute at most)."""
        operation = self.find(request.path["name"])
        text = str(request.body.get("timeout") or "").removesuffix("s")
        seconds = float(text) if text.replace(".", "", 1).isdigit() else MAX_WAIT_SECONDS
        with self._changed:
            self._changed.wait_for(lambda: operation.done, min(seconds, MAX_WAIT_SECONDS))
        return operation.wire()

    def close(self, seconds: float = 10.0) -> None:
        """Cancels what is not done, waits a little for it, and lets go of the threads and the journal."""
        with self._changed:
            active = [o for o in self._known.values() if not o.done]
            for operation in active:
                self._events[operation.name].set()
                if operation.state == "PENDING":
                    self._set(operation, "CANCELLED")
            for number in range(len(self._threads)):
                self._queue.put((math.inf, number, None, _no_job))
            self._changed.wait_for(lambda: all(o.done for o in active), seconds)
            self._journal.close()

    def _work(self) -> None:
        while True:
            _, _, operation, job = self._queue.get()
            if operation is None:
                return
            with self._changed:
                if operation.done:
                    continue
                operation.started = time.time()
                self._set(operation, "RUNNING")
            self._run(operation, job)

    def _run(self, operation: Operation, job: Job) -> None:
        state, error = "SUCCEEDED", None
        try:
            operation.uris = job(Progress(operation, self._events[operation.name]))
            operation.progress = 1.0
        except Cancelled:
            state, error = "CANCELLED", {"code": 1, "message": "Cancelled."}
        except MinecoverError as problem:
            state, error = "FAILED", {"code": 3, "message": str(problem)}
        except Exception as problem:
            # The thread serves all later exports: whatever happens in one must end that one only.
            log.exception("operation %s", operation.name)
            state, error = "FAILED", {"code": 13, "message": f"Internal error: {type(problem).__name__}: {problem}"}
        with self._changed:
            operation.error = error
            self._set(operation, state)

    def _set(self, operation: Operation, state: str) -> None:
        operation.state = state
        operation.updated = time.time()
        if operation.done:
            operation.ended = operation.updated
            if state == "CANCELLED" and operation.error is None:
                operation.error = {"code": 1, "message": "Cancelled."}
        self._journal.write(operation)
        self._changed.notify_all()


def _no_job(progress: Progress) -> list[str]:
    return []


class Journal:
    """Lines of JSON, one a change, in a file of this process; the last line of an operation holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None
        self._closed = False

    def inherited(self) -> list[Operation]:
        """Operations of processes that are gone, unfinished ones as failed; taken over into this journal."""
        found = [o for path in sorted(self._folder.glob("*.jsonl")) for o in self._abandoned(path)]
        for operation in found:
            self.write(operation)
        return found

    def write(self, operation: Operation) -> None:
        """Note an operation as it is now."""
        self._line(vars(operation))

    def forget(self, operation: Operation) -> None:
        """Note that an operation was deleted."""
        self._line({"id": operation.id, "forgotten": True})

    def close(self) -> None:
        """Let the next process take the journal over; nothing is noted from now on."""
        self._closed = True
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, value: dict[str, Any]) -> None:
        if self._closed:
            return
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{int(time.time() * 1000):015d}-{secrets.token_hex(4)}.jsonl"
            self._file = path.open("a", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file.write(json.dumps(value) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _abandoned(self, path: Path) -> Iterator[Operation]:
        try:
            with open(path, encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                last = _last_lines(file)
                path.unlink(missing_ok=True)
        except OSError:
            return  # Another process lives and holds it, or was quicker to take it over.
        for value in last:
            operation = _operation(value)
            if operation is not None and operation.updated > time.time() - KEPT_SECONDS:
                yield operation


def _last_lines(file: IO[str]) -> list[dict[str, Any]]:
    last: dict[str, dict[str, Any]] = {}
    for line in file:
        try:
            value = json.loads(line)
            last[value["id"]] = value
        except (ValueError, KeyError, TypeError):
            continue  # A line cut off by a crash.
    return [v for v in last.values() if not v.get("forgotten")]


def _operation(value: dict[str, Any]) -> Operation | None:
    try:
        operation = Operation(**value)
    except TypeError:
        return None
    if not operation.done:
        operation.state, operation.ended = "FAILED", time.time()
        operation.error = {"code": 14, "message": INTERRUPTED}
    return operation


def new_id() -> str:
    """24 capitals and digits, as Earth Engine's ids."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(24))


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with six decimals: what the client's parser can read."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
