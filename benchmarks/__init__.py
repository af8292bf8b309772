"""Benchmarks: civigrid beside its peers, in one run, as ratios."""
