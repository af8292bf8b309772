"""Cells in, cells out: one module or package per topic; siblings do not know each other."""
