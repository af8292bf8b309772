"""What stands beside the data in every file: title, sources, licences, and how people are protected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import xarray as xr
from pyproj import CRS, Transformer

from civigrid.cells import grid_of, ids_of
from civigrid.io.fields import Field, released
from civigrid.io.shapes import extent_of
from civigrid.io.styles.looks import plain
from civigrid.io.styles.xml import child, text_of
from civigrid.release.gate import Release
from civigrid.source import Licence
from civigrid.types import Bounds

NO_TIME = "2000-01-01T00:00:00.000Z"
"""Stands where a format wants the time of writing: equal cells give equal files."""
EMPTY_WORDS = "An empty value is not known; its status says why. It is never zero."


@dataclass(frozen=True, kw_only=True)
class Record:
    """Facts about a file of cells.

    Parameters
    ----------
    title : str
        Its name for people.
    grid : str
        Id of the grid.
    disclosure : str
        The profile it passed, and what that hid.
    sources : tuple of str
        Source and date of the variables, each once.
    dates : tuple of str
        Reference dates, in order.
    terms : tuple of Licence
        Whose words must stand beside the data.
    """

    title: str
    grid: str
    disclosure: str
    sources: tuple[str, ...]
    dates: tuple[str, ...]
    terms: tuple[Licence, ...]

    @property
    def attribution(self) -> str:
        """Words that must stand beside the data."""
        return "; ".join(dict.fromkeys(filter(None, (t.attribution or t.publisher for t in self.terms))))

    @property
    def licences(self) -> str:
        """Names of the licences."""
        return "; ".join(dict.fromkeys(t.licence for t in self.terms if t.licence))

    @property
    def abstract(self) -> str:
        """All of it in a few sentences."""
        parts = [f"Cells of {self.grid}.", f"Disclosure control: {self.disclosure}.", EMPTY_WORDS]
        parts += [f"Sources: {'; '.join(self.sources)}."] if self.sources else []
        parts += [f"{self.attribution}."] if self.attribution else []
        return " ".join(parts)


def record_of(release: Release[xr.Dataset], fields: Sequence[Field], title: str = "") -> Record:
    """Give the facts about these columns of released cells; without a title the grid is one."""
    grid = grid_of(released(release, xr.Dataset))
    about = [f.about for f in fields if f.role == "value"]
    shown = [", ".join(filter(None, (a.source, a.reference_date))) for a in about]
    hidden = {f.variable: release.actions[f.variable] for f in fields if f.variable in release.actions}
    told = f" ({', '.join(f'{n}: {k:,} cells hidden' for n, k in hidden.items())})" if hidden else ""
    return Record(
        title=plain(title) or f"Cells of {grid.id}",
        grid=grid.id,
        disclosure=f"{release.profile}{told}",
        sources=tuple(dict.fromkeys(plain(s) for s in shown if s)),
        dates=tuple(sorted({a.reference_date for a in about if a.reference_date})),
        terms=release.terms,
    )


def description_of(field: Field) -> str:
    """Unit, source, date and kind of a column in one line."""
    about = field.about
    if field.role == "label":
        return "Name of the zone the cell belongs to."
    if field.role == "status":
        return f"What is known about the value. {EMPTY_WORDS}"
    how = "adds up over cells" if about.kind == "extensive" else "a rate: it does not add up"
    how += f", averaged by {about.weight}" if about.weight else ""
    parts = [f"Unit: {about.units or '1'}", how, f"source: {about.source}" if about.source else ""]
    return plain("; ".join(filter(None, (*parts, about.reference_date, f"variable {field.variable}"))))


def bounds_of(cells: xr.Dataset, crs: str = "") -> Bounds:
    """Box of the corners of the cells in their grid's CRS, or in another; of no cells, nothing but zeros."""
    return extent_of(grid_of(cells), ids_of(cells), crs)[0]


