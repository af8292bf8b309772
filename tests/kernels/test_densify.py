"""Points put into edges: as few as the tolerance allows, alike for both neighbours."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from civigrid.kernels.densify import new_points, pieces, put_between


def parabola(xy):
    """A plane in which an edge along x of length L bends by exactly L squared / 8."""
    return np.stack([xy[:, 0], xy[:, 1] + xy[:, 0] ** 2 / 2], axis=1)


def snake(xy):
    """A plane in which an edge from -1 to 1 runs through its own middle: an S."""
    return np.stack([xy[:, 0], xy[:, 0] ** 3 - xy[:, 0]], axis=1)


def test_an_edge_is_cut_as_the_square_root_of_its_bend():
    """A bow of height 8 held to 0.5 needs 4 pieces; a line that stays straight needs one."""
    xy = np.array([[-4.0, 0.0], [4.0, 0.0], [4.0, 5.0]])
    n = pieces(xy, parabola(xy), np.array([0, 3]), parabola, tolerance=0.5, shortest=0.0)

    assert n[0] in (4, 5)
    assert n.tolist()[1:] == [1, 1]


def test_an_s_is_seen_although_its_middle_is_right():
    """The middle of an S lies on its chord: it must be tried elsewhere."""
    xy = np.array([[-1.0, 0.0], [1.0, 0.0]])

    assert pieces(xy, snake(xy), np.array([0, 2]), snake, tolerance=0.01, shortest=0.0)[0] > 5


def test_short_edges_and_lost_points_are_left():
    """What is known to bend little is not tried; what has no place there is left for the caller to name."""
    xy = np.array([[-1.0, 0.0], [1.0, 0.0]])
    lost = np.full((2, 2), np.inf)

    assert pieces(xy, parabola(xy), np.array([0, 2]), parabola, tolerance=1e-9, shortest=2.0).tolist() == [1, 1]
    with np.errstate(invalid="ignore"):
        found = pieces(xy, lost, np.array([0, 2]), lambda a: np.full_like(a, np.inf), tolerance=1.0, shortest=0.0)
    assert found.tolist() == [1, 1]


place = st.floats(-180, 180, allow_nan=False)


@given(st.lists(st.tuples(place, place), min_size=2, max_size=6, unique=True), st.integers(1, 7))
def test_a_line_and_its_reverse_get_the_same_points(line, n):
    """Neighbours run along a shared edge in opposite ways and must meet bit for bit."""
    there = np.array(line)
    back = there[::-1]
    count = np.append(np.full(len(there) - 1, n), 1)
    ours, at = put_between(there, new_points(there, count), count)
    theirs, _ = put_between(back, new_points(back, count), count)

    assert ours.tolist() == theirs[::-1].tolist()
    assert ours[at].tolist() == there.tolist()
