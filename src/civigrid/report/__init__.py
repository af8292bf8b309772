"""The report as HTML and PDF, one page first, and its figures, drawn without a browser."""

from civigrid.report.document import Document
from civigrid.report.drawing import figure_bytes, save
from civigrid.report.figures import comparison_figure, interval_figure
from civigrid.report.map_figures import distance_figure
from civigrid.report.maup_figures import maup_figure, stability_figure
from civigrid.report.overview_map import overview_map
from civigrid.report.page import html_of
from civigrid.report.pdf import pdf_of
from civigrid.report.profile_figures import difference_figure, profile_figure
from civigrid.report.scale_figures import scale_figure
from civigrid.report.segregation_figures import contribution_figure, exposure_figure, segplot, segregation_curve

__all__ = [
    "Document",
    "comparison_figure",
    "contribution_figure",
    "difference_figure",
    "distance_figure",
    "exposure_figure",
    "figure_bytes",
    "html_of",
    "interval_figure",
    "maup_figure",
    "overview_map",
    "pdf_of",
    "profile_figure",
    "save",
    "scale_figure",
    "segplot",
    "segregation_curve",
    "stability_figure",
]
