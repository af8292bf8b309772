"""How the documentation site is built: `make docs`.  Nothing is fetched, and its pages ask for nothing."""

import logging
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "site"))
logging.getLogger("numexpr").setLevel(logging.WARNING)

project = "civigrid"
author = "civigrid contributors"
copyright = author  # noqa: A001 -- the name that Sphinx reads
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "pages_made", "no_requests", "mathml"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["changes", "site"]
language = "en"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

smartquotes = False  # --option stays --option
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "civigrid"
html_static_path = ["site/static"]
html_css_files = ["civigrid.css"]
html_copy_source = False
html_show_search_summary = False  # it would be fetched, which browsers refuse for pages opened from a disk
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {
    "footer_icons": [],
    "light_css_variables": {"color-brand-primary": "#1b4f72", "color-brand-content": "#14527d"},
    "dark_css_variables": {"color-brand-primary": "#8cc1e8", "color-brand-content": "#8cc1e8"},
}
