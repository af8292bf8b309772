"""Maps of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.steps import Profile, Threshold, names_of, pairs_of


@app.command("map")
def draw_map(
    cells: Annotated[Path, typer.Argument(help="Cells: a file of civigrid's, or a census grid.")],
    out: Annotated[Path, typer.Option("--out", help="MAP.html; of --mode folder and served, a folder.")],
    value: Annotated[
        list[str] | None, typer.Option("--value", help="Variable to draw; repeat it, or A,B. The first is shown.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="Other cells: a scenario, a year. One --value of both.")
    ] = None,
    labels: Annotated[str, typer.Option("--labels", help="Names of the two sides: Before,After.")] = "",
    groups: Annotated[str, typer.Option("--groups", help="--compare: counts of who gains and loses: A,B.")] = "",
    way: Annotated[str, typer.Option("--way", help="--compare begins with: swipe, pair or difference.")] = "swipe",
    against: Annotated[str, typer.Option("--against", help="A count: shares are drawn against it.")] = "",
    timeline: Annotated[
        str, typer.Option("--timeline", help="Years and their variables: 2011=people_2011,2021=people_2021.")
    ] = "",
    tool: Annotated[
        list[str] | None, typer.Option("--tool", help="range: filter values; threshold: who lives within minutes.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="Classes: quantile, natural, head-tail, deviation, around, policy.")
    ] = "auto",
    breaks: Annotated[str, typer.Option("--breaks", help="Lower bounds of all classes but the first: 5,10,15.")] = "",
    classes: Annotated[int, typer.Option("--classes", help="Classes at most, 2 to 7.")] = 5,
    title: Annotated[str, typer.Option("--title", help="What the map is called.")] = "",
    question: Annotated[str, typer.Option("--question", help="What it answers.")] = "",
    tell: Annotated[str, typer.Option("--tell", help="More variables that cells tell: A,B.")] = "",
    lang: Annotated[str, typer.Option("--lang", help="Language of the page: en or de.")] = "en",
    view: Annotated[str, typer.Option("--view", help="mercator, or native: equal areas.")] = "mercator",
    mode: Annotated[
        str, typer.Option("--mode", help="single: one page; folder: files beside it; served: for a server.")
    ] = "single",
    background: Annotated[
        Path | None, typer.Option("--background", help="Below the cells: PMTiles, MBTiles or a vector file.")
    ] = None,
    outline: Annotated[Path | None, typer.Option("--outline", help="Lines for orientation: a vector file.")] = None,
    sites: Annotated[
        Path | None, typer.Option("--sites", help="Services: a vector file, or a table with lon and lat.")
    ] = None,
    attribution: Annotated[
        str, typer.Option("--attribution", help="Words the publisher wants beside the data; else those of the file.")
    ] = "",
    licence: Annotated[str, typer.Option("--licence", help="Licence of the data; else that of the file.")] = "",
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Draw cells as a map in one file that opens without a network, on its own or compared with others."""
    from civigrid.run.map_file import MapWanted, map_file, map_text
    from civigrid.run.steps import profile_named
    from civigrid.source import Licence

    wanted = MapWanted(
        values=tuple(dict.fromkeys(name for text in value or () for name in names_of(text))),
        out=out,
        compare=compare,
        labels=names_of(labels),
        groups=names_of(groups),
        way=cast("Any", way),
        against=against,
        timeline=pairs_of(timeline),
        tools=cast("Any", tuple(tool or ())),
        by=by,
        breaks=tuple(_number(text) for text in names_of(breaks)),
        n=classes,
        title=title,
        question=question,
        tell=names_of(tell),
        lang=lang,
        view=cast("Any", view),
        mode=cast("Any", mode),
        background=background,
        outline=outline,
        sites=sites,
        terms=(Licence(licence=licence, attribution=attribution),) if licence or attribution else (),
    )
    with console().status("drawing"):
        found = map_file(cells, wanted, profile_named(profile, threshold))
    answer(found, as_json, map_text(found))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number", param_hint="--breaks") from None
