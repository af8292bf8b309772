"""Folium maps of released cells: one self-contained page, true to the pixel, silent towards the network."""

from civigrid.maps.bivariate import BivariateLayer, make_bivariate_map
from civigrid.maps.elements import CellData, CellLayer, Outline, SiteLayer
from civigrid.maps.legend import Legend
from civigrid.maps.page import assets, make_map, to_html

__all__ = [
    "BivariateLayer",
    "CellData",
    "CellLayer",
    "Legend",
    "Outline",
    "SiteLayer",
    "assets",
    "make_bivariate_map",
    "make_map",
    "to_html",
]
