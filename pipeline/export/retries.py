"""What becomes of a call that fails: made again, made smaller, or given up at once.

The client's own retries are off; a failure is judged by its HTTP status and text.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable
from enum import Enum
from threading import Event
from typing import TypeVar

import ee
from google.auth.exceptions import GoogleAuthError

from pipeline.errors import MinecoverError

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)

ATTEMPTS = 6
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 60.0

# Refused by the service, no connection or no answer, no access.
FAILURES = (ee.EEException, OSError, GoogleAuthError)

TOO_LARGE = re.compile(
    "user memory limit exceeded|computation timed out|must be less than or equal to|too large|payload size", re.I
)
CROWDED = re.compile("too many concurrent|rateLimitExceeded|quota exceeded|too many requests", re.I)


class Verdict(Enum):
    """What to do after a failure."""

    AGAIN = "the same request later"
    FEWER = "the same request later, and fewer at once"
    SMALLER = "smaller requests"
    NEVER = "stop"


class TooLarge(MinecoverError):
    """The engine cannot answer a request of this size."""


class Stopped(MinecoverError):
    """Somebody has stopped the work."""


def patiently(
    call: Callable[[], Answer], what: str, stopped: Event | None = None, fewer: Callable[[], None] = lambda: None
) -> Answer:
    """The answer of a call, made again after passing failures: up to six times, after growing random waits.

    Raises TooLarge where a smaller request may succeed, and MinecoverError at once where none will.
    """
    stopped = stopped or Event()
    failure: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            stopped.wait(random.uniform(0, min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempt - 1))))
        if stopped.is_set():
            raise Stopped("Stopped.")
        try:
            return call()
        except FAILURES as error:
            failure = error
            decided = verdict(error)
            log.info("%s, attempt %d, then %s: %s", what, attempt + 1, decided.value, error)
        if decided is Verdict.SMALLER:
            raise TooLarge(_sentence(failure)) from failure
        if decided is Verdict.NEVER:
            raise MinecoverError(f"The engine refuses {what}: {_sentence(failure)}") from failure
        if decided is Verdict.FEWER:
            fewer()
    assert failure is not None
    raise MinecoverError(
        f"The engine failed {ATTEMPTS} times to answer {what}: {_sentence(failure)} What is finished is kept; run the "
        f"same command again later to go on."
    ) from failure


def verdict(error: Exception) -> Verdict:
    """What to do after a failure, from its HTTP status where it has one, and from its text."""
    text = str(error)
    if TOO_LARGE.search(text):
        return Verdict.SMALLER
    if CROWDED.search(text):
        return Verdict.FEWER
    code = status(error)
    if code is None:
        lasting = isinstance(error, ee.EEException) or (isinstance(error, GoogleAuthError) and not error.retryable)
        return Verdict.NEVER if lasting else Verdict.AGAIN
    if code == 429:
        return Verdict.FEWER
    if code == 413:
        return Verdict.SMALLER
    return Verdict.AGAIN if code >= 500 else Verdict.NEVER


def status(error: Exception) -> int | None:
    """The HTTP status behind the client's exception, which itself keeps only the text."""
    response = getattr(error.__cause__ or error.__context__, "resp", None)
    return None if response is None else int(response.status)


def _sentence(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if text.endswith(".") else f"{text}."
