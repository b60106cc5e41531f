# Everything a developer runs. Set-up lives in .venv alone, and each step of it is skipped when what it
# was made from has not changed: the stamps in .venv are copies of those files, written last, so that an
# interrupted step is simply done again. Needs a POSIX sh, GNU make and Python; no git, no Node.

PYTHON ?= python3
# Tests run in that many processes, a file in one of them; `make test WORKERS=0` runs them in this one.
# More than small machines have cores: tests also wait, for servers, browsers and clocks.
WORKERS ?= 4
# Extra arguments: `make test PYTEST_ARGS="-k tokens"`, `make serve SERVE_ARGS="--port 9000"`.
PYTEST_ARGS ?=
SERVE_ARGS ?=
BENCH_ARGS ?=
# `make lock UPGRADE=--upgrade` takes the newest versions; without it, only what has to change does.
UPGRADE ?=
# The tests whose trials, rounds and seconds `make soak` raises (tests/support/soak.py).
SOAKED = tests/test_neighbours.py tests/test_races_of_tokens.py tests/test_races_of_admins.py tests/test_kill.py \
	tests/test_linearizability.py tests/test_digest_key_change.py tests/test_canary.py tests/test_raw_bytes.py \
	tests/test_races_of_rotations.py tests/test_races_of_conditions.py tests/test_kill_of_pick_ups.py \
	tests/test_rotation_histories.py tests/server/operations/test_revocation.py \
	tests/test_races_of_policies.py tests/test_kill_of_deliveries.py tests/test_races_of_events.py \
	tests/test_races_of_removals.py tests/test_races_of_access_requests.py tests/test_explain.py \
	tests/test_right_size.py tests/server/export/test_stream.py tests/test_failover.py \
	tests/server/graphql/test_random_queries.py
ON_CITUS = tests/citus/on_nodes.py tests/citus/upgrades.py tests/test_documented_flow.py tests/test_linearizability.py tests/test_races_of_tokens.py \
	tests/test_races_of_rotations.py tests/test_races_of_conditions.py tests/server/decisions/test_distributed.py \
	tests/server/decisions/test_log.py
# Left out: tests of SQLite; of a database that is not distributed; of a node that a trigger stands for,
# which tables of Citus cannot have; and of a statement for which a real Citus has an error of its own.
CITUS_TESTS = not sqlite and not way_is_chosen and not whose_node_is_down and not planted
UV = uv==0.13.9

VENV = .venv
BIN = $(VENV)/bin
# --only-binary: building a source archive would fetch build tools that no lock file names.
PIP = $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
PIP_LOCKED = $(PIP) install --require-hashes --only-binary :all:
COMPILE = .lock-tools/bin/uv --no-config --quiet pip compile --universal --python-version 3.11 \
	--no-python-downloads --generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

# $(call step,TITLE,COMMAND): says what runs, and on failure what failed.
step = @printf '== %s\n' '$(1)'; $(2) || { printf '\nmake: %s failed; nothing after it was run.\n' '$(1)' >&2; exit 1; }
# $(call once,FILE,COMMAND): runs COMMAND unless FILE is, byte for byte, what it last succeeded with.
once = if ! cmp -s $(1) $(VENV)/.done-$(1); then $(2) && cp $(1) $(VENV)/.part && mv $(VENV)/.part $(VENV)/.done-$(1); fi

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install serve test suite soak citus upgrade latest lint lock schema migration bench screenshots clean python venv packages dev-packages browser

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

install: packages ## set-up alone: .venv with everything that runs the service, and the console's pages
	@$(BIN)/python -m server.console.build

serve: install ## set up what is missing, then run the service with a demo tenant
	@exec $(BIN)/tessera serve --demo $(SERVE_ARGS)

test: lint suite ## set up what is missing, then lint, type checks and all tests

# Bytecode is kept even where the environment says otherwise: each of the tests' many processes would
# compile everything again.
suite soak: export PYTHONDONTWRITEBYTECODE =

suite: install browser
	$(call step,pytest,$(BIN)/python -m pytest --numprocesses=$(WORKERS) \
		--dist=loadfile --no-loadscope-reorder $(PYTEST_ARGS))

soak: install dev-packages ## repeat races, kills, histories, neighbours, keys, canaries and random bytes for longer
	$(call step,pytest,TESSERA_TEST_SOAK=1 $(BIN)/python -m pytest $(SOAKED) tests/upgrade/next_version.py $(PYTEST_ARGS))

# The arguments beside tests/citus are tests of `make test` that mean something on several nodes.
citus: install dev-packages ## test on an empty database of a real Citus: make citus URL=postgres://…
	@[ -n '$(URL)' ] || { echo 'make: give the database at the coordinator: make citus URL=postgres://…' >&2; exit 1; }
	$(call step,pytest,TESSERA_TEST_CITUS_URL='$(URL)' $(BIN)/python -m pytest --numprocesses=0 -k '$(CITUS_TESTS)' \
		$(ON_CITUS) $(PYTEST_ARGS))

