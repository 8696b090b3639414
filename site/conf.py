"""Sphinx's settings for the course's pages; `build.py` runs it."""

import os

project = "Activation functions, checked"
author = "the course's authors"
copyright = "text and figures CC BY 4.0, code BSD-3-Clause"
language = "en"
extensions = ["myst_nb", "sphinxext.opengraph"]
exclude_patterns = [".doctrees"]
nb_execution_mode = "off"  # build.py has run them: an explorer's page face is made then, and not saved
nb_render_markdown_format = "myst"  # outputs may hold tables and formulas
myst_enable_extensions = ["dollarmath"]
html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["katex/katex.min.css", "site.css"]
scripts = ["katex/katex.min.js", "katex/contrib/auto-render.min.js"]
html_js_files = [(name, {"defer": "defer"}) for name in scripts]
# Sphinx writes formulas between \( and \) and calls what shows them in the browser MathJax; here it is KaTeX.
mathjax_path = "math.js"
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "home_page_in_toc": True,
    "navbar_persistent": [],  # else a bar across the page repeats the sidebar's search
    "use_download_button": False,
    "use_fullscreen_button": False,
    "repository_url": f"https://github.com/{os.environ['REPOSITORY']}"
    if os.environ.get("REPOSITORY")
    else "",
}
ogp_site_url = os.environ.get("SITE_URL", "")
ogp_site_name = project
ogp_image = "_static/explorer.png"
ogp_image_alt = "An explorer: a curve with a tangent, its slope, and two sliders."
