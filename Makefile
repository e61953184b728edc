# make demo   the whole service against a sample wire, nothing else needed
# make test   every test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The tests that start real processes mostly wait for them: one worker more than there are cores keeps all busy.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: demo run test lint audit bench lock secrets clean

demo: $(VENV)/ready
	@$(BIN)/wirewatch demo

run: $(VENV)/ready
	@$(BIN)/wirewatch run

# Most tests run on both databases; ON=postgresql puts those on PostgreSQL for which one is enough.
test: $(VENV)/ready-dev
	ON=$(ON) $(BIN)/pytest -n $(WORKERS) --dist worksteal $(T)

lint: $(VENV)/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive wire storage worker scheduler desk service settings.py

# What polling costs beside its rivals, and what rules, back-tests, alerts and the desk cost; takes an hour and a half.
bench: $(VENV)/ready-bench
	$(BIN)/python -m bench.polling
	$(BIN)/python -m bench.polling --growth
	$(BIN)/python -m bench.stages
	$(BIN)/python -m bench.rules
	$(BIN)/python -m bench.backtest
	$(BIN)/python -m bench.latency
	$(BIN)/python -m bench.desk

# Resolves the dependencies anew; run it after changing them in pyproject.toml.
lock: $(VENV)/ready-dev
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --extra bench -c requirements-dev.lock pyproject.toml -o requirements-bench.lock
	echo 'pip-audit>=2.8' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --python-version 3.11 - -o requirements-audit.lock

# Passwords for docker-compose.yml, made once: readable in the containers, reachable on this machine by you alone.
secrets:
	@mkdir -p -m 700 secrets
	@for name in postgres_password redis_password grafana_password prometheus_token; do \
		test -e secrets/$$name || $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(24), end="")' > secrets/$$name; \
		chmod 444 secrets/$$name; done
	@ls -l secrets

# Known weaknesses of what we stand on, as the package index tells of them; of our own code `make lint` tells.
audit:
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	$(VENV)-audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner off -r requirements.lock

clean:
	rm -rf $(VENV) $(VENV)-audit build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

# What is installed is what the lock says, byte for byte; the program itself is linked, not copied.
$(VENV)/ready: requirements.lock pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/ready-bench: requirements-bench.lock $(VENV)/ready-dev
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

$(VENV)/ready-dev: requirements-dev.lock $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
