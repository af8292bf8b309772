"""Functional urban areas on toy matrices, worked out by hand."""

import numpy as np
import pytest
import shapely
from scipy import sparse

from civigrid.errors import SchemaError
from civigrid.layers.typology.functional import FunctionalRules, functional_areas, touching_units

CHAIN = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])


def find(persons, in_centre, flows, neighbours=CHAIN, **more):
    """Areas of units a, b, c ... and centres A, B ..."""
    in_centre = np.atleast_2d(np.array(in_centre, dtype=float).T).T
    return functional_areas(
        np.array(persons, dtype=float),
        in_centre,
        sparse.csr_array(np.array(flows, dtype=float)),
        neighbours,
        unit_id=np.array(list("abcdefgh")[: len(persons)], dtype=object),
        centre_name=np.array(list("ABCD")[: in_centre.shape[1]], dtype=object),
        **more,
    )


def to_first(*share, n=6):
    """Flows of 100 workers each: some to unit a, the others stay."""
    flows = np.diag(100.0 - np.array(share))
    flows[:, 0] += share
    return flows


def test_half_in_a_centre_makes_a_city_and_fifteen_percent_a_zone():
    """A city is a unit with half of its people in the centre; the zone sends 15 of 100 workers; less does not."""
    found = find([100, 100, 80, 10, 10, 10], [60, 50, 39, 0, 0, 0], to_first(0, 0, 20, 15, 14, 0))

    assert found.units["role"].tolist() == ["city", "city", "commuting zone", "commuting zone", "", ""]
    assert found.units["area"].tolist() == ["A", "A", "A", "A", "", ""]
    assert found.units.loc["d", "commuting_share"] == pytest.approx(0.15)
    assert found.cities.loc["A", "units"] == 2
    assert found.cities.loc["A", "centre_share"] == pytest.approx(110 / 149)
    assert found.cities["is_short"].tolist() == [True]


def test_a_city_short_of_its_centre_may_be_extended():
    """With 110 of 149 in the city, the unit with the 39 others joins while the whole keeps half; else it does not."""
    given = ([100, 100, 80, 10, 10, 10], [60, 50, 39, 0, 0, 0], to_first(0, 0, 0, 0, 0, 0))
    longer = find(*given, rules=FunctionalRules(short="extend"))
    thin = ([100, 100, 800, 10, 10, 10], *given[1:])

    assert longer.units["role"].tolist()[:3] == ["city", "city", "city"]
    assert not longer.cities["is_short"].any()
    assert find(*thin, rules=FunctionalRules(short="extend")).units["role"].tolist()[:3] == ["city", "city", ""]


def test_cities_with_enough_commuters_are_one_destination():
    """15 of 100 workers from B to A merge them: c, with 8 to each, joins; it does not where both must send enough."""
    flows = np.diag([100.0, 85, 84, 100, 100, 100])
    flows[1, 0], flows[2, 0], flows[2, 1] = 15, 8, 8
    centres = [[90, 0], [0, 60], [0, 0], [0, 0], [0, 0], [0, 0]]
    given = ([100, 80, 10, 10, 10, 10], centres, flows)
    both = find(*given, rules=FunctionalRules(merge="both"))

    assert find(*given).units["area"].tolist() == ["A", "A", "A", "", "", ""]
    assert find(*given).units["city"].tolist()[:3] == ["A", "B", ""]
    assert both.units["area"].tolist() == ["A", "B", "", "", "", ""]


def test_enclaves_join_and_exclaves_leave():
    """A unit whose neighbours all belong joins; one that sends enough but hangs together with nothing leaves."""
    found = find([100, 10, 10, 10, 10, 10], [90, 0, 0, 0, 0, 0], to_first(0, 0, 20, 0, 0, 30))

    # b lies between a and c; f sends 30 % but d and e do not belong
    assert found.units["role"].tolist() == ["city", "enclave", "commuting zone", "", "", "exclave"]
    assert found.units["area"].tolist() == ["A", "A", "A", "", "", ""]
    star = np.array([[0, 1], [1, 2], [0, 2], [2, 3]])
    tip = find([100, 10, 10, 10], [90, 0, 0, 0], to_first(0, 20, 20, 0, n=4)[:4, :4], star)
    assert tip.units["role"].tolist() == ["city", "commuting zone", "commuting zone", "enclave"]


def test_an_enclave_between_two_areas_belongs_to_neither():
    """A unit with neighbours in two areas stays outside; the destination with most commuters wins, then the first."""
    flows = np.diag([100.0, 60, 100, 60, 100])
    flows[1, [0, 4]], flows[3, [0, 4]] = 20, (15, 25)
    found = find([100, 10, 10, 10, 90], [[90, 0], [0, 0], [0, 0], [0, 0], [0, 80]], flows, CHAIN[:4])

    assert found.units["area"].tolist() == ["A", "A", "", "B", "B"]


def test_a_centre_without_a_city_and_no_centre():
    """A centre no unit lives in by half has no city, and is no destination; without centres there are no areas."""
    flows = to_first(0, 50, 0, 0, 0, 0)
    lone = find([1000, 10, 10, 10, 10, 10], [60, 0, 0, 0, 0, 0], flows)
    none = find([1000, 10, 10, 10, 10, 10], np.empty((6, 0)), flows)

    assert (lone.units["role"] == "").all()
    assert lone.cities.loc["A", ["area", "units"]].tolist() == ["", 0]
    assert (none.units["area"] == "").all()
    assert len(none.cities) == 0


def test_workplaces_elsewhere_count():
    """Shares are of all employed residents where these are given: 20 of 200 are no zone."""
    given = ([100, 10], [90, 0], to_first(0, 20, n=2)[:2, :2], np.array([[0, 1]]))

    assert find(*given).units["role"].tolist() == ["city", "commuting zone"]
    # b is surrounded, and so an enclave: only the reason changes
    assert find(*given, employed=np.array([100.0, 200.0])).units["role"].tolist() == ["city", "enclave"]


def test_borders_have_a_length():
    """Units that share a corner only are no neighbours."""
    boxes = np.array(
        [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), shapely.box(2, 1, 3, 2), shapely.box(1, 1, 2, 3)]
    )

    assert touching_units(boxes).tolist() == [[0, 1], [1, 3], [2, 3]]


def test_faults_are_named():
    """Shapes, signs and shares that cannot be are refused."""
    good = ([100, 10], [90, 0], [[1, 0], [0, 1]], np.array([[0, 1]]))
    with pytest.raises(SchemaError, match="2 units, but flows of shape"):
        find(*good[:2], np.ones((3, 3)), good[3])
    with pytest.raises(SchemaError, match="negative"):
        find(*good[:2], [[1, -1], [0, 1]], good[3])
    with pytest.raises(SchemaError, match="1 units send more commuters than work"):
        find(*good, employed=np.array([1.0, 0.5]))
    with pytest.raises(SchemaError, match="merge_share must lie"):
        FunctionalRules(merge_share=0)
    with pytest.raises(SchemaError, match="short is flag or extend"):
        FunctionalRules(short="drop")
