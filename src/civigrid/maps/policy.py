"""A content security policy under which a page of ours works and nothing else does."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html.parser import HTMLParser

from civigrid.errors import SchemaError


class _Inline(HTMLParser):
    """Texts of scripts and styles, and what no hash can allow."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.faults: list[str] = []
        self.beside = False
        self._open: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.faults += [f"{name} of <{tag}>" for name, _ in attrs if name.startswith("on") or name == "style"]
        code = [name for name, value in attrs if (value or "").strip().lower().startswith("javascript:")]
        self.faults += [f"{name} of <{tag}>" for name in code]
        told = dict(attrs)
        self.beside |= (tag == "script" and "src" in told) or (tag == "link" and told.get("rel") == "stylesheet")
        if tag in self.texts:
            self._open = []

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.texts and self._open is not None:
            self.texts[tag].append("".join(self._open))
            self._open = None


def content_security_policy(html: str, *, images: Sequence[str] = ()) -> str:
    r"""Give the policy a server may send with a page: its own scripts and styles by hash, and no network.

    Parameters
    ----------
    html : str
        A page, as `to_html` or `to_files` gives it.
    images : sequence of str
        Servers a background may come from, as ``"https://tiles.example.org"``; by default none.

    Returns
    -------
    str
        Value of the header ``Content-Security-Policy``.  Equal pages give equal policies.

    Raises
    ------
    SchemaError
        The page has inline handlers, style attributes or addresses with code, which no hash allows; or a server of
        images is none.

    Notes
    -----
    Content Security Policy Level 3 (W3C), sections 6.7.2 and 8.4: the hash is that of the text between the tags, line
    ends as line feeds.  ``data:`` and ``blob:`` are places inside the page, for images, compressed values and workers;
    a page whose scripts and values are files beside it (`to_files`) may ask its own server besides.

    Examples
    --------
    >>> print(content_security_policy("<script>1</script>").split("; ")[1])
    script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s=' blob:
    """
    found = _Inline()
    found.feed(html.replace("\r\n", "\n").replace("\r", "\n"))
    found.close()
    if found.faults:
        raise SchemaError(f"no policy allows {', '.join(sorted(set(found.faults))[:5])}: use listeners and classes.")
    if wrong := [place for place in images if not place.startswith("https://") or set(place) & set("; ,'")]:
        raise SchemaError(f"{wrong[0]!r} is no server of images: write it as 'https://tiles.example.org'.")
    hashes = {
        tag: " ".join(dict.fromkeys(map(_hash, filter(None, texts)))) or "'none'" for tag, texts in found.texts.items()
    }
    own = " 'self'" if found.beside else ""
    scripts = hashes["script"] if hashes["script"] == "'none'" else f"{hashes['script']} blob:"
    parts = [
        "default-src 'none'",
        f"script-src {scripts}{own}",
        f"style-src {hashes['style']}{own}",
        " ".join(["img-src data: blob:", *images]),
        f"connect-src data: blob:{own}",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(parts)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
