"""Pyramids of tiles of released cells: vector and picture, as one file or a folder."""
