"""How a picture looks: words, classes, paper, and what is drawn beside the cells."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd

from civigrid.release.gate import Release
from civigrid.style.classes import Classes
from civigrid.style.uncertain import UncertainRule


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How a picture looks.

    Parameters
    ----------
    title, question : str
        What the picture is called (by default as its variable), and what it answers.
    notes : tuple of str
        Sentences a reader must know.
    lang : str
        ``"en"`` or ``"de"``.
    page : str
        Paper it must fit on: ``"A5"`` to ``"A2"``; it is cut to what is drawn.
    dpi : int
        Dots to the inch, 72 to 1,200.
    background : {"light", "dark"}
        The paper.
    columns : int
        Maps side by side; 0: as many as make them largest.
    classes : Classes, optional
        Breaks and colours; by default `classify` chooses, with `by`, `n`, `breaks` and `scheme`.
    by, n, breaks, scheme
        As of `classify`.
    outline : geopandas.GeoSeries, optional
        Lines or areas for orientation.
    sites : Release of geopandas.GeoDataFrame, optional
        Services with a ``kind``, marked on every map.
    uncertain : UncertainRule or None
        Which values are hatched as uncertain; None: none are.
    """

    title: str = ""
    question: str = ""
    notes: tuple[str, ...] = ()
    lang: str = "en"
    page: str = "A4"
    dpi: int = 300
    background: str = "light"
    columns: int = 0
    classes: Classes | None = None
    by: str = "auto"
    n: int = 5
    breaks: tuple[float, ...] | None = None
    scheme: str = ""
    outline: gpd.GeoSeries | None = None
    sites: Release[gpd.GeoDataFrame] | None = None
    uncertain: UncertainRule | None = field(default_factory=UncertainRule)
