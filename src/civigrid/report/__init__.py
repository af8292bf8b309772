"""The one-page report: the question, the numbers with their intervals, the maps, the sources."""

from civigrid.report.figures import comparison_figure, interval_figure
from civigrid.report.page import make_report

__all__ = ["comparison_figure", "interval_figure", "make_report"]
