# Every verb sets up .venv by itself. `make` alone lists the verbs.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# A stamp is written last, so a half-finished installation is done again.
COURSE := $(VENV)/.course-installed
TOOLS := $(VENV)/.tools-installed
# The tools of the pages would change JupyterLab if they shared its environment.
SITE_BIN := site/.venv/bin
SITE := site/.venv/.installed
PINS := requirements.txt constraints.txt pyproject.toml

# A .venv whose Python is gone or too old is made again, whatever its stamp says.
ifneq ($(shell tools/venv check && echo usable),usable)
.PHONY: $(COURSE)
endif

# JupyterLab refuses to run as root unless told; containers run as root.
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

# Otherwise a saved notebook shows "model not found" in place of its pictures when it is opened again.
SAVING := --ServerApp.contents_manager_class=helpers.saving.PicturesInFiles

.DEFAULT_GOAL := help
.PHONY: help lab test portable site notebooks colab accuracy bench picture lock clean

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: $(COURSE)  ## open the course in JupyterLab (ARGS=--no-browser passes options on)
	$(BIN)/jupyter lab $(ROOT) $(SAVING) $(ARGS) notebooks/index.ipynb

test: $(TOOLS)  ## lint, types, unit tests, browser tests, and every notebook against its saved outputs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy helpers
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env --nbval-cell-timeout 120 $(ARGS)

portable: $(TOOLS)  ## run the lessons as on other processors, and print a table (ARGS="Haswell moved" picks some)
	$(BIN)/python -m tools.portable $(ARGS)

site: $(SITE)  ## build the web pages in site/_build (REPOSITORY=owner/name adds the buttons of Binder and Google Colab)
	$(SITE_BIN)/python site/build.py $(ARGS)

notebooks: $(TOOLS)  ## run every notebook and save its outputs (ARGS=path runs one)
	$(BIN)/python tools/run_notebooks.py $(ARGS)

colab: $(COURSE)  ## let the notebooks fetch the course on Google Colab (REPOSITORY=owner/name says from where)
	$(BIN)/python tools/colab.py $(REPOSITORY)

accuracy: $(TOOLS)  ## measure the accuracy of every activation function
	$(BIN)/python benchmarks/accuracy.py

bench: $(TOOLS)  ## measure again all that the README quotes: sliders in a real browser, regions, speed, accuracy
	$(BIN)/python benchmarks/slider_latency.py $(ARGS)
	$(BIN)/python benchmarks/regions.py $(ARGS)
	$(BIN)/python benchmarks/experiments.py $(ARGS)
	$(BIN)/python benchmarks/catalogue.py $(ARGS)
	$(BIN)/python benchmarks/accuracy.py

picture: $(TOOLS)  ## take the README's moving picture, in a real browser
	$(BIN)/python tools/readme_picture.py

lock: $(TOOLS)  ## resolve constraints.txt again from the requirements files
	$(BIN)/python -m pip install --quiet uv
	: > constraints.txt
	grep -hv '^-' requirements.txt requirements-dev.txt requirements-site.txt | $(BIN)/uv pip compile --universal \
		--python-version 3.11 --no-header --no-annotate --no-emit-index-url -o constraints.txt -

clean:  ## remove .venv and the caches
	rm -rf $(VENV) site/.venv site/_build site/_source site/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(COURSE): $(PINS)
	@rm -f $@
	@PYTHON="$(PYTHON)" tools/venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(TOOLS): $(COURSE) requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# npm, too, comes from PyPI: the machine needs none.
$(SITE): $(COURSE) requirements-site.txt site/package-lock.json
	$(BIN)/python -m venv --clear site/.venv
	$(SITE_BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-site.txt
	PATH="$(CURDIR)/$(SITE_BIN):$$PATH" $(SITE_BIN)/npm ci --prefix site --silent
	@touch $@
