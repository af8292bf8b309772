"""Ways to spread counts over cells.  A method is one small file: a function that gives a `Weigh`.

To add one, write ``weigh(areas, counts) -> Crosswalk`` (`areas` is the exact area crosswalk; `Layer` and `reweight` do
most of the work), hand it on here, and give it a name in `civigrid.run.methods`.  `by_model` stands alone in
`civigrid.project.methods.model`, since it loads scikit-learn.
"""

from civigrid.project.methods.area import by_area, by_largest_overlap
from civigrid.project.methods.base import Layer, Weigh, any_layer, class_layer, count_layer
from civigrid.project.methods.dasymetric import coarsen_crosswalk, dasymetric, reweight
from civigrid.project.methods.pycnophylactic import pycnophylactic

__all__ = [
    "Layer",
    "Weigh",
    "any_layer",
    "by_area",
    "by_largest_overlap",
    "class_layer",
    "coarsen_crosswalk",
    "count_layer",
    "dasymetric",
    "pycnophylactic",
    "reweight",
]
