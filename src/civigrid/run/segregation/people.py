"""Whom tables of indices are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr


@dataclass(frozen=True, kw_only=True)
class People:
    """Whom tables are about: cells, groups, total, zones; and where to compute."""

    cells: xr.Dataset
    groups: Sequence[str]
    total: str = ""
    zone: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, Any]:
        """What all families take."""
        return {"total": self.total, "zone": self.zone}

    @property
    def names(self) -> list[str]:
        """Names of the groups, and of what they leave of a total."""
        return [*self.groups, *(["rest"] if self.total else [])]
