"""Declarations by name: the TOML files of ``grids/`` and ``boundaries/``."""

from civigrid.catalog.folders import declarations, folder

__all__ = ["declarations", "folder"]
