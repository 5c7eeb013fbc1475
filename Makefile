# `make demo` shows everything on invented listens, `make up` starts the real thing. The rest is for developers.
.DEFAULT_GOAL := help
PYTEST = .venv/bin/python -m pytest
RUN = .venv/requirements.ready
NOTEBOOK = .venv/requirements-notebook.ready
DEVELOP = .venv/requirements-dev.ready
AUDIT = .venv-audit/requirements-audit.ready

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
	@$(MAKE) --no-print-directory --keep-going -j2 test-session test-systems test-api test-rest

# Two at a time, the longest first: what shares the Spark session of the run, what starts whole systems, what asks the
# API or looks at pages, and all others. The first says what it does; the others tell at their end.
TOLD = said=$$(mktemp) && { $(PYTEST) $(1) >"$$said" 2>&1; status=$$?; \
	echo; echo "=== $@ ==="; cat "$$said"; rm "$$said"; exit $$status; }
WITHOUT_JVM = -m "not slow and not spark and not session"

.PHONY: test-session test-systems test-api test-rest
test-session: $(DEVELOP)
	$(PYTEST) -m "not slow and session"

test-systems: $(DEVELOP)
	@$(call TOLD,-m "not slow and spark and not session")

test-api: $(DEVELOP)
	@$(call TOLD,$(WITHOUT_JVM) tests/webapi tests/pages)

test-rest: $(DEVELOP)
	@$(call TOLD,$(WITHOUT_JVM) --ignore tests/webapi --ignore tests/pages)

.PHONY: test-fast
test-fast: $(DEVELOP) ## what needs no JVM and no RabbitMQ, within a minute
	$(PYTEST) -m "not slow and not spark and not servers" tests/unit tests/writer tests/consumer tests/reader tests/webapi

.PHONY: test-full
test-full: $(DEVELOP) ## `make test` and the longer runs
	$(PYTEST)

# In an environment of its own: what is audited shall not decide what audits. --strict, for a package that was not found
# among the advisories would pass.
$(AUDIT): requirements-audit.lock | $(RUN)
	.venv/bin/python -m venv --clear .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@touch $(AUDIT)

.PHONY: audit
audit: $(AUDIT) ## known vulnerabilities of every locked package; needs PyPI, and fails when it cannot ask
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock

.PHONY: torture
torture: $(DEVELOP) ## kill parts at random under load for MINUTES (5), then check that nothing was lost
	.venv/bin/python -m tests.faults.torture --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1)

.PHONY: bench
bench: $(DEVELOP) ## measure ingest, reads, statistics, start and memory; the report is docs/benchmark.md
	.venv/bin/python -m tests.bench

.PHONY: quality
quality: $(DEVELOP) ## measure recommendation models on real listens; the report is docs/recommendations.md
	.venv/bin/python -m tests.quality

.PHONY: docs
docs: $(DEVELOP) ## bring the generated tables of the README up to date
	.venv/bin/python -m tests.docs.generated --write

.PHONY: notebook-outputs
notebook-outputs: $(DEVELOP) ## run the notebooks on a generated lake, keep their outputs and plots
	RENEW_NOTEBOOKS=1 $(PYTEST) tests/notebooks

COMPILE = .venv/bin/python -m piptools compile -q --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: lock
lock: $(DEVELOP) ## pin again, with hashes, what requirements*.in ask for
	$(COMPILE) -o requirements.lock requirements.in
	$(COMPILE) -o requirements-dev.lock requirements-dev.in
	$(COMPILE) -o requirements-audit.lock requirements-audit.in
	$(COMPILE) -c requirements-dev.lock -o requirements-notebook.lock requirements-notebook.in
