"""Values of all levels as a table beside tiles whose features bear ids alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from civigrid.io.write import write_atomic
from civigrid.tiles.attributes import WORDS
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


def write_values(made: TileSet, path: Path) -> None:
    """Write the values of all levels as Parquet, with what they mean."""
    table = values_table(made)
    told = {"civigrid_tiles": json.dumps(made.contents.metadata["variables"], sort_keys=True, ensure_ascii=False)}

    def write(temporary: Path) -> None:
        pq.write_table(table.replace_schema_metadata(told), temporary, compression="zstd", row_group_size=100_000)

    write_atomic(path, write)
