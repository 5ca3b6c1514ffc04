"""A model as a STAC item with the Machine Learning Model extension: catalogues can find it and say what it needs."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import shapely
from pyproj import Transformer
from shapely.geometry import box, mapping

from pipeline.artifacts.models import ModelManifest
from pipeline.models import NETWORKS
from pipeline.region import Grid

MLM = "https://stac-extensions.github.io/mlm/v1.4.0/schema.json"
CLASSIFICATION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
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
        "stac_extensions": [MLM, CLASSIFICATION],
        "id": f"{manifest.name}-{manifest.fingerprint[:12]}",
        "geometry": mapping(outline),
        "bbox": list(outline.bounds),
        "properties": {
            "datetime": None,
            "start_datetime": f"{year}-01-01T00:00:00Z",
            "end_datetime": f"{year}-12-31T23:59:59Z",
            "mlm:name": f"minecover-{manifest.name}",
            "mlm:architecture": manifest.name,
            "mlm:tasks": ["classification"],
            "mlm:framework": "Keras" if network else "Scikit-learn",
            "mlm:framework_version": manifest.software["keras" if network else "scikit-learn"],
            "mlm:pretrained": manifest.settings.get("weights") is not None,
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
    side = manifest.patch_px
    return {
        "name": "Stack of features around a pixel",
        "bands": [b.name for b in manifest.bands],
        "input": {
            "shape": [-1, len(manifest.bands), side, side],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": [{"type": "z-score", "mean": b.mean, "stddev": b.sd} for b in manifest.bands],
        "resize_type": None,
    }


def _made(manifest: ModelManifest) -> dict[str, Any]:
    return {
        "name": "Probability of each class",
        "tasks": ["classification"],
        "result": {"shape": [-1, len(manifest.legend)], "dim_order": ["batch", "class"], "data_type": "float32"},
        "classification:classes": [
            {"value": c.code, "name": f"class_{c.code}", "title": c.name, "color_hint": c.colour[1:].upper()}
            for c in manifest.legend
        ],
    }
