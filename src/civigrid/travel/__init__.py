"""Cell × site travel times: streets, timetables, land without a network, and straight lines as the last resort."""

from civigrid.travel.build_graph import build_graph
from civigrid.travel.build_timetable import DayOptions, build_timetable
from civigrid.travel.edit_timetable import Line, with_line, without_line
from civigrid.travel.friction import FrictionOptions, FrictionSurface, friction_times, nearest_site
from civigrid.travel.graph import StreetGraph
from civigrid.travel.lines import StreetLines
from civigrid.travel.modes import Speeds
from civigrid.travel.nearest_sites import nearest_times
from civigrid.travel.places import Origins, centres_of, weighted_centres
from civigrid.travel.rides import Rides, ride_times
from civigrid.travel.slopes import Elevation
from civigrid.travel.stop_walks import StraightWalks, WalkTimes, straight_walks
from civigrid.travel.straight_line import StraightLine, straight_line_times, straight_lines_between
from civigrid.travel.street_path import street_path
from civigrid.travel.street_times import StreetOptions, site_times, street_times
from civigrid.travel.street_walks import street_walks
from civigrid.travel.timetable import Timetable
from civigrid.travel.transit import TransitOptions, TransitWindow, transit_times
from civigrid.travel.transit_path import transit_path

__all__ = [
    "DayOptions",
    "Elevation",
    "FrictionOptions",
    "FrictionSurface",
    "Line",
    "Origins",
    "Rides",
    "Speeds",
    "StraightLine",
    "StraightWalks",
    "StreetGraph",
    "StreetLines",
    "StreetOptions",
    "Timetable",
    "TransitOptions",
    "TransitWindow",
    "WalkTimes",
    "build_graph",
    "build_timetable",
    "centres_of",
    "friction_times",
    "nearest_site",
    "nearest_times",
    "ride_times",
    "site_times",
    "straight_line_times",
    "straight_lines_between",
    "straight_walks",
    "street_path",
    "street_times",
    "street_walks",
    "transit_path",
    "transit_times",
    "weighted_centres",
    "with_line",
    "without_line",
]
