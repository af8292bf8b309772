"""The page around a map: landmarks, words before and after it, and the frame that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import folium
from branca.element import Element, Figure, MacroElement
from jinja2 import Template

from civigrid.maps.words import Language
from civigrid.source import Licence

LEAFLET_NOTICE = """This page draws with Leaflet 1.9, (c) 2010-2023 Volodymyr Agafonkin, (c) 2010-2011 CloudMade.
Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
following conditions are met: 1. Redistributions of source code must retain the above copyright notice, this list of
conditions and the following disclaimer. 2. Redistributions in binary form must reproduce the above copyright notice,
this list of conditions and the following disclaimer in the documentation and/or other materials provided with the
distribution. THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED
WARRANTIES ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DAMAGES ARISING IN
ANY WAY OUT OF THE USE OF THIS SOFTWARE."""

FRAME = Template(
    '<!DOCTYPE html>\n<html lang="{{ this.lang }}" dir="{{ this.dir }}">\n<head>\n<title>{{ this.title }}</title>\n'
    "{{ this.header.render(**kwargs) }}\n</head>\n<body>\n{{ this.html.render(**kwargs) }}\n"
    "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
)
"""A page with a language, a direction, and its script inside the body: Folium's has none of them."""


@dataclass(frozen=True)
class Summary:
    """What a map shows of one indicator, in sentences.

    Parameters
    ----------
    variable : str
        Its name.
    title : str
        What it is called.
    sentences : tuple of str
        In the language of the page.
    """

    variable: str
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Text:
    """Everything a page says beside its map.

    Parameters
    ----------
    title, question : str
        What the map is called, and what it answers.
    notes : tuple of str
        Sentences a reader must know.
    say : Language
        Words of the page.
    profile : str
        Disclosure profile of what is shown.
    terms : tuple of Licence
        What must stand beside the data.
    summaries : tuple of Summary
        The map in words.
    """

    title: str
    question: str = ""
    notes: tuple[str, ...] = ()
    say: Language
    profile: str
    terms: tuple[Licence, ...] = ()
    summaries: tuple[Summary, ...] = field(default=())

    @property
    def sources(self) -> list[str]:
        """Attribution and licence of each source, once."""
        lines = [", ".join(filter(None, (t.attribution or t.publisher, t.licence))) for t in self.terms]
        return [self.say.say("source", source=line) for line in dict.fromkeys(lines) if line]


def before(text: Text) -> str:
    """Skip link, head and the start of the main part, which ends after the map."""
    words = text.say.words
    parts = [f'<h1 dir="auto">{escape(text.title)}</h1>']
    parts += [f'<p class="cg-question" dir="auto">{escape(text.question)}</p>'] if text.question else []
    parts.append(
        f'<div class="cg-tools" id="cg-tools" role="group" aria-label="{escape(words["tools"])}" hidden></div>'
    )
    parts += [_in_words(text), _about(text)]
    return (
        f'<a class="cg-skip" href="#cg-main">{escape(words["skip"])}</a>'
        f'<header class="cg-head">{"".join(parts)}</header>'
        f'<main class="cg-main" id="cg-main" tabindex="-1"><noscript><p>{escape(words["no_script"])}</p></noscript>'
    )


def after(text: Text) -> str:
    """End of the main part, and what only paper shows."""
    lines = [*text.notes, *text.sources, text.say.say("disclosure", profile=text.profile)]
    below = f'<aside class="cg-below" id="cg-below" aria-label="{escape(text.say.words["legend"])}"></aside>'
    return f'</main>{below}<footer class="cg-paper" id="cg-paper">{_paragraphs(lines)}</footer>'


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f'<p dir="auto">{escape(line)}</p>' for line in lines)


def _in_words(text: Text) -> str:
    if not text.summaries:
        return ""
    parts = [
        f'<section id="cg-summary-{k}" data-variable="{escape(part.variable)}"><h2 dir="auto">{escape(part.title)}</h2>'
        f"{_paragraphs(part.sentences)}</section>"
        for k, part in enumerate(text.summaries)
    ]
    title = escape(text.say.words["in_words"])
    return f'<details id="cg-summary"><summary>{title}</summary>{"".join(parts)}</details>'


def _about(text: Text) -> str:
    title = escape(text.say.words["about"])
    lines = _paragraphs([*text.notes, text.say.say("disclosure", profile=text.profile), *text.sources])
    # what scrolls must be reached by keyboard; the licence is in English whatever the page is in
    notice = f'<pre lang="en" dir="ltr" tabindex="0" role="region" aria-label="Leaflet">{escape(LEAFLET_NOTICE)}</pre>'
    return f'<details class="cg-about"><summary>{title}</summary>{lines}{notice}</details>'


class Ending(MacroElement):  # type: ignore[misc]
    """What stands after a map.  Rendered after it, it takes away what Folium forbids readers: to zoom the page."""

    _template = Template("")

    def __init__(self, page: folium.Map, text: Text) -> None:
        super().__init__()
        self._name = "Ending"
        self.page, self.html = page, after(text)

    def render(self, **_: object) -> None:
        """Put the end of the page after the map.

        Parameters
        ----------
        **_
            What Folium hands on; not used.
        """
        figure = self.get_root()
        figure.header.add_child(Element(""), name=self.page.get_name())
        figure.html.add_child(Element(self.html), name=self.get_name())


def frame(page: folium.Map, text: Text) -> None:
    """Give a map the page around it: language, title, landmarks, words before and after."""
    figure: Figure = page.get_root()
    figure._template = FRAME
    figure.lang, figure.dir, figure.title = escape(text.say.code), text.say.direction, escape(text.title)
    figure.header.add_child(Element('<meta name="viewport" content="width=device-width, initial-scale=1">'))
    figure.header.add_child(Element('<meta name="color-scheme" content="light dark">'))
    figure.html.add_child(Element(before(text)))
    figure.add_child(Ending(page, text))


def sentences_of(found: Mapping[str, Sequence[str]], titles: Mapping[str, str]) -> tuple[Summary, ...]:
    """Put the sentences about each indicator under its title."""
    return tuple(Summary(name, titles.get(name) or name, tuple(lines)) for name, lines in found.items() if lines)
