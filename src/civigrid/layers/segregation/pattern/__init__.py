"""Indices that depend on where cells lie, and statistics of single cells among their neighbours."""
