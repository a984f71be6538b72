"""Settings of the documentation.

Build it with ``sphinx-build -W doc doc/_build/html``. Nothing is downloaded.
"""

import re
import shutil
import sys
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

import skdeepcluster

sys.path.append(str(Path(__file__).parent / "sphinxext"))

project = "skdeepcluster"
author = "The skdeepcluster developers"
copyright = author
version = release = skdeepcluster.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "mathml",
]
exclude_patterns = ["_build", "_templates", "auto_examples/*.ipynb"]
templates_path = ["_templates"]
default_role = "literal"
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}

# Methods that every scikit-learn estimator has are left to scikit-learn's pages.
numpydoc_show_class_members = False
autodoc_default_options = {
    "members": True,
    "inherited-members": "BaseEstimator, _MetadataRequester, _SetOutputMixin",
    "exclude-members": ", ".join(
        f"set_{method}_request" for method in ("fit", "partial_fit", "predict", "score")
    ),
}

# What a newcomer reads first; scripts without a place of their own come last.
GALLERY_ORDER = (
    "plot_cluster_a_table.py",
    "plot_look_at_groups.py",
    "plot_ppp_number_of_groups.py",
    "plot_same_answer_every_time.py",
    "plot_groups_of_different_shapes.py",
    "plot_novel_classes.py",
    "plot_generalized_discovery.py",
    "plot_learned_discovery.py",
    "plot_choose_without_labels.py",
    "plot_pipelines_and_searches.py",
    "plot_explain_a_group.py",
    "plot_autoencoder_or_not.py",
    "plot_neighbor_encoder.py",
    "plot_groups_of_texts.py",
    "plot_own_torch_module.py",
    "plot_a_million_rows.py",
    "plot_follow_a_stream.py",
    "plot_network_of_papers.py",
    "plot_columns_of_ids.py",
    "plot_save_and_predict.py",
    "*",
)
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": "skdeepcluster",
    "within_subsection_order": ExplicitOrder(GALLERY_ORDER),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "skdeepcluster"
html_static_path = ["_static"]
html_css_files = ["math.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    # None beside scripts, which need the width for their code.
    "secondary_sidebar_items": {
        page: ["page-toc"] for page in ("user_guide/*", "generated/*")
    },
}
html_sidebars = {page: [] for page in ("index", "install", "contributing")}


# The pages of results are those of the benchmarks, word for word.
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
for page in sorted(RESULTS.glob("*.md")):
    shutil.copyfile(page, Path(__file__).parent / "performance" / page.name)


def quote_fitted_attributes(app, what, name, obj, options, lines):
    """Mark shapes as code: a name that ends in "_" is a link in reST.

    Links within scikit-learn's pages, in methods that come from there, become words.
    """
    inherited = str(getattr(obj, "__module__", "")).startswith("sklearn")
    for number, line in enumerate(lines):
        if inherited:
            lines[number] = re.sub(r":ref:`([^<`]+) <[^>]+>`", r"\1", line)
        if "of shape (" in line:
            lines[number] = re.sub(r"(?<!`)\b(\w+_)(?=[,)])", r"`\1`", line)


def setup(app):
    # Before numpydoc, whose priority is 500.
    app.connect("autodoc-process-docstring", quote_fitted_attributes, priority=400)
