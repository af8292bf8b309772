"""Decomposition over nested squares, areas and groups."""
