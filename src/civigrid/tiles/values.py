"""Values of all levels as a table beside tiles whose features bear ids alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from civigrid.io.atomic import write_atomic
from civigrid.tiles.attributes import SILENT, WORDS
from civigrid.tiles.carried import rounded_values
from civigrid.tiles.levels import feature_ids
from civigrid.tiles.make import TileSet


def values_table(made: TileSet) -> pa.Table:
    """Give the values of all levels for a join: ``layer`` and ``fid`` of the features, values, statuses in words."""
    columns: dict[str, list[pa.Array]] = {"layer": [], "fid": [], "cell_id": []}
    for of in made.variables:
        columns |= {of.name: [], f"{of.name}_status": []}
    for table in made.tables:
        n = len(table.ids)
        columns["layer"].append(pa.array([table.level.layer] * n, pa.string()))
        columns["fid"].append(pa.array(feature_ids(table.level.grid, table.ids).astype(np.int64)))
        columns["cell_id"].append(pa.array(table.ids))
        for of in made.variables:
            value, status = table.values.get(of.name, (np.full(n, np.nan), np.zeros(n, dtype=np.uint8)))
            known = rounded_values(value, of)
            kind = pa.int64() if of.whole else pa.float64()
            whole = np.nan_to_num(known).astype(np.int64) if of.whole else known
            columns[of.name].append(pa.array(whole, kind, mask=np.isnan(known)))
            columns[f"{of.name}_status"].append(pa.array(np.array(WORDS, dtype=object)[status], pa.string()))
    return pa.table({name: pa.chunked_array(parts) for name, parts in columns.items()})


def values_json(made: TileSet) -> dict[str, Any]:
    """Give the values of all levels for the page: by layer, steps of the ids of features, values, statuses by place."""
    found: dict[str, Any] = {}
    for table in made.tables:
        fid = feature_ids(table.level.grid, table.ids).astype(np.int64)
        order = np.argsort(fid)
        layer: dict[str, Any] = {"step": np.diff(fid[order], prepend=0).tolist(), "values": {}, "status": {}}
        for of in made.variables:
            if of.name in table.values:
                value, status = table.values[of.name].values[order], table.values[of.name].status[order]
                told = rounded_values(value, of)
                listed = (np.nan_to_num(told).astype(np.int64) if of.whole else told).astype(object)
                listed[~np.isfinite(told)] = None
                layer["values"][of.name] = listed.tolist()
                loud = np.flatnonzero(~np.isin(status, SILENT))
                layer["status"][of.name] = {str(k): WORDS[status[k]] for k in loud.tolist()}
        found[table.level.layer] = layer
    return found


def write_values(made: TileSet, path: Path) -> None:
    """Write the values of all levels as Parquet, with what they mean."""
    table = values_table(made)
    told = {"civigrid_tiles": json.dumps(made.contents.metadata["variables"], sort_keys=True, ensure_ascii=False)}

    def write(temporary: Path) -> None:
        pq.write_table(table.replace_schema_metadata(told), temporary, compression="zstd", row_group_size=100_000)

    write_atomic(path, write)
