"""The first row of a table of any kind, without reading the others."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio

from civigrid.io.tables import VECTOR, separator_of

_HEAD = 1 << 16
"""Bytes that hold the header and a row of any table."""


def first_row(path: Path) -> dict[str, str]:
    """Give the first row as text by column; empty where the file cannot be read, or has no row.

    Parameters
    ----------
    path : Path
        Parquet, a vector file, or CSV.
    """
    try:
        if path.suffix == ".parquet":
            rows = next(pq.ParquetFile(path).iter_batches(1)).to_pylist()
            return {str(k): str(v) for k, v in rows[0].items()}
        if path.suffix.lower() in VECTOR:
            layer = pyogrio.list_layers(path)[0][0]
            frame = pyogrio.read_dataframe(path, layer=layer, max_features=1, read_geometry=False)
            return {str(name): str(frame[name].iloc[0]) for name in frame.columns}
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            lines = stream.read(_HEAD).decode("utf-8-sig", errors="replace").splitlines()[:2]
        names, values = list(csv.reader(lines, delimiter=separator_of(lines)))
        return {name.strip(): value for name, value in zip(names, values, strict=False)}
    except (OSError, ValueError, IndexError, StopIteration, csv.Error, pa.ArrowException, RuntimeError):
        # the reader that comes next tells what is wrong with it
        return {}
