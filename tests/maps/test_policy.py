"""A page works under the policy it is given, and nothing else does."""

import functools
import http.server
import threading

import pytest
from pages import ARGS, page_of, ready, town, until

from civigrid.errors import SchemaError
from civigrid.maps import content_security_policy


@pytest.mark.parametrize(
    "html",
    ["<a onclick='x()'>", "<p style='color: red'>", "<a href='javascript:x()'>", "<a href=' JavaScript:x()'>"],
)
def test_what_no_hash_allows_is_refused(html):
    """Inline handlers, style attributes and addresses with code are named."""
    with pytest.raises(SchemaError, match="no policy allows"):
        content_security_policy(html)


def test_equal_pages_have_equal_policies():
    """Each script and style once, in order; line ends do not matter; no script, no permission."""
    first = content_security_policy("<script>a\nb</script><style>c</style><script>a\nb</script>")

    assert first == content_security_policy("<script>a\r\nb</script><style>c</style>")
    assert first.count("sha256-") == 2
    assert "script-src 'none'" in content_security_policy("<p>text</p>")
    assert "unsafe" not in first


def test_what_lies_beside_a_page_may_be_asked_for():
    """Files of the same server where the page has some; images of the servers named; nothing that is no server."""
    beside = content_security_policy('<script src="a.js"></script><link rel="stylesheet" href="a.css">')
    images = content_security_policy("<p>", images=["https://tiles.example.org"])

    assert "connect-src data: blob: 'self'" in beside
    assert "'self'" not in images
    assert "img-src data: blob: https://tiles.example.org;" in images
    for wrong in ("http://tiles.example.org", "https://a; script-src *"):
        with pytest.raises(SchemaError, match="no server of images"):
            content_security_policy("<p>", images=[wrong])


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one page with its policy."""

    def __init__(self, html, policy, *args):
        self.html, self.policy = html, policy
        super().__init__(*args)

    def do_GET(self):
        """Answer with the page."""
        body = self.html.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", self.policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_):
        """Say nothing."""


@pytest.mark.browser
def test_a_page_works_under_its_policy(chromium):
    """Map, legend, card, keyboard, table and file work; a script that was not in the page does not run."""
    from playwright.sync_api import sync_playwright

    html = page_of(town())
    policy = content_security_policy(html)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, html, policy))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
            tab = browser.new_page()
            heard = []
            tab.on("console", lambda m: heard.append(m.text))
            tab.on("pageerror", lambda e: heard.append(str(e)))
            tab.goto(f"http://127.0.0.1:{server.server_port}/map.html")
            ready(tab)
            heard = [h for h in heard if "favicon" not in h]
            tab.click("#cg-tools button:nth-child(1)")
            until(tab, "document.querySelector('.cg-said').textContent !== ''")
            tab.keyboard.press("Enter")
            tab.wait_for_selector(".cg-card:not([hidden])")
            tab.keyboard.press("Escape")
            tab.keyboard.press("t")
            tab.wait_for_selector(".cg-table[open]")
            with tab.expect_download() as waiting:
                tab.click(".cg-table .cg-buttons button:nth-child(2)")
            assert waiting.value.path().stat().st_size > 10_000
            colours = tab.evaluate(
                "new Set([...document.querySelectorAll('canvas.leaflet-tile')].flatMap(c => "
                "[...new Uint32Array(c.getContext('2d').getImageData(0, 0, 256, 256).data.buffer)])).size"
            )
            assert colours > 4
            assert heard == []
            tab.evaluate(
                "() => { let s = document.createElement('script'); s.textContent = 'window.foreign = 1';"
                " document.body.appendChild(s); }"
            )
            assert tab.evaluate("window.foreign === undefined")
            assert any("Content Security Policy" in h for h in heard)
            browser.close()
    finally:
        server.shutdown()
        server.server_close()
