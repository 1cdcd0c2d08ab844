"""Sphinx configuration."""

import sys
import warnings
from pathlib import Path

import sklearn_rp

project = "sklearn_rp"
author = "The sklearn_rp developers"
copyright = "2026, the sklearn_rp developers"
release = version = sklearn_rp.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # no reader of a privacy package's pages asks a third party
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "myst_parser",
]
exclude_patterns = ["_build", "_templates", "_tables", "results"]
source_suffix = {".rst": "restructuredtext"}
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_rp"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 11,
    "secondary_sidebar_items": ["page-toc"],
}
# Pages without subpages need no section navigation beside them.
html_sidebars = {
    page: [] for page in ("index", "start", "theory", "benchmarks", "changelog", "contributing")
}
html_static_path = []
nitpicky = False
suppress_warnings = ["myst.header"]  # a page begins with its own title, what it includes with H2

autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_validation_checks = {
    "all",
    "SS05",
    "ES01",
    "SA01",
    "EX01",
    "RT03",
    "GL08",
    "SS06",
    "PR06",
    "RT02",
}
numpydoc_validation_exclude = {
    r"\.set_\w+_request$",
    r"\.get_params$",
    r"\.set_params$",
    r"\.on_\w+$",
    r"\.forward$",
}

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "ignore_pattern": r"benchmarks|service",
    "show_memory": False,
    "download_all_examples": False,
    "abort_on_example_error": True,
}

# Examples run without a screen.
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")


def setup(app):
    """Make tables and pictures of measured figures from what the benchmarks wrote."""
    sys.path.insert(0, str(Path(__file__).parent))
    import pictures
    import tables

    app.connect("builder-inited", tables.make_all)
    app.connect("builder-inited", pictures.make_all)
