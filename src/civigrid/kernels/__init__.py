"""Arrays in, arrays out: NumPy, SciPy, Shapely and Numba, nothing else."""
