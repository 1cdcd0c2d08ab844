"""Sphinx configuration."""

import sys
import warnings
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

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
    "sphinx_design",
    "myst_nb",
]
exclude_patterns = ["_build", "_templates", "_tables", "results", "auto_examples/*.ipynb"]
source_suffix = {".rst": "restructuredtext", ".ipynb": "myst-nb"}
nb_execution_mode = "off"  # notebooks.py runs it
nb_ipywidgets_js = {}
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_rp"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
}
# Pages without subpages need no section navigation beside them.
html_sidebars = {
    page: []
    for page in (
        "index", "start", "walk", "neighbours", "theory", "benchmarks", "changelog", "contributing",
    )
}  # fmt: skip
html_static_path = ["_static"]
html_css_files = ["sklearn_rp.css"]
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
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "within_subsection_order": ExplicitOrder(
        [
            "plot_quickstart.py",
            "plot_recommendation.py",
            "plot_choosing_sigma.py",
            "plot_categories.py",
            "plot_minimum.py",
            "plot_quote.py",
            "plot_risk.py",
            "plot_items.py",
            "plot_two_attributes.py",
            "plot_several_releases.py",
            "plot_attribute_attack.py",
            "plot_inversion.py",
            "*",
            "plot_exact.py",
            "plot_early_stopping.py",
            "plot_fresh_noise.py",
            "plot_noise_training.py",
            "certify_on_a_cluster.py",
        ]
    ),
}

# Examples run without a screen.
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")


def setup(app):
    """Make tables and pictures of what the benchmarks wrote, and run the notebook."""
    sys.path.insert(0, str(Path(__file__).parent))
    import notebooks
    import pictures
    import tables

    app.connect("builder-inited", tables.make_all)
    app.connect("builder-inited", pictures.make_all)
    app.connect("builder-inited", notebooks.make_all)
