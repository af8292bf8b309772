"""Where indices of pattern and local statistics come from, beside `civigrid.layers.segregation.sources`."""

from __future__ import annotations

from civigrid.layers.segregation.sources import SOURCES, Source

_ALL = (
    Source("anselin1995", "Anselin, Luc", 1995, "Local indicators of spatial association -- LISA",
           "Geographical Analysis", "27(2), 93-115"),
    Source("anselin2019", "Anselin, Luc and Li, Xun", 2019, "Operational local join count statistics for cluster "
           "detection", "Journal of Geographical Systems", "21(2), 189-210"),
    Source("benjamini1995", "Benjamini, Yoav and Hochberg, Yosef", 1995, "Controlling the false discovery rate: a "
           "practical and powerful approach to multiple testing", "Journal of the Royal Statistical Society B",
           "57(1), 289-300"),
    Source("duncan1955b", "Duncan, Otis Dudley and Duncan, Beverly", 1955, "Residential distribution and occupational "
           "stratification", "American Journal of Sociology", "60(5), 493-503"),
    Source("hoover1941", "Hoover, Edgar M.", 1941, "Interstate redistribution of population, 1850-1940",
           "The Journal of Economic History", "1(2), 199-205"),
    Source("marshall1991", "Marshall, Roger J.", 1991, "Mapping disease and mortality rates using empirical Bayes "
           "estimators", "Applied Statistics", "40(2), 283-294"),
    Source("morgan1983", "Morgan, Barrie S.", 1983, "A distance-decay based interaction index to measure residential "
           "segregation", "Area", "15(3), 211-217"),
    Source("tivadar2019", "Tivadar, Mihai", 2019, "OasisR: an R package to bring some order to the world of "
           "segregation measurement", "Journal of Statistical Software", "89(7), 1-39"),
)  # fmt: skip

PATTERN_SOURCES: dict[str, Source] = SOURCES | {source.key: source for source in _ALL}
"""All publications by key."""
