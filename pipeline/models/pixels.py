"""Baselines that map: fitted by scikit-learn on pixels or on statistics of patches, and predicting without it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pipeline.errors import MinecoverError
from pipeline.models import machines, tuning
from pipeline.models.quick import Machine, answers
from pipeline.models.tuning import Folds, Progress, Settings, Tuning
from pipeline.models.windows import moments

FILE = "learner.skops"
STRIP = 2**24  # values of patch statistics that are held at a time
PIXEL, PATCH = "pixel", "patch"

Floats = NDArray[np.floating[Any]]
Singles = NDArray[np.float32]
Codes = NDArray[np.integer[Any]]
See = Literal["pixel", "patch"]


@dataclass(frozen=True)
class PixelModel:
    """A fitted baseline. It implements `Fitted`."""

    name: str
    see: See
    patch: int
    """Width of the window whose statistics it reads, in pixels; 1 where it sees pixels."""
    machine: Machine
    settings: Settings
    """Beside the plain ones of `LEARNERS`."""

    @property
    def halo(self) -> int:
        """Pixels around a block that the answer for the block depends on."""
        return self.patch // 2

    @property
    def core(self) -> int:
        """Each pixel is answered for by itself."""
        return 1

    @property
    def bands(self) -> int:
        """How many bands it reads."""
        return self.machine.shape[0] // (3 if self.see == PATCH else 1)

    def predict(self, block: Floats) -> Singles:
        """Probabilities (K, H, W) of a block (bands, H + 2 halo, W + 2 halo); NaN and infinite values are gaps."""
        self._read(block, 3)
        height, width = block.shape[1] - 2 * self.halo, block.shape[2] - 2 * self.halo
        out = np.empty((self.machine.shape[1], height * width), np.float32)
        rows = height if self.see == PIXEL else max(1, STRIP // (self.machine.shape[0] * width))
        for top in range(0, height, rows):
            few = min(rows, height - top)
            columns = _statistics(block[None, :, top : top + few + 2 * self.halo], self.patch, self.see)[0]
            answers(self.machine, columns.reshape(len(columns), -1), out[:, top * width : (top + few) * width])
        return out.reshape(-1, height, width)

    def at(self, patches: Floats) -> Singles:
        """Probabilities (n, K, 1, 1) of the middle pixels of patches (n, bands, 2 halo + 1, 2 halo + 1)."""
        self._read(patches, 4)
        return answers(self.machine, seen(patches, self.see).T).T[:, :, None, None]

    def spec(self) -> dict[str, Any]:
        """What is needed beside the file to build it again, as JSON."""
        features, classes = self.machine.shape
        own = {"name": self.name, "see": self.see, "patch": self.patch}
        return own | {"features": features, "classes": classes, "settings": self.settings}

    def files(self) -> dict[str, bytes]:
        """Its numbers, as one file."""
        return {FILE: machines.packed(self.machine)}

    def _read(self, values: Floats, axes: int) -> None:
        smallest = (*values.shape[-2:], self.patch)
        square = axes == 3 or values.shape[-1] == values.shape[-2] == self.patch
        if values.ndim != axes or values.shape[axes - 3] != self.bands or min(smallest) < self.patch or not square:
            raise MinecoverError(
                f"{self.name} reads {self.bands} bands and {self.halo} pixels around each, and was given an array of "
                f"{values.shape}. Give it what it was trained on."
            )


def seen(patches: Floats, see: See) -> Singles:
    """What a baseline sees of patches (n, bands, p, p) with p odd: a row each, of float32.

    That is the middle pixel; or that, then the bands' means, then their standard deviations over the patch, gaps left
    out. A gap is NaN.
    """
    size = patches.shape[-1]
    if see == PIXEL:
        patches = patches[:, :, size // 2 : size // 2 + 1, size // 2 : size // 2 + 1]
    return _statistics(patches, patches.shape[-1], see).reshape(len(patches), -1)


def fitted(
    name: str,
    X: Floats,
    y: Codes,
    classes: Sequence[str],
    *,
    folds: Folds,
    seconds: float,
    seed: int,
    see: See = PIXEL,  # type: ignore[assignment]
    patch: int = 1,
    progress: Progress | None = None,
) -> tuple[PixelModel, Tuning]:
    """The baseline fitted on all rows of X, which `seen` gives, and the search for its settings on the folds alone.

    `y` numbers the classes named by `classes`. `folds` are pairs of row numbers, training and held out; `seconds` is
    the budget of the search, 0 for plain settings.
    """
    X = np.where(np.isfinite(X), X, np.nan).astype(np.float64)
    _enough(y, classes, len(folds))
    found = tuning.tuned(name, X, y, folds, seconds, seed, progress) if seconds > 0 else Tuning()
    _few(name, X, y, classes)
    try:
        # The matrices are small, and the order of sums stays the same.
        with threadpool_limits(1, "blas"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "a class has")  # which one has been said
            learner = tuning.made(name, seed, found.best).fit(X, y)
            if name == "SVM":
                learner[-1].set_params(sharpness=tuning.sharpness(X, y, folds, seed, found.best))
    except ValueError as error:
        raise MinecoverError(f"{name} could not be fitted: {error} Look at the samples, or leave it out.") from error
    model = PixelModel(name, see, patch if see == PATCH else 1, machines.machine(name, learner), found.best)
    return model, found


def restored(spec: Mapping[str, Any], files: Mapping[str, bytes]) -> PixelModel:
    """The model that `spec` and `files` of a fitted one describe. No code in them is run, and nothing is guessed."""
    name, see, patch = spec["name"], spec["see"], spec["patch"]
    if set(files) != {FILE}:
        raise MinecoverError(f"The model {name} has the files {sorted(files)} in place of {FILE}. Train it again.")
    if name not in machines.KINDS or see not in (PIXEL, PATCH) or type(patch) is not int or patch < 1 or patch % 2 == 0:
        raise MinecoverError(f"There is no baseline {name!r} that sees {see!r} of {patch!r} pixels. Train it again.")
    machine = machines.unpacked(name, files[FILE])
    wanted = (spec["features"], spec["classes"])
    if machine.shape != wanted:
        raise MinecoverError(
            f"The manifest of {name} says {wanted[0]} features and {wanted[1]} classes, and its file has "
            f"{machine.shape[0]} and {machine.shape[1]}. Train it again."
        )
    return PixelModel(name, cast(See, see), patch, machine, dict(spec["settings"]))


def _statistics(blocks: Floats, size: int, see: See) -> Singles:
    """Blocks (n, bands, …) as what is seen of their pixels (n, features, …)."""
    middle = blocks[:, :, size // 2 : blocks.shape[2] - size // 2, size // 2 : blocks.shape[3] - size // 2]
    middle = middle.astype(np.float32, copy=False)
    if see == PIXEL:
        return middle
    n, bands, height, width = blocks.shape
    mean, sd = moments(blocks.reshape(n * bands, height, width), size).reshape(2, *middle.shape)
    return np.concatenate([np.where(np.isfinite(middle), middle, np.float32(np.nan)), mean, sd], axis=1)


def _enough(y: Codes, classes: Sequence[str], folds: int) -> None:
    counts = np.bincount(y, minlength=len(classes))
    told = ", ".join(f"{c} {n}" for c, n in zip(classes, counts, strict=True))
    if len(classes) < 2:
        raise MinecoverError(f"A classifier needs two classes, and there is one: {told}. Add samples of another.")
    if counts.min() < max(2, folds):
        raise MinecoverError(
            f"Class '{classes[int(counts.argmin())]}' has {counts.min()} training samples, fewer than {max(2, folds)} "
            f"(all: {told}). Add samples, merge it with another class, or lower split.folds."
        )


def _few(name: str, X: Floats, y: Codes, classes: Sequence[str]) -> None:
    counts = np.bincount(y)
    fewest, features = counts.min(), X.shape[1]
    if name == "ML" and fewest < 10 * features:
        how = "rest mostly on shrinkage" if fewest <= features else "are rough"
        warnings.warn(
            f"class '{classes[int(counts.argmin())]}' has {fewest} samples for {features} features, fewer than ten for "
            f"each: the covariances of maximum likelihood {how}",
            stacklevel=3,
        )
