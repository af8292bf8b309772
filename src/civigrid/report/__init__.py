"""The one-page report, and figures: the question, the numbers with their intervals, the maps, the sources."""

from civigrid.report.drawing import figure_bytes, save
from civigrid.report.figures import comparison_figure, interval_figure
from civigrid.report.map_figures import distance_figure
from civigrid.report.maup_figures import maup_figure, stability_figure
from civigrid.report.page import make_report
from civigrid.report.profile_figures import difference_figure, profile_figure
from civigrid.report.scale_figures import scale_figure
from civigrid.report.segregation_figures import contribution_figure, exposure_figure, segplot, segregation_curve

__all__ = [
    "comparison_figure",
    "contribution_figure",
    "difference_figure",
    "distance_figure",
    "exposure_figure",
    "figure_bytes",
    "interval_figure",
    "make_report",
    "maup_figure",
    "profile_figure",
    "save",
    "scale_figure",
    "segplot",
    "segregation_curve",
    "stability_figure",
]
