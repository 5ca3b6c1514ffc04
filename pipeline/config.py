"""A run's configuration: YAML into frozen values, every key and value checked. Knows nothing of what stages do with it.

Relative paths in the file are relative to the file.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, Strict, ValidationError, ValidationInfo, field_validator
from pydantic import model_validator as checked

from pipeline.errors import MinecoverError

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]

Place = tuple[str | int, ...]  # keys, and numbers of entries, from the top to a value

BASE = "base_folder"
MAX_BYTES = 1 << 20


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LandClass(_Frozen):
    """A class of the map: the number that pixels carry, its name, and its colour `#rrggbb`. 0 stands for no data."""

    code: Annotated[Whole, Field(ge=1, le=255)]
    name: Annotated[Text, Field(max_length=80)]
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]

    @field_validator("name")
    @classmethod
    def _trimmed(cls, name: str) -> str:
        if not name.strip():
            raise ValueError("is blank; give the class a name")
        return name.strip()


class Legend(RootModel[tuple[LandClass, ...]]):
    """The classes in the order of the file; codes and names are unique, names also regardless of case."""

    model_config = ConfigDict(frozen=True)

    def __iter__(self) -> Iterator[LandClass]:  # type: ignore[override]  # classes, not pydantic's fields
        return iter(self.root)

    def __len__(self) -> int:
        return len(self.root)

    def __getitem__(self, place: int) -> LandClass:
        return self.root[place]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the legend."""
        return tuple(c.name for c in self.root)

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes in the order of the legend."""
        return tuple(c.code for c in self.root)

    def by_name(self, text: str) -> LandClass:
        """The class of a name, regardless of case and outer blanks; MinecoverError names the nearest one."""
        wanted = text.strip().casefold()
        for one in self.root:
            if one.name.casefold() == wanted:
                return one
        raise MinecoverError(f"The legend has no class {text!r:.80}. {self._nearest(wanted)}")

    def by_code(self, code: int) -> LandClass:
        """The class of a code; MinecoverError names the codes that there are."""
        for one in self.root:
            if one.code == code:
                return one
        known = ", ".join(f"{c.code} ({c.name})" for c in self.root)
        raise MinecoverError(f"The legend has no code {code}. It has {known}.")

    def _nearest(self, wanted: str) -> str:
        names = {c.name.casefold(): c.name for c in self.root}
        near = difflib.get_close_matches(wanted, names, 1, 0.5)
        return f"Is {names[near[0]]!r} meant?" if near else f"It has {', '.join(map(repr, self.names))}."

    @checked(mode="after")
    def _unique(self) -> Legend:
        if len(self.root) < 2:
            raise ValueError("needs at least two classes")
        for what, values in (("code", self.codes), ("name", tuple(n.casefold() for n in self.names))):
            for twice in (v for i, v in enumerate(values) if v in values[:i]):
                raise ValueError(f"has the {what} {twice!r} twice; every class needs its own")
        return self


class Labels(_Frozen):
    """The labelled points or polygons. `x`, `y` and `crs` are for files that do not name them: CSV.

    `corrections` is a list that `minecover review` made, with a person's decisions.
    """

    file: Path
    field: Text = "class"
    x: Text | None = None
    y: Text | None = None
    crs: Text | None = None
    per_polygon: Annotated[Whole, Field(ge=1)] = 50
    seed: Annotated[Whole, Field(ge=0)] = 0
    conflicts: Literal["error", "drop"] = "error"
    corrections: Path | None = None
    _placed = field_validator("file", "corrections")(lambda path, info: _place(path, info))

    @checked(mode="after")
    def _both(self) -> Labels:
        if (self.x is None) != (self.y is None):
            raise ValueError("names only one of x and y; name both columns, or neither")
        return self


class SplitConfig(_Frozen):
    """How samples are kept apart for testing. The buffer between both sides is the width of a patch."""

    kind: Literal["blocks", "polygons", "regions", "random"] = "blocks"
    test: Annotated[Number, Field(gt=0, lt=1)] = 0.3
    folds: Annotated[Whole, Field(ge=2, le=50)] = 5
    block_m: Annotated[Number, Field(gt=0)] = 1000.0
    patch_px: Annotated[Whole, Field(ge=1)] = 15
    seed: Annotated[Whole, Field(ge=0)] = 0
    region_field: Text | None = None

    @checked(mode="after")
    def _has_regions(self) -> SplitConfig:
        if self.kind == "regions" and self.region_field is None:
            raise ValueError("is by regions; region_field must name the field of the labels that tells them apart")
        return self


class SelectConfig(_Frozen):
    """How features are ranked and chosen."""

    neighbors: Annotated[Whole, Field(ge=1)] = 100
    trees: Annotated[Whole, Field(ge=1)] = 100
    seeds: Annotated[Whole, Field(ge=1)] = 10
    combine: Literal["borda", "intersection", "union"] = "borda"
    sizes: tuple[Annotated[Whole, Field(ge=1)], ...] | None = None
    resamples: Annotated[Whole, Field(ge=1)] = 10


NetworkName = Literal["ResNet50", "ResNet18", "CNN"]
ModelName = Literal[NetworkName, "RF", "SVM", "KNN", "ANN", "Bayes", "ML"]
MODELS: tuple[ModelName, ...] = ("ResNet50", "RF", "SVM", "KNN", "ANN", "Bayes", "ML")


class TrainConfig(_Frozen):
    """Which models learn, from which features, and how. What a network sees is `split.patch_px` wide."""

    models: Annotated[tuple[ModelName, ...], Field(min_length=1)] = MODELS
    features: Literal["all", "Relief-F", "RF", "combined"] = "combined"
    form: Literal["patch", "dense"] = "dense"
    epochs: Annotated[Whole, Field(ge=1)] = 100
    patience: Annotated[Whole, Field(ge=1)] = 15
    batch: Annotated[Whole, Field(ge=2)] = 64
    rate: Annotated[Number, Field(gt=0)] = 1e-3
    decay: Annotated[Number, Field(ge=0)] = 1e-2
    seeds: Annotated[Whole, Field(ge=1)] = 1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    deterministic: bool = True
    weights: Path | None = None
    tune_minutes: Annotated[Number, Field(ge=0)] = 5.0
    baselines_see: Literal["pixel", "patch"] = "pixel"
    _placed = field_validator("weights")(lambda path, info: _place(path, info))


class ClassifyConfig(_Frozen):
    """How the map is made and what is written beside it."""

    model: ModelName = "ResNet50"
    min_valid: Annotated[Number, Field(ge=0, le=1)] = 0.5
    memory_gb: Annotated[Number, Field(gt=0)] = 2.0
    probabilities: bool = True
    majority_px: Annotated[Whole, Field(ge=0)] = 0
    min_area_m2: Annotated[Number, Field(ge=0)] = 0.0
    polygons: bool = False


class AssessConfig(_Frozen):
    """The reference sample that accuracies and areas are estimated from; without one only the split is told."""

    reference: Path | None = None
    field: Text = "class"
    map: ModelName | None = None
    draws: Annotated[Whole, Field(ge=100)] = 2000
    seed: Annotated[Whole, Field(ge=0)] = 0
    _placed = field_validator("reference")(lambda path, info: _place(path, info))


class ReportConfig(_Frozen):
    """What the report tells beside this run: the change since another one, of which `compare` is the folder."""

    compare: Path | None = None
    _placed = field_validator("compare")(lambda path, info: _place(path, info))


class Config(_Frozen):
    """All that a run is made from."""

    name: Text
    region: Path
    year: Annotated[Whole, Field(ge=1970, le=2200)]
    output: Path
    archive: Path | None = None
    features: dict[str, Any] = Field(default_factory=dict)
    legend: Legend
    labels: Labels
    split: SplitConfig = SplitConfig()
    select: SelectConfig = SelectConfig()
    train: TrainConfig = TrainConfig()
    classify: ClassifyConfig = ClassifyConfig()
    assess: AssessConfig = AssessConfig()
    report: ReportConfig = ReportConfig()
    _placed = field_validator("region", "output", "archive")(lambda path, info: _place(path, info))

    @checked(mode="after")
    def _has_middle(self) -> Config:
        patch, train = self.split.patch_px, self.train
        networks = [m for m in train.models if m in get_args(NetworkName)]
        if networks and (patch < 3 or patch % 2 == 0):
            raise ValueError(
                f"split.patch_px is {patch}, but {networks[0]} needs an odd number of 3 or more, so that a patch has a "
                f"middle and surroundings; use 9 or 15"
            )
        if train.baselines_see == "patch" and patch % 2 == 0:
            raise ValueError(
                f"split.patch_px is {patch}, but patches that baselines see need a middle; use {patch + 1}"
            )
        return self


SECTIONS: dict[str, type[BaseModel]] = {
    "legend": LandClass,
    "labels": Labels,
    "split": SplitConfig,
    "select": SelectConfig,
    "train": TrainConfig,
    "classify": ClassifyConfig,
    "assess": AssessConfig,
    "report": ReportConfig,
}


def read_config(path: str | Path) -> Config:
    """The configuration in a YAML file. Raises MinecoverError with the key and the line of the first mistake."""
    place = Path(path)
    node, found = _parsed(place)
    lines = dict(_lines(place.name, node, ()))
    if not isinstance(found, dict):
        raise MinecoverError(f"'{place.name}' holds no keys. Write `name: …`, `region: …`; configs/base.yaml has all.")
    try:
        return Config.model_validate(found, context={BASE: place.parent})
    except ValidationError as error:
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a misspelt key is missed as well
        raise MinecoverError(_told(place.name, first, lines)) from error


def _parsed(path: Path) -> tuple[yaml.Node | None, Any]:
    """The file as nodes that know their lines, and as values."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise MinecoverError(f"'{path.name}' is larger than {MAX_BYTES >> 20} MiB and no configuration.")
        text = path.read_bytes().decode("utf-8-sig")
        return yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MinecoverError(f"The configuration '{path}' cannot be read: {why}. Check the path.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or str(error)
        raise MinecoverError(f"'{path.name}'{at} is not valid YAML: {why}. Check indents and quotes.") from error


def _lines(name: str, node: yaml.Node | None, path: Place) -> Iterator[tuple[Place, int]]:
    """The line of every key and entry; YAML itself would let a second key of the same name win silently."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise MinecoverError(f"'{name}', line {key.start_mark.line + 1}: {key.value!r} stands there twice.")
            seen.add(key.value)
            yield (*path, key.value), key.start_mark.line + 1
            yield from _lines(name, value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*path, number), value.start_mark.line + 1
            yield from _lines(name, value, (*path, number))


def _told(name: str, error: Any, lines: dict[Place, int]) -> str:
    """One mistake in plain words, with its place."""
    loc = tuple(error["loc"])
    known = next((lines[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in lines), None)
    where = f"'{name}'" + (f", line {known}" if known else "")
    key = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no key {key!r}. {_meant(loc)}"
    if error["type"] == "missing":
        return f"{where}: {key!r} is missing. configs/base.yaml shows every key."
    return f"{where}: {f'{key} {_wrong(error)}'.lstrip()}."


def _meant(loc: Sequence[str | int]) -> str:
    """The known key that is nearest to an unknown one, in its own section first."""
    section = SECTIONS.get(str(loc[0])) if len(loc) > 1 else Config
    own = list((section or Config).model_fields)
    elsewhere = {key: f"{name}.{key}" for name, model in SECTIONS.items() for key in model.model_fields}
    wanted = str(loc[-1])
    if near := difflib.get_close_matches(wanted, own, 1):
        return f"Is {near[0]!r} meant?"
    if near := difflib.get_close_matches(wanted, elsewhere, 1, 0.8):
        return f"Is {elsewhere[near[0]]!r} meant?"
    return f"Known here: {', '.join(own)}."


def _wrong(error: Any) -> str:
    """What a value must be and is not."""
    limits, kind = error.get("ctx", {}), error["type"]
    limits = {k: f"{v:g}" if isinstance(v, float) else v for k, v in limits.items()}
    if kind == "value_error":
        return str(limits["error"])
    given = json.dumps(error["input"], ensure_ascii=False, default=str)
    given = given if len(given) <= 60 else f"{given[:60]}…"
    words = {
        "greater_than_equal": "must be {ge} or more",
        "greater_than": "must be more than {gt}",
        "less_than_equal": "must be {le} or less",
        "less_than": "must be less than {lt}",
        "literal_error": "must be one of {expected}",
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "finite_number": "must be a finite number",
        "string_type": "must be text; put it in quotes",
        "string_too_short": "must not be empty",
        "string_too_long": "must have at most {max_length} characters",
        "path_type": "must be the path of a file or folder",
        "tuple_type": "must be a list",
        "dict_type": "must hold keys of its own",
        "model_type": "must hold keys of its own",
    }
    if error["loc"][-1] == "colour":
        return f"must be like '#1b9e77', in quotes: without them YAML takes # for a remark; it is {given}"
    if kind == "string_pattern_mismatch":
        return f"must not hold line breaks or other control characters; it is {given}"
    return f"{words.get(kind, error['msg']).format(**limits)}, not {given}"


def _place(path: Path | None, info: ValidationInfo) -> Path | None:
    """The path, from the folder of the configuration if that is known."""
    if path is None:
        return None
    if not str(path).strip() or "\0" in str(path) or str(path) == ".":
        raise ValueError("must be the path of a file or folder")
    return Path(os.path.normpath(Path((info.context or {}).get(BASE, "")) / path.expanduser()))
