"""Cell × site travel times.  Straight lines here; streets and timetables fill the same matrix."""

from civigrid.travel.straight_line import StraightLine, straight_line_times

__all__ = ["StraightLine", "straight_line_times"]
