"""Folium maps of released cells: one self-contained page, true to the pixel, silent towards the network."""

from civigrid.maps.access import Access
from civigrid.maps.background import Background, OnlineBackground
from civigrid.maps.bivariate import BivariateLayer, make_bivariate_map
from civigrid.maps.compare import Compare, make_compare_map
from civigrid.maps.compared import Compared, compare_cells, gains_and_losses
from civigrid.maps.elements import CellData, CellLayer, Outline, SiteLayer
from civigrid.maps.extent import bounds_of
from civigrid.maps.files import MODES, Mode, to_files
from civigrid.maps.indicators import Indicators
from civigrid.maps.legend import Legend
from civigrid.maps.page import make_map, to_html
from civigrid.maps.policy import content_security_policy
from civigrid.maps.scripts import assets, bring_assets
from civigrid.maps.sliders import Threshold, ValueRange
from civigrid.maps.timeline import Timeline, flatten_periods, make_timeline_map, period_variables, timeline_layer
from civigrid.maps.words import Language, language, make_language

__all__ = [
    "MODES",
    "Access",
    "Background",
    "BivariateLayer",
    "CellData",
    "CellLayer",
    "Compare",
    "Compared",
    "Indicators",
    "Language",
    "Legend",
    "Mode",
    "OnlineBackground",
    "Outline",
    "SiteLayer",
    "Threshold",
    "Timeline",
    "ValueRange",
    "assets",
    "bounds_of",
    "bring_assets",
    "compare_cells",
    "content_security_policy",
    "flatten_periods",
    "gains_and_losses",
    "language",
    "make_bivariate_map",
    "make_compare_map",
    "make_language",
    "make_map",
    "make_timeline_map",
    "period_variables",
    "timeline_layer",
    "to_files",
    "to_html",
]
