"""Asset ids: which are allowed, and how Earth Engine's spellings of one id become one."""

from __future__ import annotations

from pipeline.errors import ArchiveError

PUBLIC_PREFIXES = ("projects/earthengine-public/assets/", "projects/earthengine-legacy/assets/")
MAX_COMPONENT_BYTES = 200
MAX_ID_LENGTH = 1000
RESERVED = frozenset({"catalog.json", "collection.json"})
EXPORTS = "exports"
"""The folder in an archive where exported files land by default; it holds no assets."""


def canonical(asset_id: str) -> str:
    """The one spelling of an asset id; refuses ids that could leave the archive or collide with its own files."""
    for prefix in PUBLIC_PREFIXES:
        if asset_id.startswith(prefix):
            asset_id = asset_id[len(prefix) :]
    asset_id = asset_id.removesuffix("/")
    if not asset_id or len(asset_id) > MAX_ID_LENGTH:
        raise _invalid(asset_id[:80], "it is empty" if not asset_id else f"it is longer than {MAX_ID_LENGTH}")
    if asset_id.split("/")[0] == EXPORTS:
        raise _invalid(asset_id, f"'{EXPORTS}' is the archive's folder for exported files")
    for part in asset_id.split("/"):
        problem = _problem(part)
        if problem:
            raise _invalid(asset_id, problem)
    return asset_id


def split(asset_id: str) -> tuple[str, str]:
    """(parent, last component) of a canonical id; the parent of a root is empty."""
    parent, _, name = asset_id.rpartition("/")
    return parent, name


def component(text: str) -> str:
    """One component of an asset id, such as a `system:index`, or a refusal."""
    problem = _problem(text) or ("it contains '/'" if "/" in text else None)
    if problem:
        raise _invalid(text, problem)
    return text


def _problem(part: str) -> str | None:
    if not part:
        return "a part of it is empty"
    if part.startswith(".") or part != part.strip():
        return f"a part of it is '{part}'; parts do not start with '.' nor with or end in a space"
    if "\\" in part or not part.isprintable():
        return "it contains a backslash or an unprintable character"
    if part in RESERVED:
        return f"'{part}' is a name of the archive's own files"
    if len(part.encode()) > MAX_COMPONENT_BYTES:
        return f"a part of it is longer than {MAX_COMPONENT_BYTES} bytes"
    return None


def _invalid(asset_id: str, problem: str) -> ArchiveError:
    return ArchiveError(f"Invalid asset id {asset_id!r}: {problem}. Use an id like COLLECTION/INDEX.")
