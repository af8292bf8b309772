"""Maps as pictures, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.steps import Profile, Threshold, names_of
from civigrid.errors import SchemaError


@app.command()
def picture(
    cells: Annotated[list[Path], typer.Argument(help="Cells: files of civigrid's, or census grids. Each is a map.")],
    value: Annotated[list[str], typer.Option("--value", help="What is shown. Repeat it: maps side by side.")],
    out: Annotated[Path, typer.Option("--out", help="Picture: .png, .svg or .pdf.")],
    title: Annotated[str, typer.Option("--title", help="By default the variable's own.")] = "",
    question: Annotated[str, typer.Option("--question", help="What the picture answers.")] = "",
    note: Annotated[list[str] | None, typer.Option("--note", help="A sentence a reader must know. Repeat it.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Words above a map, one for each, in order.")
    ] = None,
    columns: Annotated[int, typer.Option("--columns", help="Maps side by side; 0: as makes them largest.")] = 0,
    share_of: Annotated[str, typer.Option("--share-of", help="Count that the values are parts of: draw shares.")] = "",
    by: Annotated[
        str, typer.Option("--by", help="Classes: auto, quantile, natural, head-tail, deviation, around, policy.")
    ] = "auto",
    n: Annotated[int, typer.Option("--classes", help="Number of classes, 2 to 7.")] = 5,
    breaks: Annotated[str, typer.Option("--breaks", help="Classes by hand: 5,10,15; of shares 0.1,0.2.")] = "",
    scheme: Annotated[str, typer.Option("--scheme", help="people, time, gain, around, or a colour map.")] = "",
    outline: Annotated[
        Path | None, typer.Option("--outline", help="Vector file: lines or areas above the map.")
    ] = None,
    sites: Annotated[Path | None, typer.Option("--sites", help="Vector file: services, by their column kind.")] = None,
    credit: Annotated[
        list[str] | None, typer.Option("--credit", help="Words that must stand beside the data. Repeat it.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="en or de.")] = "en",
    page: Annotated[str, typer.Option("--page", help="Paper it fits on: A5, A4, A3, A2.")] = "A4",
    dpi: Annotated[int, typer.Option("--dpi", help="Dots to the inch.")] = 300,
    uncertain: Annotated[
        float, typer.Option("--uncertain", help="Hatch values whose error is above this part of them; 0: hatch none.")
    ] = 0.333,
    dark: Annotated[bool, typer.Option("--dark", help="On dark paper.")] = False,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Draw cells as a picture: one map, or years, groups and plans side by side with one legend."""
    from civigrid.report.picture_looks import Looks
    from civigrid.run.picture import PictureJob, picture_file
    from civigrid.run.steps import profile_named
    from civigrid.style.uncertain import UncertainRule

    looks = Looks(
        title=title,
        question=question,
        notes=tuple(note or ()),
        lang=lang,
        page=page,
        dpi=dpi,
        background="dark" if dark else "light",
        columns=columns,
        by=by,
        n=n,
        breaks=_numbers(breaks),
        scheme=scheme,
        uncertain=UncertainRule(cv=uncertain) if uncertain else None,
    )
    job = PictureJob(
        files=tuple(cells),
        values=tuple(value),
        out=out,
        looks=looks,
        labels=tuple(label or ()),
        outline=outline,
        sites=sites,
        share_of=share_of,
        credit=tuple(credit or ()),
        profile=profile_named(profile, threshold),
    )
    with console().status("drawing"):
        found = picture_file(job)
    answer(found, as_json, _text(found))


def _numbers(text: str) -> tuple[float, ...] | None:
    try:
        return tuple(float(part) for part in names_of(text)) or None
    except ValueError:
        raise SchemaError(f"--breaks {text!r}: give numbers, as 5,10,15.") from None


def _text(found: dict[str, Any]) -> str:
    rows = [f"  {row['label']:<24} {row['cells']:>12,}  {row['color']}" for row in found["classes"]]
    rows += [f"  {row['label']:<24} {row['cells']:>12,}" for row in found["missing"]]
    notes = [f"note     {words}" for words in found["notes"]]
    if found["cells_per_pixel"] > 1:
        notes.append(
            f"note     what is drawn as one shows the mean of {found['cells_per_pixel']:,} cells along its side"
        )
    maps = "1 map" if found["maps"] == 1 else f"{found['maps']} maps"
    return "\n".join([f"{found['title']}", f"{maps} in {found['out']}, {found['bytes']:,} bytes", *rows, *notes])
