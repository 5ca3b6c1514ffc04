import re
import threading
from datetime import datetime

import pytest

from pipeline.engine.doors.operations import INTERRUPTED, Operation, Operations, new_id, timestamp
from pipeline.engine.doors.rest import Request, route
from pipeline.errors import EngineError

PROJECT = "my-project"


def operation(**given) -> Operation:
    return Operation(new_id(), PROJECT, "EXPORT_IMAGE", "test", **given)


def asked(operations: Operations, verb: str, name: str, **body) -> dict:
    http = {"cancel": "POST", "wait": "POST", "get": "GET", "delete": "DELETE"}[verb]
    suffix = f":{verb}" if http == "POST" else ""
    request = route(http, f"/v1/{name}{suffix}", "", b"")
    return operations.handlers[f"operations.{verb}"](Request(request.verb, request.path, {}, body))


def ended(operations: Operations, one: Operation) -> dict:
    return asked(operations, "wait", one.name, timeout="20s")


@pytest.fixture
def operations(tmp_path):
    made = Operations(tmp_path)
    yield made
    made.close()


def test_a_job_succeeds(operations):
    one = operations.start(operation(), lambda progress: ["file:///x.tif"])
    found = ended(operations, one)
    assert found["done"] and found["metadata"]["state"] == "SUCCEEDED"
    assert found["metadata"]["destinationUris"] == ["file:///x.tif"]
    assert found["metadata"]["progress"] == 1
    assert "error" not in found


def test_a_job_fails_with_its_message_and_the_next_one_runs(operations):
    def broken(progress):
        raise EngineError("Export too large")

    def broken_inside(progress):
        raise ZeroDivisionError("oops")

    assert ended(operations, operations.start(operation(), broken))["error"]["message"] == "Export too large"
    found = ended(operations, operations.start(operation(), broken_inside))
    assert found["metadata"]["state"] == "FAILED"
    assert "oops" in found["error"]["message"]
    for _ in range(3):
        assert ended(operations, operations.start(operation(), lambda p: []))["metadata"]["state"] == "SUCCEEDED"


def test_the_client_can_read_the_times(operations):
    from ee._cloud_api_utils import convert_operation_to_task

    found = ended(operations, operations.start(operation(), lambda progress: []))
    task = convert_operation_to_task(found)
    assert task["state"] == "COMPLETED"
    assert abs(task["creation_timestamp_ms"] - datetime.now().timestamp() * 1000) < 60_000


def test_times_end_in_z_with_six_decimals():
    assert timestamp(0) == "1970-01-01T00:00:00.000000Z"


def test_ids_look_like_earth_engines():
    assert re.fullmatch("[A-Z0-9]{24}", new_id())


def test_the_same_request_starts_one_operation(operations):
    runs = []
    first = operations.start(operation(request_id="r"), lambda p: runs.append(1) or [])
    second = operations.start(operation(request_id="r"), lambda p: runs.append(2) or [])
    assert first is second
    ended(operations, first)
    assert runs == [1]


def test_a_running_job_is_cancelled(operations):
    running = threading.Event()

    def slow(progress):
        running.set()
        while True:
            progress.reached(0.5)

    one = operations.start(operation(), slow)
    running.wait(20)
    assert asked(operations, "cancel", one.name) == {}
    assert ended(operations, one)["metadata"]["state"] == "CANCELLED"
    assert asked(operations, "cancel", one.name) == {}, "cancelling again is nothing"


def test_two_run_at_once_and_higher_priority_goes_first(operations):
    go, stay, order = threading.Event(), threading.Event(), []
    blockers = [operations.start(operation(), lambda p, e=e: e.wait(20) and []) for e in (go, stay)]
    while any(b.state != "RUNNING" for b in blockers):
        pass
    low = operations.start(operation(priority=1), lambda p: order.append("low") or [])
    high = operations.start(operation(priority=500), lambda p: order.append("high") or [])
    waiting = operations.start(operation(priority=0), lambda p: [])
    assert {low.state, high.state, waiting.state} == {"PENDING"}
    asked(operations, "cancel", waiting.name)
    assert waiting.state == "CANCELLED", "one in line is cancelled at once"
    go.set()
    ended(operations, low), ended(operations, high)
    stay.set()
    assert order == ["high", "low"]


def test_closing_lets_go_of_the_threads(operations):
    for _ in range(3):
        ended(operations, operations.start(operation(), lambda progress: []))
    threads = list(operations._threads)
    assert threads and all(t.is_alive() for t in threads)
    operations.close()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_unknown_names_are_not_found(operations):
    with pytest.raises(EngineError) as found:
        asked(operations, "get", f"projects/{PROJECT}/operations/NONE")
    assert found.value.code == 404


def test_deleting_forgets(operations, tmp_path):
    one = operations.start(operation(), lambda p: [])
    ended(operations, one)
    asked(operations, "delete", one.name)
    with pytest.raises(EngineError):
        operations.find(one.name)
    operations.close()
    assert Operations(tmp_path)._known == {}


def test_what_a_gone_process_left_is_shown_as_failed(tmp_path):
    before = Operations(tmp_path)
    done = before.start(operation(request_id="r"), lambda p: ["file:///x"])
    ended(before, done)
    stuck = threading.Event()
    unfinished = before.start(operation(), lambda p: stuck.wait(20) and [])
    before._journal.close()  # what a killed process leaves: its lock is gone

    after = Operations(tmp_path)
    assert after.find(done.name).wire() == done.wire()
    assert after.known(PROJECT, "r") is not None
    found = after.find(unfinished.name).wire()
    assert found["metadata"]["state"] == "FAILED"
    assert found["error"]["message"] == INTERRUPTED
    again = Operations(tmp_path)
    assert again._known == {}, "a journal that a living process holds is left alone"
    after.close()
    assert len(Operations(tmp_path)._known) == 2


def test_a_line_cut_off_by_a_crash_is_skipped(tmp_path):
    before = Operations(tmp_path)
    ended(before, before.start(operation(), lambda p: []))
    before.close()
    [journal] = tmp_path.glob("*.jsonl")
    journal.write_text(journal.read_text() + '{"id": "X", "sta')
    assert len(Operations(tmp_path)._known) == 1
