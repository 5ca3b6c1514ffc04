"""The discovery document: the description of the REST interface from which the client builds its methods."""

from __future__ import annotations

from typing import Any

from pipeline.engine.doors.rest import VERBS, Verb, fields

_COMMON = ("$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser")
_NUMBERS = ("zoom", "x", "y")


def document(root_url: str) -> dict[str, Any]:
    """The document of version v1; the client calls methods below `root_url`."""
    projects: dict[str, Any] = {"methods": {}, "resources": {}}
    for verb in VERBS:
        *resources, method = verb.name.split(".")
        place = projects
        for resource in resources:
            place = place.setdefault("resources", {}).setdefault(resource, {})
        place.setdefault("methods", {})[method] = _method(verb)
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "earthengine:v1",
        "name": "earthengine",
        "canonicalName": "Earth Engine",
        "version": "v1",
        "title": "Google Earth Engine API, answered by minecover's local engine",
        "protocol": "rest",
        "rootUrl": root_url + "/",
        "baseUrl": root_url + "/",
        "basePath": "",
        "servicePath": "",
        "batchPath": "batch",
        "fullyEncodeReservedExpansion": True,
        "parameters": {name: {"type": "string", "location": "query"} for name in _COMMON},
        "schemas": {
            "Any": {"id": "Any", "type": "object", "properties": {}},
            # The client pages through lists only where the response's schema has this member.
            "Page": {"id": "Page", "type": "object", "properties": {"nextPageToken": {"type": "string"}}},
        },
        "resources": {"projects": projects},
    }


def _method(verb: Verb) -> dict[str, Any]:
    path = fields(verb)
    template = verb.path
    for name, pattern in path:
        template = template.replace("{" + name + "=" + pattern + "}", "{" + name + "}")
    names = [name for name, _ in path]
    for name in names:
        if name not in _NUMBERS:
            template = template.replace("{" + name + "}", "{+" + name + "}")
    parameters: dict[str, Any] = {
        name: {"type": "string", "location": "path", "required": True, "pattern": f"^{pattern}$"}
        for name, pattern in path
    }
    for name in _NUMBERS:
        if name in parameters:
            parameters[name] = {"type": "integer", "format": "int32", "location": "path", "required": True}
    for name in verb.query:
        kind = {"type": "integer", "format": "int32"} if name == "pageSize" else {"type": "string"}
        parameters[name] = {**kind, "location": "query"}
    method = {
        "id": f"earthengine.projects.{verb.name}",
        "httpMethod": verb.http,
        "path": "v1/" + template,
        "parameters": parameters,
        "parameterOrder": names,
        "response": {"$ref": "Page" if verb.pages else "Any"},
    }
    return method | {"request": {"$ref": "Any"}} if verb.http in ("POST", "PATCH") else method
