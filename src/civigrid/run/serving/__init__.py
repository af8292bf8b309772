"""A run given to a browser or a GIS on the same machine: files, tiles, and what is where."""
