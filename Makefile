# Everything begins with `make setup`: a virtual environment with pinned versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NAME ?=
FLAGS ?=

.PHONY: setup demo test check docs bench peers validators clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable .
	@touch $@

demo: setup
	@$(BIN)/civigrid demo $(FLAGS)

test: check
	@$(BIN)/python -m pytest -q -n auto $(FLAGS)

check: setup
	@$(BIN)/ruff format --check --quiet . && echo "format: ok"
	@$(BIN)/ruff check --quiet . && echo "lint: ok"
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/codespell src docs README.md CONTRIBUTING.md CHANGELOG.md grids boundaries examples && echo "spelling: ok"
	@$(BIN)/validate-pyproject pyproject.toml

docs: setup
	@rm -rf build/site && $(BIN)/python -m sphinx --fail-on-warning --keep-going -q -j auto -d build/docs -b html docs build/site
	@echo "Site: build/site/index.html"

peers: setup
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group peers \
	  || echo "peers could not be installed: benchmarks will report them as absent"

# they hold older libraries than ours, so they live in an environment of their own
validators:
	@test -x .venv-validators/bin/python || $(PYTHON) -m venv .venv-validators
	@.venv-validators/bin/python -m pip install --quiet --requirement tests/validators.txt \
	  || echo "validators could not be installed: their test will be skipped"

bench: peers
	@$(BIN)/python -m benchmarks $(NAME) $(FLAGS)

clean:
	rm -rf $(VENV) .venv-validators runs dist build .mypy_cache .ruff_cache .pytest_cache
