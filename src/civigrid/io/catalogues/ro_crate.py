"""A release as a Process Run Crate: what was made from what, by which software."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from civigrid.io.catalogues.model import Field, File, Input, Released, Table, interval_of, slug, whole_box
from civigrid.types import Bounds

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
CRATE = "https://w3id.org/ro/crate/1.1"
PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256", "creditText": "http://schema.org/creditText"}
"""Terms that the context of RO-Crate 1.1 does not have, spelled out: a second remote context is one more to fetch."""
Entity = dict[str, Any]


def ro_crate(released: Released) -> dict[str, Any] | None:
    """Describe a release as an RO-Crate.

    Parameters
    ----------
    released : Released
        What was released.

    Returns
    -------
    dict or None
        Content of ``ro-crate-metadata.json``, which lies at the root of the release.  A crate must say when it was
        published: that is `Released.created`, else the last reference date of the inputs, and None where there is
        neither, for a run keeps no clock.

    Notes
    -----
    RO-Crate 1.1.3 (Sefton and others, 2023) with the profile Process Run Crate 0.5 (Workflow Run RO-Crate working
    group, 2024).  Inputs are named with their hash and terms; they are not part of the crate.

    Examples
    --------
    >>> from civigrid.io.catalogues import describe_release
    >>> from pathlib import Path
    >>> crate = ro_crate(describe_release({"title": "Town", "created": "2026-03-01"}, Path()))
    >>> [e["@id"] for e in crate["@graph"]][:2]
    ['ro-crate-metadata.json', './']
    """
    span = interval_of(released.dates)
    published = released.created or (span[1][:10] if span else "")
    if not published:
        return None
    return {"@context": [CONTEXT, TERMS], "@graph": list(_graph(released, published, span))}


def _graph(released: Released, published: str, span: tuple[str, str] | None) -> Iterator[Entity]:
    files = [_file(f, t) for t in _tables(released) for f in t.files] + [_file(f, None) for f in released.others]
    files = sorted(files, key=_id)
    given = [_input(i, n) for n, i in enumerate(released.inputs)]
    licence, publishers = _licence(released), list(_publishers(released))
    yield {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": _ref(CRATE),
        "about": _ref("./"),
    }
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": released.title,
        "description": released.description + ("" if released.created else f" {NO_CLOCK}"),
        "datePublished": published,
        "license": _ref(licence["@id"]),
        "conformsTo": _ref(PROCESS),
        "hasPart": [_ref(f["@id"]) for f in files],
        "mentions": _ref("#run"),
        "variableMeasured": [_ref(f"#column-{t.name}-{slug(f.name)}-{n}") for t, n, f in _values(released)],
    }
    if span:
        root["temporalCoverage"] = f"{span[0][:10]}/{span[1][:10]}"
    box = whole_box(t.lonlat for t in released.cells)
    if box:
        root["spatialCoverage"] = _ref("#place")
    if publishers:
        root["publisher"] = [_ref(p["@id"]) for p in publishers]
    yield {k: _unpacked(v) for k, v in root.items() if v != []}
    yield {"@id": PROCESS, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    yield licence
    if box:
        yield from _place(box)
    yield from publishers
    yield from _action(released, files, given)
    yield from given
    yield from files
    yield from (_variable(t, n, f) for t, n, f in _values(released))


NO_CLOCK = (
    "The date of publication is the last reference date of the inputs: a run keeps no clock, so that equal runs are "
    "equal byte for byte."
)


def _tables(released: Released) -> tuple[Table, ...]:
    return (*released.cells, *((released.results,) if released.results else ()))


def _values(released: Released) -> Iterator[tuple[Table, int, Field]]:
    for table in released.cells:
        yield from ((table, n, f) for n, f in enumerate(table.fields) if f.role == "value")


def _ref(name: str) -> Entity:
    return {"@id": name}


def _unpacked(value: Any) -> Any:
    """Give the one member of a list of one: so RO-Crate 1.1 wants it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _software(kind: str, name: str, version: str) -> str:
    """Package URL: an absolute identifier that names no server (purl specification).

    >>> _software("pypi", "numpy", "2.4.6")
    'pkg:pypi/numpy@2.4.6'
    """
    return f"pkg:{kind}/{name}@{version}" if version else f"pkg:{kind}/{name}"


