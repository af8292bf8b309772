"""A table of services to `Services`: hours, languages, eligibility and referrals, with a report of what is odd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from civigrid.errors import SourceError, first_few
from civigrid.io.tables import read_table, to_numbers
from civigrid.kernels.visits import WEEK
from civigrid.layers.onestop.opening import Opening, parse_opening
from civigrid.layers.onestop.services import Services
from civigrid.source import Finding, Report
from civigrid.types import Bools, Floats, Ints, Labels

YES, NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True, eq=False, kw_only=True)
class ServiceTable:
    """Services of a table, the places of their sites, and what was noticed.

    Parameters
    ----------
    services : Services
        One by row of the table, and one by kind that a site has by referral.
    place : ndarray of int64, shape (site,)
        Number of the place each site is at; a site without ``place_id`` is a place of its own.
    report : Report
        Findings, with the ids of the sites.
    """

    services: Services
    place: Ints
    report: Report


def read_services(path: Path, site_id: Sequence[str]) -> ServiceTable:
    """Read services from a CSV, Parquet or vector file: `services_of_table` tells the columns."""
    return services_of_table(read_table(path, text=True), site_id)


def services_of_table(table: pd.DataFrame, site_id: Sequence[str]) -> ServiceTable:
    """Make services from a table, one row by service; a site may have several.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``site_id`` and ``kind``; and where there are: ``place_id, operator, capacity`` (visits in a year),
        ``opening_hours`` (see `civigrid.layers.onestop.opening.parse_opening`), ``languages`` and ``eligibility``
        (lists with ``;``), ``referral_to`` (a site id), ``in_house`` (yes or no).
    site_id : sequence of str
        Sites of the travel times, in their order.

    Returns
    -------
    ServiceTable
        Rows at sites the travel times do not have are left out and counted.  Hours that are not understood count as
        never open, with a warning that quotes them; where no hours are given a service counts as always open, and the
        report says how many.  A row with ``referral_to`` is had by referral where the other site offers its kind, or
        where ``in_house`` says no; else it is in house, and the kinds of the other site are had here by referral.

    Raises
    ------
    SourceError
        ``site_id`` or ``kind`` is absent or empty, or ``in_house`` is neither yes nor no.

    Examples
    --------
    >>> table = pd.DataFrame({"site_id": ["a", "b"], "kind": ["advice", "doctor"], "opening_hours": ["24/7", "asap"]})
    >>> read = services_of_table(table, ["a", "b"])
    >>> read.services.open_week.sum(axis=1).tolist()
    [672, 0]
    >>> print(next(iter(read.report)))
    warning hours-not-understood: 1 services have hours that are not understood: never open (first: b: 'asap')
    """
    if absent := [c for c in ("site_id", "kind") if c not in table]:
        raise SourceError(f"the services have no column {', '.join(absent)}. They have: {', '.join(table.columns)}.")
    text = {c: _text(table, c) for c in _COLUMNS}
    if (nameless := np.flatnonzero((text["site_id"] == "") | (text["kind"] == ""))).size:
        raise SourceError(f"{nameless.size} services have no site_id or kind (first rows: {first_few(nameless)}).")
    number = {site: k for k, site in enumerate(site_id)}
    site = np.array([number.get(s, -1) for s in text["site_id"]], dtype=np.int64)
    findings: list[Finding] = []
    if (site < 0).any():
        findings.append(_found("warning", "no-travel-times", "services at sites without travel times: left out",
                               text["site_id"][site < 0]))  # fmt: skip
    text = {c: v[site >= 0] for c, v in text.items()}
    target, in_house, sent = _referrals(text, number, findings)
    hours = [parse_opening(t) for t in text["opening_hours"]]
    findings += _hour_findings(text, hours)
    capacity = _capacity(text, findings)
    findings += _unsaid(text)
    services = Services(
        site=site[site >= 0],
        kind=text["kind"].astype(str),
        operator=text["operator"].astype(str),
        capacity=capacity,
        open_week=np.array(
            [h.week if t else np.ones(WEEK, dtype=bool) for h, t in zip(hours, text["opening_hours"], strict=True)],
            dtype=bool,
        ).reshape(-1, WEEK),
        languages=tuple(map(_names, text["languages"])),
        eligible=tuple(map(_names, text["eligibility"])),
        in_house=in_house,
        refers_to=target,
    )
    return ServiceTable(
        services=_with_referred(services, sent),
        place=_places(text, number, len(site_id)),
        report=Report(tuple(findings)),
    )


_COLUMNS = (
    "site_id", "kind", "place_id", "operator", "capacity", "opening_hours", "languages", "eligibility", "referral_to",
    "in_house",
)  # fmt: skip


def _text(table: pd.DataFrame, column: str) -> Labels:
    if column not in table:
        return np.full(len(table), "", dtype=object)
    values: Labels = (
        table[column].astype(object).where(table[column].notna(), "").map(lambda v: str(v).strip()).to_numpy()
    )
    return values


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(";") if name.strip())


def _found(level: str, code: str, words: str, ids: Sequence[str] | Labels) -> Finding:
    return Finding(level, code, f"{len(ids)} {words}", len(ids), tuple(map(str, ids[:5])))  # type: ignore[arg-type]


def _hour_findings(text: dict[str, Labels], hours: list[Opening]) -> Iterator[Finding]:
    stated = text["opening_hours"] != ""
    if not stated.all():
        words = "services state no hours: they count as always open"
        yield _found("note", "no-hours", words, text["site_id"][~stated])
    rows = list(zip(text["site_id"], text["opening_hours"], hours, strict=True))
    if odd := [f"{site}: {said!r}" for site, said, h in rows if said and not h.understood]:
        yield _found("warning", "hours-not-understood", "services have hours that are not understood: never open", odd)
    if noted := [f"{site}: {note}" for site, said, h in rows if h.understood for note in h.notes if said]:
        yield _found("note", "hours-left-aside", "notes on opening hours", noted)


def _capacity(text: dict[str, Labels], findings: list[Finding]) -> Floats:
    capacity: Floats = to_numbers(pd.Series(text["capacity"], name="capacity"))[0].to_numpy(dtype=np.float64).copy()
    if (wrong := capacity < 0).any():
        findings.append(_found("warning", "capacity", "capacities lie below 0: not known", text["site_id"][wrong]))
    capacity[wrong] = np.nan
    return capacity


def _unsaid(text: dict[str, Labels]) -> Iterator[Finding]:
    for column, words in (("capacity", "capacity"), ("languages", "languages")):
        if (n := text["site_id"][text[column] == ""]).size:
            yield _found("note", f"no-{column}", f"services state no {words}: not known", n)


def _referrals(
    text: dict[str, Labels], number: dict[str, int], findings: list[Finding]
) -> tuple[Ints, Bools, list[tuple[int, str, int]]]:
    """Site each row refers to, whether it is in house, and further kinds had by referral (row, kind, site)."""
    said = np.array([_yes(v) for v in text["in_house"]], dtype=np.int64)
    target = np.array([number.get(t, -1) for t in text["referral_to"]], dtype=np.int64)
    if (lost := (text["referral_to"] != "") & (target < 0)).any():
        findings.append(_found("warning", "referral-lost", "referrals lead to a site without travel times: not counted",
                               text["site_id"][lost]))  # fmt: skip
    pairs = list(zip(text["site_id"], text["kind"], strict=True))
    offered = {(number[s], k) for (s, k), t, no in zip(pairs, target, said, strict=True) if no != 0 and t < 0}
    offered |= {(number[s], k) for (s, k), yes in zip(pairs, said, strict=True) if yes == 1}
    same = np.array([(t, k) in offered for t, (_, k) in zip(target, pairs, strict=True)], dtype=bool)
    elsewhere = (target >= 0) & ((said == 0) | ((said == -1) & same))
    in_house: Bools = ~elsewhere & (said != 0)
    kinds_at: dict[int, list[str]] = {}
    for site, kind in sorted(offered):
        kinds_at.setdefault(site, []).append(kind)
    # a site that sends on for what it does not have
    sent = [
        (row, kind, int(target[row]))
        for row in np.flatnonzero(in_house & (target >= 0)).tolist()
        for kind in kinds_at.get(int(target[row]), [])
    ]
    if (nowhere := elsewhere & ~same).any():
        findings.append(_found("warning", "referral-in-vain", "referrals lead to a site that does not offer the kind",
                               text["site_id"][nowhere]))  # fmt: skip
    return np.where(elsewhere, target, -1), in_house, sent


def _yes(text: str) -> int:
    if text == "":
        return -1
    if (word := text.lower()) not in YES + NO:
        raise SourceError(f"in_house is {text!r}, must be one of {', '.join(YES + NO)}.")
    return int(word in YES)


def _with_referred(services: Services, sent: list[tuple[int, str, int]]) -> Services:
    """Add the kinds a site has by referral, each open when the referring service is."""
    if not sent:
        return services
    rows = np.array([row for row, _, _ in sent])
    at = np.concatenate([np.arange(len(services.site)), rows])
    new = np.arange(len(at)) >= len(services.site)
    kind = np.array([*services.kind.tolist(), *[k for _, k, _ in sent]])
    return Services(
        site=services.site[at],
        kind=kind,
        operator=services.operator[at],
        capacity=np.where(new, np.nan, services.capacity[at]),
        open_week=services.open_week[at],
        languages=tuple(services.languages[k] for k in at),
        eligible=tuple(services.eligible[k] for k in at),
        in_house=services.in_house[at] & ~new,
        refers_to=np.concatenate([services.targets, [target for _, _, target in sent]]),
    )


def _places(text: dict[str, Labels], number: dict[str, int], n: int) -> Ints:
    """Number the places in the order of their first site."""
    name: list[tuple[bool, str]] = [(False, str(k)) for k in range(n)]
    for site, place in zip(text["site_id"], text["place_id"], strict=True):
        if place:
            name[number[site]] = (True, place)
    found: dict[tuple[bool, str], int] = {}
    place_of: Ints = np.empty(n, dtype=np.int64)
    for k, key in enumerate(name):
        place_of[k] = found.setdefault(key, len(found))
    return place_of
