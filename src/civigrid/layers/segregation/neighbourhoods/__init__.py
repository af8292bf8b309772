"""Neighbourhoods: kernels, the nearest persons, travel time; indices of them, at every scale."""
