"""What was found, as frozen values that a JSON file holds and gives back; contradictory figures are refused both ways.

Shares are 0 to 1. None stands for what is not defined, or for an interval that cannot be had.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import model_validator as checked

from pipeline.accuracy.matrix import CLOSE, EACH, OVERALL, contradiction, measures
from pipeline.errors import MinecoverError

SCHEMA = 2
"""Of the file, and of how its intervals are made (pipeline.accuracy.bootstrap)."""
SIGNIFICANT = 0.05
T = TypeVar("T")
Counts = tuple[tuple[int, ...], ...]
Shares = tuple[tuple[float, ...], ...]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figure(_Frozen):
    """A value with its 95 % interval, and the share of the draws in which it was not defined."""

    value: float | None
    low: float | None
    high: float | None
    undefined: float = 0.0


class Spread(_Frozen):
    """Mean and standard deviation over seeds."""

    mean: float | None
    sd: float | None


class Overall(_Frozen, Generic[T]):
    """The measures of a whole matrix; means are over the classes for which they are defined."""

    oa: T
    kappa: T
    mean_pa: T
    mean_ua: T
    mean_f1: T
    mean_iou: T


class LeftOut(_Frozen):
    """How many classes each mean leaves out, because their value is 0/0."""

    pa: int
    ua: int
    f1: int
    iou: int


class ClassAccuracy(_Frozen):
    """A class: how many samples are of it, and are called so. PA is how much of it is found."""

    code: int
    name: str
    reference: int
    predicted: int
    pa: Figure
    ua: Figure
    f1: Figure
    iou: Figure


class Seeds(_Frozen):
    """Repetitions of one model with other seeds."""

    seeds: tuple[int, ...]
    overall: Overall[Spread]


class ModelAccuracy(_Frozen):
    """How a model did on the test part of a split. `matrix` has the reference in rows, in the order of `classes`.

    With several seeds the figures are those of the first, which is the model that is kept.
    """

    name: str
    split: str
    samples: int
    blocks: int
    seed: int
    matrix: Counts
    overall: Overall[Figure]
    classes: tuple[ClassAccuracy, ...]
    left_out: LeftOut
    seeds: Seeds | None
    notes: tuple[str, ...] = ()

    @checked(mode="after")
    def _consistent(self) -> ModelAccuracy:
        found = measures(self.matrix)
        if wrong := contradiction(found):
            raise ValueError(f"{self.name}: its matrix breaks {wrong}")
        told = {n: np.array([getattr(self.overall, n).value], float) for n in OVERALL}
        told |= {n: np.array([getattr(c, n).value for c in self.classes], float) for n in EACH}
        for name, values in told.items():
            right = found.overall(name) if name in OVERALL else getattr(found, name)
            if not np.allclose(values, right, rtol=0, atol=CLOSE, equal_nan=True):
                raise ValueError(f"{self.name}: {name} does not follow from its matrix")
        if sum(map(sum, self.matrix)) != self.samples:
            raise ValueError(f"{self.name}: its matrix does not hold {self.samples} samples")
        return self


class Pair(_Frozen):
    """Two models on the same samples: measures of `a` less those of `b`, and McNemar's test with Holm's correction."""

    a: str
    b: str
    difference: Overall[Figure]
    only_a: int
    only_b: int
    statistic: float | None
    """Chi-square with continuity correction; None where the exact test was made."""
    p: float
    p_holm: float

    @property
    def better(self) -> str | None:
        """The model that is better beyond doubt: the test finds it, and the interval of accuracy leaves out 0."""
        d = self.difference.oa
        if self.p_holm >= SIGNIFICANT or d.value is None or d.low is None or d.high is None or d.low <= 0 <= d.high:
            return None
        return self.a if d.value > 0 else self.b


class Estimated(_Frozen):
    """An estimate from a probability sample: standard error and 95 % interval."""

    value: float | None
    se: float | None
    low: float | None
    high: float | None

    def times(self, factor: float) -> Estimated:
        """The same in another unit."""
        return Estimated(**{k: None if v is None else v * factor for k, v in self})


class Stratum(_Frozen):
    """A part of the population, its size in pixels, and its points that have a class."""

    name: str
    pixels: int
    points: int


class ClassArea(_Frozen):
    """A class of the map. `area` is the share of the population that is really of it, `hectares` the same in ha."""

    code: int
    name: str
    mapped_pixels: int
    mapped_hectares: float
    area: Estimated
    hectares: Estimated
    ua: Estimated
    pa: Estimated


class MapAccuracy(_Frozen):
    """What a probability sample tells of a map. `points` (counts) and `shares` (of the population) have the reference
    in rows and the map in columns, in the order of `classes`; the last column is pixels without a class.
    """

    model: str
    map_sha256: str
    reference: str
    design: str
    estimator: str
    strata: tuple[Stratum, ...]
    population_pixels: int
    pixel_hectares: float
    answered: int
    unanswered: int
    unmapped_pixels: int
    oa: Estimated
    classes: tuple[ClassArea, ...]
    points: Counts
    shares: Shares
    notes: tuple[str, ...] = ()

    @checked(mode="after")
    def _consistent(self) -> MapAccuracy:
        if abs(sum(map(sum, self.shares)) - 1) > 1e-6:
            raise ValueError(f"{self.model}: the shares of its matrix do not make up 1")
        rows = [sum(row) for row in self.shares]
        if not np.allclose(rows, [c.area.value or 0.0 for c in self.classes], rtol=0, atol=1e-6):
            raise ValueError(f"{self.model}: areas do not follow from its matrix")
        return self


class Accuracy(_Frozen):
    """All accuracies of a run: of its models on the test part, of its map from a probability sample."""

    schema_version: int = SCHEMA
    run: str
    fingerprint: str
    draws: int
    seed: int
    models: tuple[ModelAccuracy, ...]
    pairs: tuple[Pair, ...]
    map: MapAccuracy | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_accuracy(path: Path) -> Accuracy:
    """The accuracies in a file. Raises MinecoverError where there are none, or where figures contradict each other."""
    try:
        found = Accuracy.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MinecoverError(
            f"'{path}' cannot be read: {error.strerror or error}. `minecover assess CONFIG` makes it."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise MinecoverError(f"'{path}' cannot be trusted: {where} {first['msg']}. Assess again.") from error
    if found.schema_version != SCHEMA:
        raise MinecoverError(f"'{path}' is of another version of minecover. Assess again.")
    return found
