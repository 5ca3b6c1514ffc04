"""Worker threads that stop in an orderly way: what is in work is finished, nothing new is begun."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Crew(Generic[Task, Result]):
    """Does tasks in threads; results come as they are done.

    The threads are daemons: a process that ends at once does not wait for them. Their work must bear to be cut off
    anywhere.
    """

    def __init__(self, tasks: Iterable[Task], do: Callable[[Task], Result], workers: int, stopped: Event) -> None:
        self._tasks = iter(tasks)
        self._do = do
        self._stopped = stopped
        self._lock = Lock()
        self._done: queue.SimpleQueue[tuple[Result] | BaseException | None] = queue.SimpleQueue()
        self.at_work = workers
        for _ in range(workers):
            Thread(target=self._work, daemon=True).start()

    def results(self) -> Iterator[Result]:
        """Results until all threads are done; the first failure stops them and is raised in the end.

        May be called again after an interruption.
        """
        failure: BaseException | None = None
        while self.at_work:
            done = self._done.get()
            if done is None:
                self.at_work -= 1
            elif isinstance(done, BaseException):
                failure = failure or done
                self._stopped.set()
            else:
                yield done[0]
        if failure is not None:
            raise failure

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                with self._lock:
                    task = next(self._tasks)
                self._done.put((self._do(task),))
        except StopIteration:
            pass
        except BaseException as error:
            self._done.put(error)
        finally:
            self._done.put(None)