# The earlier version runs with the packages of this one. A commit needs git; a wheel or a folder with the sources does not.
upgrade: install dev-packages ## upgrade under load from an earlier version, and back: make upgrade FROM=COMMIT
	@[ -n '$(FROM)' ] || { echo 'make: give a commit, a wheel or a folder: make upgrade FROM=…' >&2; exit 1; }
	$(call step,pytest,TESSERA_TEST_UPGRADE_FROM='$(FROM)' $(BIN)/python -m pytest --numprocesses=0 --capture=no \
		tests/upgrade/two_versions.py $(PYTEST_ARGS))

# A copy with a .venv of its own, so that a failure changes nothing here. Without the pins of
# pyproject.toml, whose packages may break with any release: the tests tell what did.
latest: ## run all tests on the newest versions of all packages, in the folder .latest
	@rm -rf .latest && mkdir .latest
	@tar -cf - --exclude=./.git --exclude=./.venv --exclude=./.latest --exclude=./.lock-tools --exclude=./tests/bench/rivals/node_modules . | tar -xf - -C .latest
	@sed 's/==[0-9][0-9.]*"/"/' pyproject.toml > .latest/pyproject.toml
	@$(MAKE) --no-print-directory -C .latest lock UPGRADE=--upgrade
	@echo 'Newer than locked:'
	@diff requirements-dev.txt .latest/requirements-dev.txt | sed -n 's/^> \([^ ]*==[^ ]*\).*/  \1/p'
	@$(MAKE) --no-print-directory -C .latest suite

lint: dev-packages ## lint, format and type checks alone, fastest first
	$(call step,ruff check,$(BIN)/ruff check --quiet)
	$(call step,ruff format --check,$(BIN)/ruff format --check --quiet || \
		{ $(BIN)/ruff format --diff --quiet; echo "To format: $(BIN)/ruff format" >&2; false; })
	$(call step,mypy,$(BIN)/mypy --no-error-summary)

lock: python ## work out all lock files from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@[ -x .lock-tools/bin/uv ] || { $(PYTHON) -m venv --clear .lock-tools \
		&& .lock-tools/bin/python -m pip --disable-pip-version-check --no-input -qq install '$(UV)'; }
	@$(COMPILE) --extra build --output-file requirements.txt pyproject.toml
	@$(COMPILE) --extra build --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	@$(COMPILE) --extra build --extra otel --constraint requirements-dev.txt --output-file requirements-otel.txt pyproject.toml
	@$(COMPILE) --output-file tests/bench/rivals/requirements.txt tests/bench/rivals/requirements.in

schema: install ## write schema.graphql
	@$(BIN)/tessera schema > $(VENV)/.part && mv $(VENV)/.part schema.graphql

migration: install ## write the migration of a changed model: make migration NAME=what_changes
	@[ -n '$(NAME)' ] || { echo 'make: say what changes: make migration NAME=what_changes' >&2; exit 1; }
	@$(BIN)/tortoise -c server.database.MIGRATIONS_CONFIG makemigrations --name '$(NAME)'

# The rivals' own packages are installed by the bench, below tests/bench/rivals and .venv.
bench: install dev-packages ## measure beside rivals, and write docs/benchmarks.md and README's figures
	@$(BIN)/python -m tests.bench --write $(BENCH_ARGS)

screenshots: install browser ## make the README's pictures of the console anew
	@$(BIN)/python -m tests.support.screenshots

clean: ## remove all that set-up, builds and tests made; databases stay
	@rm -rf $(VENV) .latest .lock-tools build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@rm -rf server/console/assets* server/console/web/node_modules server/console/web/generated tests/chromium/node_modules tests/chromium/unpacked* tests/node/node_modules tests/bench/rivals/node_modules
	@find models server tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The steps of set-up.

python:
	@command -v '$(PYTHON)' >/dev/null || { echo "make: there is no $(PYTHON) here. Tessera needs Python 3.11 or newer:" \
		"make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is" \
		"$$('$(PYTHON)' --version 2>&1); Tessera needs Python 3.11 or newer: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) has no venv module" \
		"(on Debian: apt-get install python3-venv)." >&2; exit 1; }

# A venv holds absolute paths: one that was made elsewhere and copied or moved here is made anew.
venv:
	@[ "$$(cat $(VENV)/.made-in 2>/dev/null)" = '$(CURDIR)' ] && $(BIN)/python -c '' 2>/dev/null || { \
		$(MAKE) --no-print-directory python \
		&& '$(PYTHON)' -m venv --clear $(VENV) && printf '%s\n' '$(CURDIR)' > $(VENV)/.made-in; }

packages: venv
	@$(call once,requirements.txt,{ echo 'Installing packages (once, and again when requirements.txt changes) …'; \
		$(PIP_LOCKED) -r requirements.txt; })
	@$(call once,pyproject.toml,$(PIP) install --no-index --no-deps --no-build-isolation --editable .)

dev-packages: packages
	@$(call once,requirements-dev.txt,{ echo 'Installing the tools for tests (once, and again when requirements-dev.txt changes) …'; \
		$(PIP_LOCKED) -r requirements-dev.txt; })

# Does nothing where the machine has a browser.
browser: dev-packages
	@$(BIN)/python -m tests.support.browser
