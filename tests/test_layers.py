"""The plan of the house, checked over syntax trees: who may import whom, and how large things may grow."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("features/**/*.py")])

# The layer of each module or package. In layer 0 a module may import those before it.
LAYER_0 = (
    "pipeline.errors",
    "pipeline.durable",
    "pipeline.console",
    "pipeline.region",
    "pipeline.config",
    "pipeline.artifacts",
)
LAYER_1 = (
    "pipeline.engine",
    "pipeline.relief",
    "pipeline.importance",
    "pipeline.selection",
    "pipeline.suspects",
    "pipeline.models",
    "pipeline.accuracy",
    "pipeline.splits",
    "pipeline.patches",
    "pipeline.cartography",
)
LAYER_2 = tuple(
    f"pipeline.{stage}"
    for stage in (
        "simulate",
        "export",
        "sample",
        "review",
        "select",
        "train",
        "classify",
        "assess",
        "compare",
        "report",
    )
)
LAYER_3 = (
    "pipeline.cli",
    "pipeline.__main__",
    "pipeline.commands",
    "pipeline.demo",
    "pipeline.drafting",
    "pipeline.workflow",
    "pipeline.doctor",
    "pipeline.serve",
)

# An import against the layers stands here with its reason.
AGAINST = {
    ("pipeline.compare.work", "pipeline.train"): "compares what the stage train makes, made in the same way",
    ("pipeline.compare.maps", "pipeline.train.material"): "maps from what models learnt from",
    ("pipeline.train.material", "pipeline.sample"): "the one rule of when samples are out of date",
    ("pipeline.artifacts.stack", "pipeline.engine.raster"): "the one guarded way to open a raster",
    ("pipeline.report.words", "pipeline.assess.wording"): "a number reads the same on the screen and in the report",
    ("pipeline.report.sources", "pipeline.compare.results"): "the one definition of comparison.json",
    ("pipeline.report.chosen", "pipeline.select.bands"): "one name and colour for each feature, everywhere",
    ("pipeline.report.chosen", "pipeline.select.ranking"): "the ranking is that of ranking.csv",
    ("pipeline.report.chosen", "pipeline.select.wording"): "a number reads the same on the screen and in the report",
    ("pipeline.selection.compare", "pipeline.accuracy"): "measures and their intervals are made in one place",
    ("pipeline.select.bands", "features.catalog"): "the one list of bands says which group and season each is of",
}

# Who may import what lies behind a fence. An exception stands here with its reason.
FENCES = {
    ("ee",): {
        "features": "written in it",
        "pipeline.engine.connection": "connects it",
        "pipeline.demo": "shows what a user's own script looks like",
        "pipeline.doctor": "asks 1 + 2 through it",
        "pipeline.export.requests": "asks which scenes there are",
        "pipeline.export.pixels": "asks for pixels",
        "pipeline.export.retries": "knows how the client fails",
    },
    ("socket", "socketserver", "http", "urllib.request", "httplib2", "requests", "aiohttp", "pystac_client"): {
        "pipeline.engine.archive.stacapi": "reads STAC APIs",
        "pipeline.engine.connection": "the engine's remote side",
        "pipeline.engine.doors.server": "the door over HTTP",
        "pipeline.engine.doors.transport": "looks like httplib2 to the client; opens no connection",
        "pipeline.serve": "serves",
    },
    ("keras", "tensorflow", "openvino"): {
        "pipeline.models": "networks",
    },
    ("pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle"): {},
}

MAX_FUNCTION, MAX_MODULE = 60, 400
LONGER: dict[str, str] = {}  # "pipeline/x.py" or "pipeline/x.py:function" -> why it is longer

# Modules that are loaded before the command line knows what is wanted.
LIGHT = ("pipeline.cli", "pipeline.__main__", "pipeline.commands", "pipeline.console", "pipeline.errors")


def name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def inside(module: str, packages: tuple[str, ...] | dict[str, str]) -> bool:
    return any(module == p or module.startswith(p + ".") for p in packages)


def imports(node: ast.AST) -> Iterator[str]:
    """Full names of all modules imported below the node; for `from a import b` both `a` and `a.b`."""
    for found in ast.walk(node):
        if isinstance(found, ast.Import):
            yield from (alias.name for alias in found.names)
        elif isinstance(found, ast.ImportFrom):
            assert found.level == 0, "relative imports hide what is imported"
            assert found.module
            yield found.module
            yield from (f"{found.module}.{alias.name}" for alias in found.names)
        elif isinstance(found, ast.Call) and ast.unparse(found.func).endswith("import_module"):
            yield from (a.value for a in found.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def own(module: str) -> bool:
    return module.split(".")[0] in ("pipeline", "features")


def package(module: str) -> str:
    """The entry of the layers that a module belongs to; the module itself if it belongs to none."""
    entries = ("features", *LAYER_0, *LAYER_1, *LAYER_2, *LAYER_3)
    return next((entry for entry in entries if inside(module, (entry,))), module)


def allowed(module: str, wanted: str) -> bool:
    """Whether the layer of `module` lets it import `wanted`, one of our own."""
    if wanted == "pipeline" or inside(wanted, (package(module),)):
        return True
    if any(module == m and inside(wanted, (w,)) for m, w in AGAINST):
        return True
    if module == "features" or module.startswith("features."):
        return inside(wanted, ("features",))
    if inside(module, LAYER_3):
        return True
    if inside(module, LAYER_2):
        more = ("features",) if package(module) == "pipeline.export" else ()
        return inside(wanted, (*LAYER_0, *LAYER_1, *more))
    if inside(module, LAYER_1):
        return inside(wanted, ("pipeline.errors", "pipeline.durable"))
    return inside(wanted, LAYER_0[: next(i for i, p in enumerate(LAYER_0) if inside(module, (p,)))])


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_layers(path: Path) -> None:
    module = name(path)
    if module == "pipeline":
        return
    assert inside(module, ("features", *LAYER_0, *LAYER_1, *LAYER_2, *LAYER_3)), f"{module} belongs to no layer"
    wrong = {w for w in imports(ast.parse(path.read_text())) if own(w) and w != module and not allowed(module, w)}
    assert not wrong


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_fences(path: Path) -> None:
    wanted = set(imports(ast.parse(path.read_text())))
    for fenced, inhabitants in FENCES.items():
        if not inside(name(path), inhabitants):
            assert not {w for w in wanted if inside(w, fenced)}


def test_features_import_nothing_but_ee() -> None:
    for path in SOURCES:
        if name(path).startswith("features"):
            for wanted in imports(ast.parse(path.read_text())):
                assert wanted.split(".")[0] in {"ee", "features", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_importing_has_no_effect(path: Path) -> None:
    """At the top of a module nothing is called for its effect alone."""
    if name(path) == "pipeline.__main__":
        return
    calls = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    assert not [ast.unparse(c) for c in calls]


@pytest.mark.parametrize("path", [p for p in SOURCES if inside(name(p), LIGHT)], ids=name)
def test_the_command_line_starts_light(path: Path) -> None:
    tops = [n for n in ast.parse(path.read_text()).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    for wanted in {w for n in tops for w in imports(n)}:
        assert inside(wanted, LIGHT) or wanted.split(".")[0] in {"typer", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_sizes(path: Path) -> None:
    text = path.read_text()
    where = path.relative_to(ROOT).as_posix()
    if where not in LONGER:
        assert text.count("\n") <= MAX_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and f"{where}:{node.name}" not in LONGER:
            documented = node.body[0] if ast.get_docstring(node, clean=False) else None
            length = (node.end_lineno or 0) - node.lineno + 1
            if documented is not None:
                length -= (documented.end_lineno or 0) - documented.lineno + 1
            assert length <= MAX_FUNCTION, f"{node.name} has {length} lines"


def test_exceptions_are_still_needed() -> None:
    for where in LONGER:
        path, _, function = where.partition(":")
        text = (ROOT / path).read_text()
        assert f"def {function}(" in text if function else text.count("\n") > MAX_MODULE, where


@pytest.mark.parametrize(
    ("module", "wanted", "may"),
    [
        ("pipeline.errors", "pipeline.console", False),
        ("pipeline.config", "pipeline.region", True),
        ("pipeline.region", "pipeline.config", False),
        ("pipeline.engine.graph", "pipeline.engine.values", True),
        ("pipeline.engine.graph", "pipeline.errors", True),
        ("pipeline.engine.graph", "pipeline.console", False),
        ("pipeline.engine.graph", "pipeline.config", False),
        ("pipeline.engine.graph", "features", False),
        ("pipeline.accuracy", "pipeline.relief", False),
        ("pipeline.train", "pipeline.models.resnet", True),
        ("pipeline.train", "pipeline.classify", False),
        ("pipeline.train", "features.catalog", False),
        ("pipeline.export", "features.catalog", True),
        ("pipeline.export.plan", "features.catalog", True),
        ("pipeline.export.plan", "pipeline.export.pixels", True),
        ("pipeline.artifacts.stack", "pipeline.artifacts.manifest", True),
        ("pipeline.artifacts.stack", "pipeline.engine.raster.read_window", True),
        ("pipeline.artifacts.ledger", "pipeline.engine.raster", False),
        ("pipeline.region.grid", "pipeline.artifacts", False),
        ("pipeline.cli", "pipeline.train", True),
        ("features.catalog", "features.indices", True),
        ("features.catalog", "pipeline.errors", False),
    ],
)
def test_the_rule_itself(module: str, wanted: str, may: bool) -> None:
    assert allowed(module, wanted) is may


def test_imports_are_found_wherever_they_stand() -> None:
    code = (
        "def f():\n    from a.b import c\n    import d.e as g\n    import_module('h')\n    importlib.import_module('i')"
    )
    assert set(imports(ast.parse(code))) == {"a.b", "a.b.c", "d.e", "h", "i"}


def test_what_is_imported_is_declared() -> None:
    """Every package that the code imports comes with `pip install minecover`, or with a named extra."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = declared["optional-dependencies"]
    needed = [*declared["dependencies"], *extras["dask"]]
    names = {canonicalize_name(Requirement(line).name) for line in needed}
    homes = packages_distributions()
    for path in SOURCES:
        for top in {wanted.split(".")[0] for wanted in imports(ast.parse(path.read_text()))}:
            if top not in {"pipeline", "features", *sys.stdlib_module_names}:
                assert names & {canonicalize_name(d) for d in homes.get(top, [])}, f"{name(path)} imports {top}"
