"""Settlement types: the degree of urbanisation of cells and units, urban centres, functional urban areas."""

from civigrid.layers.typology.degurba import LEVEL_1, LEVEL_2, with_degurba
from civigrid.layers.typology.named import with_centres
from civigrid.layers.typology.rules import PRESETS, DegurbaRules, rules_named

__all__ = ["LEVEL_1", "LEVEL_2", "PRESETS", "DegurbaRules", "rules_named", "with_centres", "with_degurba"]
