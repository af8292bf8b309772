"""From a TOML run file to frozen values: every fault is told by key, value and mend, all at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from civigrid.catalog import declarations
from civigrid.errors import SchemaError
from civigrid.layers.onestop.personas import PERSONAS
from civigrid.run.config import Run
from civigrid.run.export_config import export_faults
from civigrid.run.faults import Fault
from civigrid.run.inputs import option_faults
from civigrid.run.methods import NEED_CELLS
from civigrid.run.paths import resolve, unset_variables
from civigrid.run.run_faults import run_faults
from civigrid.run.segregation.faults import segregation_faults


def read_run(path: Path) -> Run:
    """Read and check a run file.

    Raises
    ------
    SchemaError
        With one line per fault: its key, its value, how to mend it.
    """
    run, faults = check_run(path)
    if faults or run is None:
        raise SchemaError(f"{path} cannot be run:\n- " + "\n- ".join(map(str, faults)))
    return run


def check_run(path: Path) -> tuple[Run | None, list[Fault]]:
    """Give the run a file describes, or None, and every fault found in it."""
    try:
        text = path.read_text(encoding="utf-8")
        given = tomllib.loads(text)
    except OSError as error:
        return None, [Fault("file", str(path), f"cannot be read ({error.strerror}). Give the path of a run file.")]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return None, [Fault("file", str(path), f"is not TOML: {error}.")]
    faults: list[Fault] = []
    table = given.pop("run", {})
    run = build(Run, {**table, **given}, "run", faults)
    if run is not None:
        faults += _references(run, path.parent)
    return (run if not faults else None), [_with_line(fault, text) for fault in faults]


def build(kind: type, given: Mapping[str, Any], where: str, faults: list[Fault]) -> Any:
    """Give a frozen value from a table of a TOML file, or None; what is wrong with it is added to `faults`."""
    hints, before = get_type_hints(kind), len(faults)
    known = {f.name: f for f in fields(kind)}
    faults += [
        Fault(f"{where}.{name}", repr(given[name]), f"unknown key. Known: {', '.join(known)}.")
        for name in given
        if name not in known
    ]
    made: dict[str, Any] = {}
    for name, declared in known.items():
        if name in given:
            made[name] = _convert(hints[name], given[name], f"{where}.{name}", declared.metadata["help"], faults)
        elif declared.default is MISSING and declared.default_factory is MISSING:
            faults.append(Fault(f"{where}.{name}", "(absent)", f"is needed: {declared.metadata['help']}."))
    return kind(**made) if len(faults) == before else None


def _convert(hint: Any, value: Any, where: str, text: str, faults: list[Fault]) -> Any:
    """Give `value` as what `hint` asks for, or note a fault."""
    origin = get_origin(hint)
    if origin is Literal:
        return _checked(value in get_args(hint), value, where, f"must be one of {', '.join(get_args(hint))}", faults)
    if origin is tuple:
        if not isinstance(value, list):
            faults.append(Fault(where, repr(value), f"must be a list ({text})."))
            return ()
        inner = get_args(hint)[0]
        return tuple(_convert(inner, item, f"{where}[{i}]", text, faults) for i, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            faults.append(Fault(where, repr(value), f"must be a table ({text})."))
            return {}
        inner = get_args(hint)[1]
        return MappingProxyType({k: _convert(inner, v, f"{where}.{k}", text, faults) for k, v in value.items()})
    if hint is Any:
        return value
    if isinstance(hint, type) and is_dataclass(hint):
        return build(hint, value, where, faults) if isinstance(value, dict) else None
    if hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return _checked(fits, value, where, f"must be a number ({text})", faults)
    fits = isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    return _checked(fits, value, where, f"must be {hint.__name__} ({text})", faults)


def _checked(fits: bool, value: Any, where: str, message: str, faults: list[Fault]) -> Any:
    if not fits:
        faults.append(Fault(where, repr(value), f"{message}."))
    return value


def _references(run: Run, base: Path) -> list[Fault]:
    """Faults that only show when the tables are read together: unknown names, unknown grids, absent files."""
    faults = _absent_files(run, base)
    faults += [fault for i, s in enumerate(run.source) for fault in option_faults(s, f"run.source[{i}]")]
    faults += export_faults(run.export)
    faults += run_faults(run, base)
    faults += [fault for i, s in enumerate(run.segregation) for fault in segregation_faults(s, f"run.segregation[{i}]")]
    sources, cells = [s.name for s in run.source], [c.name for c in run.cells]
    wanted: list[tuple[str, str, list[str], str]] = []
    for i, source in enumerate(run.source):
        if source.declared_as:
            wanted.append(
                (f"source[{i}].declared_as", source.declared_as, list(declarations("boundaries")), "declaration")
            )
    for i, made in enumerate(run.cells):
        wanted.append((f"cells[{i}].grid", made.grid, list(declarations("grids")), "grid"))
        from_cells = made.method in ("regrid", "coarsen")
        wanted.append(
            (f"cells[{i}].source", made.source, cells[:i] if from_cells else sources, "source or cells above")
        )
        if made.method in NEED_CELLS or made.weights:
            wanted.append((f"cells[{i}].weights", made.weights, cells[:i], "cells above"))
        wanted += [(f"cells[{i}].fallback", text.partition(":")[0], cells[:i], "cells above") for text in made.fallback]
    for topic in ("centres", "segregation", "times", "access", "onestop", "archetypes", "reach", "export", "map"):
        for i, item in enumerate(getattr(run, topic)):
            wanted.append((f"{topic}[{i}].cells", item.cells, cells, "cells"))
            wanted += [(f"{topic}[{i}].sites", name, sources, "source") for name in _sites(item)]
    times = [t.name for t in run.times]
    wanted += [
        (f"{topic}[{i}].times", item.times, times, "travel times")
        for topic in ("access", "archetypes", "reach")
        for i, item in enumerate(getattr(run, topic))
        if item.times
    ]
    wanted += [
        (f"onestop[{i}].times.{mode}", name, times, "travel times")
        for i, one in enumerate(run.onestop)
        for mode, name in one.times.items()
    ]
    wanted += [
        (f"onestop[{i}].personas", name, list(PERSONAS), "persona")
        for i, one in enumerate(run.onestop)
        for name in one.personas
    ]
    for i, item in enumerate(run.compare):
        wanted += [(f"compare[{i}].cells", name, cells, "cells") for name in (*item.cells, item.reference)]
    faults += [
        Fault(f"run.{where}", repr(name), f"no {what} of this name. Known: {', '.join(known) or 'none'}.")
        for where, name, known, what in wanted
        if name not in known
    ]
    if run.block_cells < 1 or run.block_cells & (run.block_cells - 1):
        faults.append(Fault("run.block_cells", str(run.block_cells), "must be a power of two, as 256."))
    return faults


def _absent_files(run: Run, base: Path) -> list[Fault]:
    paths = [(i, p) for i, s in enumerate(run.source) for p in (s.path, str(s.counts.get("path", ""))) if p]
    return [
        Fault(f"run.source[{i}].path", repr(path), f"{resolve(path, base)} does not exist{unset_variables(path)}.")
        for i, path in paths
        if not resolve(path, base).exists()
    ]


def _sites(item: Any) -> tuple[str, ...]:
    sites = getattr(item, "sites", ())
    return (sites,) if isinstance(sites, str) else tuple(sites)


def _with_line(fault: Fault, text: str) -> Fault:
    """Find the line of a fault's key: the n-th table of its topic, then the key in it."""
    match = re.fullmatch(r"run\.(\w+)(?:\[(\d+)\])?(?:\.(\w+))?.*", fault.key)
    if match is None:
        return fault
    topic, number, name = match[1], match[2], match[3]
    lines = text.splitlines()
    if number is None:
        pattern = rf"\s*{topic}\s*="
        found = next((i for i, line in enumerate(lines) if re.match(pattern, line)), -1)
        return Fault(fault.key, fault.value, fault.message, found + 1)
    heads = [i for i, line in enumerate(lines) if re.match(rf"\s*\[\[{topic}\]\]", line)]
    if int(number) >= len(heads):
        return fault
    start = heads[int(number)]
    inside = range(start + 1, len(lines))
    for i in inside:
        if lines[i].lstrip().startswith("[["):
            break
        if name and re.match(rf"\s*{name}\s*=", lines[i]):
            return Fault(fault.key, fault.value, fault.message, i + 1)
    return Fault(fault.key, fault.value, fault.message, start + 1)
