"""The one-stop shop: what it takes to obtain all the services a person needs."""

from civigrid.layers.onestop.bundle import Bundle, bundle_cells, bundle_table, places_of

__all__ = ["Bundle", "bundle_cells", "bundle_table", "places_of"]
