# `make demo` shows everything on invented listens, `make up` starts the real thing. The rest is for developers.
.DEFAULT_GOAL := help
PYTEST = .venv/bin/python -m pytest
RUN = .venv/requirements.ready
NOTEBOOK = .venv/requirements-notebook.ready
DEVELOP = .venv/requirements-dev.ready

.PHONY: help
help: ## these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.PHONY: setup
setup: $(RUN) ## the virtual environment, Java and the Delta JARs; done by itself before demo and up

$(RUN): requirements.lock conf/jars.lock
	@sh conf/setup.sh requirements.lock

$(NOTEBOOK): requirements.lock requirements-notebook.lock conf/jars.lock
	@sh conf/setup.sh requirements-notebook.lock
	@touch $(RUN)

$(DEVELOP): requirements.lock requirements-notebook.lock requirements-dev.lock conf/jars.lock
	@sh conf/setup.sh requirements-dev.lock
	@touch $(RUN) $(NOTEBOOK)

.PHONY: demo
demo: $(RUN) ## sample listens through the whole system, a table of top artists; stays up (DEMO_ONCE=1: ends)
	@exec ./spark_manage.py demo $(if $(filter-out 0,$(DEMO_ONCE)),--once)

.PHONY: up
up: $(RUN) ## everything on this machine, until Ctrl-C
	@exec ./spark_manage.py up

.PHONY: notebook
notebook: $(NOTEBOOK) ## Jupyter on the lake of the running system, read-only (DEMO=1: on that of the demo)
	@exec ./spark_manage.py notebook $(if $(filter-out 0,$(DEMO)),--demo)

.PHONY: check
check: $(DEVELOP) ## lint, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.PHONY: test
test: $(DEVELOP) ## everything, on real PostgreSQL, RabbitMQ and Spark
	@$(MAKE) --no-print-directory --keep-going -j2 test-spark test-rest

# Both halves mostly wait for what they have started: beside one another they take as long as the longer one alone.
.PHONY: test-spark test-rest
test-spark: $(DEVELOP)
	$(PYTEST) -m "not slow and spark"

test-rest: $(DEVELOP)
	@said=$$(mktemp) && { $(PYTEST) -m "not slow and not spark" >"$$said" 2>&1; status=$$?; \
		echo; echo "=== what needs no JVM ==="; cat "$$said"; rm "$$said"; exit $$status; }

.PHONY: test-fast
test-fast: $(DEVELOP) ## what needs no JVM and no RabbitMQ, within a minute
	$(PYTEST) -m "not slow and not spark and not servers" tests/unit tests/writer tests/consumer tests/reader tests/webapi

.PHONY: test-full
test-full: $(DEVELOP) ## `make test` and the longer runs
	$(PYTEST)

.PHONY: torture
torture: $(DEVELOP) ## kill parts at random under load for MINUTES (5), then check that nothing was lost
	.venv/bin/python -m tests.faults.torture --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1)

.PHONY: bench
bench: $(DEVELOP) ## measure ingest, reads, statistics, start and memory; the report is docs/benchmark.md
	.venv/bin/python -m tests.bench

.PHONY: docs
docs: $(DEVELOP) ## bring the generated tables of the README up to date
	.venv/bin/python -m tests.docs.generated --write

.PHONY: notebook-outputs
notebook-outputs: $(DEVELOP) ## run the notebooks on a generated lake, keep their outputs and plots
	RENEW_NOTEBOOKS=1 $(PYTEST) tests/notebooks/test_statistics.py

COMPILE = .venv/bin/python -m piptools compile -q --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: lock
lock: $(DEVELOP) ## pin again, with hashes, what requirements*.in ask for
	$(COMPILE) -o requirements.lock requirements.in
	$(COMPILE) -o requirements-dev.lock requirements-dev.in
	$(COMPILE) -c requirements-dev.lock -o requirements-notebook.lock requirements-notebook.in
