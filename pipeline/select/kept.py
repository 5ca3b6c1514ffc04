"""What an interrupted selection had found: answers in one file that only grows, by what they are the answer to.

A ranking or a prediction depends on nothing but who gives it and the samples given, so their digest is its name. That
also spares asking twice where two rankings begin with the same features. The file is JSON, a line an answer; a line
that was cut off by the interruption, and a file made from other inputs, count for nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.selection import Scores
from pipeline.selection.results import Folds, Make, Scorer

Array = NDArray[Any]


class Kept:
    """Answers from before, and a file to which those found now are added."""

    def __init__(self, file: IO[str], known: dict[str, Any]) -> None:
        self.file, self.known = file, known

    def answer(self, who: str, arrays: list[Array], find: Callable[[], Any]) -> Any:
        """What is known for this question, or else what `find` finds; JSON values."""
        digest = hashlib.sha256(who.encode())
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        key = digest.hexdigest()
        if key not in self.known:
            self.add(key, find())
        return self.known[key]

    def add(self, key: str, value: Any) -> None:
        """Nothing; the answer is on the disk."""
        self.known[key] = value
        self.file.write("\n" + json.dumps([key, value]))  # a new line first: the one before may have been cut off
        self.file.flush()
        os.fsync(self.file.fileno())

    def scorer(self, name: str, score: Scorer) -> Scorer:
        """The same scorer; what it has found once it does not compute again."""

        def scored(X: Array, y: Array, folds: Folds) -> Scores:
            arrays = [X, y, *(part for fold in folds for part in fold)]
            return Scores(*(v and tuple(v) for v in self.answer(name, arrays, lambda: astuple(score(X, y, folds)))))

        return scored

    def learner(self, name: str, make: Make) -> Make:
        """The same learner; what it has predicted once it does not learn again for."""
        return lambda seed: Recalling(self, f"{name} {seed}", lambda: make(seed))


class Recalling:
    """A classifier that learns only when it is asked something new. What it warns of is kept with its answer."""

    def __init__(self, kept: Kept, name: str, make: Callable[[], Any]) -> None:
        self.kept, self.name, self.make = kept, name, make

    def fit(self, X: Array, y: Array) -> Self:
        """Itself."""
        self.X, self.y = X, y
        return self

    def predict(self, X: Array) -> Array:
        """The class of each row."""
        codes, said = self.kept.answer(self.name, [self.X, self.y, X], lambda: self._find(X))
        for message in said:
            warnings.warn(message, stacklevel=2)
        return np.asarray(codes, self.y.dtype)

    def _find(self, X: Array) -> tuple[list[int], list[str]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            codes = self.make().fit(self.X, self.y).predict(X).tolist()
        return codes, [str(w.message) for w in caught if issubclass(w.category, UserWarning)]


@contextmanager
def keeping(path: Path, fingerprint: str) -> Iterator[Kept]:
    """What was found from the inputs of this fingerprint; the file goes when all is done, and stays for a failure."""
    lines = list(_lines(path))
    known = dict(lines) if lines and lines[0][0] == fingerprint else {}
    with open(path, "a" if known else "w", encoding="utf-8") as file:
        kept = Kept(file, known)
        if not known:
            kept.add(fingerprint, None)
        yield kept
    path.unlink()


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    """The whole lines of a file."""
    text = path.read_text("utf-8", errors="replace") if path.exists() else ""
    for line in text.splitlines():
        with suppress(ValueError):
            key, value = json.loads(line)
            yield key, value
