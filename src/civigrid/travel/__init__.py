"""Cell × site travel times: streets, timetables, friction surfaces, and straight lines as the last resort."""

from civigrid.travel.graph import StreetGraph
from civigrid.travel.places import Origins, centres_of, weighted_centres
from civigrid.travel.straight_line import StraightLine, straight_line_times, straight_lines_between
from civigrid.travel.timetable import Timetable

__all__ = [
    "Origins",
    "StraightLine",
    "StreetGraph",
    "Timetable",
    "centres_of",
    "straight_line_times",
    "straight_lines_between",
    "weighted_centres",
]