def iso_record(record: Record, cells: xr.Dataset) -> str:
    """ISO 19115 record as XML.

    SOURCE: ISO/TS 19139:2007, classes MD_Metadata, MD_DataIdentification, EX_GeographicBoundingBox and LI_Lineage.  The
    date is the latest the data refer to, as no time of writing stands in a file.
    """
    spaces = {"xmlns:gmd": "http://www.isotc211.org/2005/gmd", "xmlns:gco": "http://www.isotc211.org/2005/gco"}
    root = ET.Element("gmd:MD_Metadata", spaces)
    _text(root, "gmd:language", "eng")
    _code(root, "gmd:hierarchyLevel", "MD_ScopeCode", "dataset")
    party = child(child(root, "gmd:contact"), "gmd:CI_ResponsibleParty")
    _text(party, "gmd:organisationName", record.attribution)
    _code(party, "gmd:role", "CI_RoleCode", "pointOfContact")
    _date(root, "gmd:dateStamp", record.dates)
    system = child(
        child(child(root, "gmd:referenceSystemInfo"), "gmd:MD_ReferenceSystem"), "gmd:referenceSystemIdentifier"
    )
    _text(child(system, "gmd:RS_Identifier"), "gmd:code", grid_of(cells).crs)
    about = child(child(root, "gmd:identificationInfo"), "gmd:MD_DataIdentification")
    citation = child(child(about, "gmd:citation"), "gmd:CI_Citation")
    _text(citation, "gmd:title", record.title)
    dated = child(child(citation, "gmd:date"), "gmd:CI_Date")
    _date(dated, "gmd:date", record.dates)
    _code(dated, "gmd:dateType", "CI_DateTypeCode", "creation")
    _text(about, "gmd:abstract", record.abstract)
    limits = child(child(about, "gmd:resourceConstraints"), "gmd:MD_LegalConstraints")
    _code(limits, "gmd:useConstraints", "MD_RestrictionCode", "license")
    _text(limits, "gmd:otherConstraints", "; ".join(filter(None, (record.licences, record.attribution))))
    _code(about, "gmd:spatialRepresentationType", "MD_SpatialRepresentationTypeCode", "vector")
    _text(about, "gmd:language", "eng")
    child(child(about, "gmd:topicCategory"), "gmd:MD_TopicCategoryCode", "society")
    _extent(about, cells)
    quality = child(child(root, "gmd:dataQualityInfo"), "gmd:DQ_DataQuality")
    _text(child(child(quality, "gmd:lineage"), "gmd:LI_Lineage"), "gmd:statement", "; ".join(record.sources))
    return text_of(root)


def _text(parent: ET.Element, tag: str, text: str) -> None:
    made = child(parent, tag)
    if text:
        child(made, "gco:CharacterString", plain(text))
    else:
        made.set("gco:nilReason", "unknown")


def _code(parent: ET.Element, tag: str, code_list: str, value: str) -> None:
    where = f"http://standards.iso.org/iso/19139/resources/gmxCodelists.xml#{code_list}"
    child(child(parent, tag), f"gmd:{code_list}", value, codeList=where, codeListValue=value)


def _date(parent: ET.Element, tag: str, dates: Sequence[str]) -> None:
    made = child(parent, tag)
    if dates:
        child(made, "gco:Date", plain(dates[-1]))
    else:
        made.set("gco:nilReason", "unknown")


def _extent(about: ET.Element, cells: xr.Dataset) -> None:
    change = Transformer.from_crs(CRS.from_user_input(grid_of(cells).crs), "EPSG:4326", always_xy=True)
    west, south, east, north = change.transform_bounds(*bounds_of(cells))
    extent = child(child(about, "gmd:extent"), "gmd:EX_Extent")
    box = child(child(extent, "gmd:geographicElement"), "gmd:EX_GeographicBoundingBox")
    sides = {"westBoundLongitude": west, "eastBoundLongitude": east}
    sides |= {"southBoundLatitude": south, "northBoundLatitude": north}
    for name, degrees in sides.items():
        child(child(box, f"gmd:{name}"), "gco:Decimal", f"{degrees:.6f}")


def facts(record: Record) -> dict[str, Any]:
    """Record as plain names and texts, for formats that keep such; what is empty is left out."""
    told = {
        "title": record.title,
        "grid": record.grid,
        "source": "; ".join(record.sources),
        "reference_date": "; ".join(record.dates),
        "licence": record.licences,
        "attribution": record.attribution,
        "disclosure": record.disclosure,
        "comment": EMPTY_WORDS,
    }
    return {k: v for k, v in told.items() if v}
