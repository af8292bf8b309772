"""Folium maps of released cells: one self-contained page, true to the pixel, silent towards the network."""

from civigrid.maps.access import Access
from civigrid.maps.background import Background, OnlineBackground
from civigrid.maps.bivariate import BivariateLayer, make_bivariate_map
from civigrid.maps.elements import CellData, CellLayer, Outline, SiteLayer
from civigrid.maps.extent import bounds_of
from civigrid.maps.files import MODES, Mode, to_files
from civigrid.maps.page import assets, make_map, to_html
from civigrid.maps.policy import content_security_policy
from civigrid.maps.words import Language, language, make_language

__all__ = [
    "MODES",
    "Access",
    "Background",
    "BivariateLayer",
    "CellData",
    "CellLayer",
    "Language",
    "Mode",
    "OnlineBackground",
    "Outline",
    "SiteLayer",
    "assets",
    "bounds_of",
    "content_security_policy",
    "language",
    "make_bivariate_map",
    "make_language",
    "make_map",
    "to_files",
    "to_html",
]
