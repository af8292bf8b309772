"""The modifiable areal unit problem: how much cell size, origin and zoning move an index."""
