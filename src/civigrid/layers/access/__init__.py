"""Access of cells and groups to services."""
