"""What the maps of a run say of services."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from civigrid.run.maps import REACH, reach_sites


@pytest.mark.parametrize(("low", "high", "verdict"), [(0.1, 0.4, 0), (0.6, 0.9, 1), (0.7, 1.2, 2), (None, None, 3)])
def test_reach_is_told_group_by_group_in_words(low, high, verdict):
    """A line for each group by its title; one without a title by its name; the verdict by the whole interval."""
    rows = [("region_b", low, high), ("eu", None if low is None else 1.1, None if high is None else 1.3)]
    results = pd.DataFrame(
        {"zone": "Pool (p1)", "index": "representation", "groups": g, "estimate": a, "low": a, "high": b}
        for g, a, b in rows
    )
    sites = gpd.GeoDataFrame({"name": ["Pool"]}, index=["sports:p1"], geometry=[shapely.Point(9, 52)], crs=4326)
    found = reach_sites(results, sites, {"region_b": "Born in Region B"})

    assert found["kind"].tolist() == [list(REACH)[verdict]]
    lines = [] if low is None else [f"Born in Region B: {low:.2f} ({low:.2f} to {high:.2f})", "eu: 1.10 (1.10 to 1.30)"]
    assert found["reach"].tolist() == ["\n".join(["", *lines])]
