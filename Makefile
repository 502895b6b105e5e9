# sagews: `make run` is all that is needed to try it; `make help` lists the rest.
# Every target first sets up what it needs, and is quick when there is nothing to do.

PYTHON ?= python3
SETUP   = @command -v $(PYTHON) >/dev/null || { echo "sagews needs Python 3.11 or newer, and there is no $(PYTHON) here (on Debian and Ubuntu: sudo apt install python3 python3-venv)." >&2; exit 1; }; \
          $(PYTHON) tools/setup.py
IN      = .venv/bin/python
SITE   ?= $(shell [ "$$(id -u)" = 0 ] && echo /srv/sagews || echo site)

.DEFAULT_GOAL := help
.PHONY: help setup client run site test check bench format lock clean

help: ## list the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\): ## /  \1 /p' Makefile | while read -r target text; do printf '  %-8s %s\n' "$$target" "$$text"; done
	@echo "Another Python: make run PYTHON=python3.12. More options: make run ARGS='--port 8080'."
	@echo "A whole site elsewhere: make site SITE=/srv/mathematics ARGS='--address sage.example.org'."

run: ## set up, start sagews here and print the address to open (Ctrl-C ends it)
	$(SETUP) runtime client
	@exec $(IN) -m sagews run $(ARGS)

site: ## make and start a whole site in SITE=FOLDER: load balancers, database, backends, workers ...; again: start what does not run
	$(SETUP) site runtime client
	@$(IN) -m sagews init "$(SITE)" $(ARGS)
	@$(IN) -m sagews start --config "$(SITE)/sagews.toml"
	@$(IN) -m sagews status --config "$(SITE)/sagews.toml"
	@echo "docs/operators-guide.md says how to go on."

setup: ## install Sage and the other packages, and build the browser files
	$(SETUP) runtime client
	@echo "sagews is set up: make run starts it."

client: ## build the browser files into client/dist
	$(SETUP) runtime client

test: ## run all tests; as root, install the servers and browsers that they need
	$(SETUP) development client servers
	@$(IN) -m tools.test $(ARGS)

check: ## check style, types, imports and formatting
	$(SETUP) development client-packages
	@$(IN) -m tools.check $(ARGS)

bench: ## measure sagews beside Jupyter Server and print the table
	$(SETUP) development client servers
	@$(IN) -m benchmarks $(ARGS)

format: ## bring the Python files into our form
	$(SETUP) development
	@$(IN) -m ruff check --quiet --fix-only . && $(IN) -m ruff format .

lock: ## write requirements*.txt anew from requirements*.in
	$(SETUP) development
	@$(IN) -m tools.lock $(ARGS)

clean: ## remove everything that was made (not data/)
	@rm -rf .venv .setup client/node_modules client/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './data/*' -prune -exec rm -rf {} +
	@echo "Removed: .venv, .setup, the browser files and all caches."