def _id(entity: Entity) -> str:
    return str(entity["@id"])


def _licence(released: Released) -> Entity:
    if released.licence:
        url = f"https://spdx.org/licenses/{released.licence}"
        return {
            "@id": url,
            "@type": "CreativeWork",
            "name": released.inputs[0].licence,
            "description": released.licence,
        }
    words = [f"{i.source}: {i.licence or 'no licence stated'}" for i in released.inputs]
    text = "; ".join(dict.fromkeys(words)) or "No input states a licence"
    return {"@id": "#terms", "@type": "CreativeWork", "name": "Terms of the sources", "description": text}


def _place(box: Bounds) -> Iterator[Entity]:
    """Give where the cells lie; schema.org's box is latitude and longitude of two corners."""
    west, south, east, north = box
    yield {"@id": "#place", "@type": "Place", "name": "What the cells cover", "geo": _ref("#box")}
    yield {"@id": "#box", "@type": "GeoShape", "box": f"{south:g} {west:g} {north:g} {east:g}"}


def _publishers(released: Released) -> Iterator[Entity]:
    for name in dict.fromkeys(i.publisher for i in released.inputs if i.publisher):
        yield {"@id": f"#publisher-{slug(name)}", "@type": "Organization", "name": name}


def _action(released: Released, files: list[Entity], given: list[Entity]) -> Iterator[Entity]:
    """Give what ran, and the software that did."""
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Run of civigrid: {released.title}",
        "description": f"Steps: {', '.join(released.steps) or 'none stated'}. {released.disclosure}.",
        "instrument": _ref(_software("generic", "civigrid", released.version)),
        "object": _unpacked([_ref(i["@id"]) for i in given]),
        "result": _unpacked([_ref(f["@id"]) for f in files]),
        "actionStatus": "http://schema.org/CompletedActionStatus",
        **({"endTime": released.created} if released.created else {}),
    }
    needs = [{"@id": _software("pypi", n, v), "@type": "SoftwareApplication", "name": n, "softwareVersion": v}
             for n, v in released.libraries.items()]  # fmt: skip
    yield {
        "@id": _software("generic", "civigrid", released.version),
        "@type": "SoftwareApplication",
        "name": "civigrid",
        "description": "Census and administrative data on equal cells",
        "softwareVersion": released.version or "unknown",
        "softwareRequirements": _unpacked([_ref(n["@id"]) for n in needs]),
        "identifier": f"code sha256:{released.code_sha256}",
    }
    yield from needs


def _input(given: Input, n: int) -> Entity:
    about = {
        "@id": f"#input-{n}-{slug(given.source)}",
        "@type": "CreativeWork",
        "name": f"{given.source}: {given.file}",
        "sha256": given.sha256,
        "creditText": given.attribution,
    }
    if given.publisher:
        about["publisher"] = _ref(f"#publisher-{slug(given.publisher)}")  # type: ignore[assignment]
    if given.licence:
        about["usageInfo"] = given.licence
    return {k: v for k, v in about.items() if v}


def _file(file: File, table: Table | None) -> Entity:
    about: Entity = {
        "@id": file.path,
        "@type": "File",
        "name": file.title or (f"{table.title} ({file.suffix})" if table else file.path),
        "encodingFormat": file.media_type.split(";")[0],
        "contentSize": str(file.bytes),
        "sha256": file.sha256,
    }
    return about


def _variable(table: Table, n: int, field: Field) -> Entity:
    about = {
        "@id": f"#column-{table.name}-{slug(field.name)}-{n}",
        "@type": "PropertyValue",
        "name": field.title or field.name,
        "propertyID": field.name,
        "description": f"Of {table.name}. {field.description}".strip(),
        "unitText": field.unit,
        "temporal": field.reference_date,
    }
    return {k: v for k, v in about.items() if v}
