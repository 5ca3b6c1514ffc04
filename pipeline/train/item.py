"""A model as a STAC item with the Machine Learning Model extension: catalogues can find it and say what it needs."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import shapely
from pyproj import Transformer
from shapely.geometry import box, mapping

from pipeline.artifacts.models import ModelManifest
from pipeline.models import NETWORKS, hushed
from pipeline.region import Grid

MLM = "https://stac-extensions.github.io/mlm/v1.4.0/schema.json"
CLASSIFICATION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
FORMATS = {".npz": "application/zip", ".skops": "application/zip"}


def item(manifest: ModelManifest, grid: Grid, year: int) -> dict[str, Any]:
    """The item, as JSON: where and when the training samples are from, inputs with their scaling, outputs by class."""
    outline = shapely.transform(
        box(*grid.bounds), Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform, interleaved=False
    )
    network = manifest.name in NETWORKS
    assets = {
        PurePath(name).stem: {
            "href": f"./{name}",
            "type": FORMATS.get(PurePath(name).suffix, "application/octet-stream"),
            "roles": ["mlm:model"],
            "mlm:artifact_type": "minecover",
            "file:checksum": f"1220{digest}",
        }
        for name, digest in manifest.files.items()
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [MLM, CLASSIFICATION, FILE],
        "id": f"{manifest.name}-{manifest.fingerprint[:12]}",
        "geometry": mapping(outline),
        "bbox": list(outline.bounds),
        "properties": {
            "datetime": None,
            "start_datetime": f"{year}-01-01T00:00:00Z",
            "end_datetime": f"{year}-12-31T23:59:59Z",
            "mlm:name": f"minecover-{manifest.name}",
            "mlm:architecture": manifest.name,
            "mlm:tasks": _tasks(manifest),
            "mlm:framework": "Keras" if network else "Scikit-learn",
            "mlm:framework_version": manifest.software["keras" if network else "scikit-learn"],
            "mlm:pretrained": manifest.settings.get("weights") is not None,
            "mlm:pretrained_source": "ImageNet" if manifest.settings.get("weights") else None,
            "bands": [
                {"name": b.name, "unit": b.unit, "statistics": {"mean": b.mean, "stddev": b.sd}} for b in manifest.bands
            ],
            "mlm:input": [_given(manifest)],
            "mlm:output": [_made(manifest)],
            "mlm:hyperparameters": {k: v for k, v in manifest.settings.items() if v is not None},
        },
        "links": [],
        "assets": {
            **assets,
            "manifest": {"href": "./manifest.json", "type": "application/json", "roles": ["metadata"]},
        },
    }


def _given(manifest: ModelManifest) -> dict[str, Any]:
    side, _ = _sides(manifest)
    given: dict[str, Any] = {
        "name": "Stack of features around a pixel",
        "description": "Values as they are in the stack, in its units; NaN where masked.",
        "bands": [b.name for b in manifest.bands],
        "input": {
            "shape": [-1, len(manifest.bands), side, side],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "resize_type": None,
    }
    if scaling := manifest.spec.get("scaling"):
        given["description"] = (
            "Scaled values are cut off at 10 and become 0 where masked; a further band, the last, is the share of "
            "bands that are known."
        )
        given["value_scaling"] = [_scaled(*pair) for pair in zip(scaling["mean"], scaling["sd"], strict=True)]
    return given


def _scaled(mean: float, sd: float) -> dict[str, Any]:
    """How a band is scaled; one that was constant in training is 0 everywhere."""
    constant = {"type": "clip", "minimum": 0, "maximum": 0}
    return {"type": "z-score", "mean": mean, "stddev": sd} if sd > 0 else constant


def _made(manifest: ModelManifest) -> dict[str, Any]:
    _, core = _sides(manifest)
    shape, order = [-1, len(manifest.legend)], ["batch", "class"]
    return {
        "name": "Probability of each class",
        "tasks": _tasks(manifest),
        "result": {
            "shape": shape if core == 1 else [*shape, core, core],
            "dim_order": order if core == 1 else [*order, "height", "width"],
            "data_type": "float32",
        },
        "classification:classes": [
            {"value": c.code, "name": f"class_{c.code}", "title": c.name, "color_hint": c.colour[1:].upper()}
            for c in manifest.legend
        ],
    }


def _tasks(manifest: ModelManifest) -> list[str]:
    return ["classification" if _sides(manifest)[1] == 1 else "semantic-segmentation"]


def _sides(manifest: ModelManifest) -> tuple[int, int]:
    """Sides in pixels of the squares that the model is given at a time, and that it answers for."""
    if manifest.name not in NETWORKS:
        return int(manifest.spec["patch"]), 1
    with hushed():
        from pipeline.models.resnet import Shape
    shape = Shape(**{key: manifest.spec[key] for key in ("name", "form", "patch", "bands", "classes")})
    return shape.side, shape.core
