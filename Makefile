# Two commands matter: `make run` and `make test`. The rest is for whoever works here.

.DEFAULT_GOAL := help
.PHONY: help run demo test fmt lint bench web e2e e2e-gateway surface fuzz proto helm clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build, and start the whole product with its own database
	@scripts/run $(ARGS)

demo: ## The same with a simulated gateway and scripted agents on a sample board; no OpenClaw needed
	@scripts/demo $(ARGS)

test: ## Run every test there is, with a PostgreSQL and a RabbitMQ of its own
	@scripts/test

fmt: ## Format everything
	@scripts/fmt

lint: ## The checks that need no server: formatting, documents, dependencies, proto, web, clippy
	@scripts/test format documents dependencies proto web clippy

bench: ## Measure the edge against the bare database
	@scripts/bench

web: ## Build the web into web/dist
	@scripts/web

e2e: ## Run the browser tests against the real stack
	@scripts/test build e2e

e2e-gateway: ## Prove the product against real OpenClaw gateways from npm; VERSIONS="2026.9.6" for some
	@scripts/test build
	@scripts/e2e-gateway $(VERSIONS)

surface: ## Hold the running product to the earlier REST API (docs/compatibility.md)
	@scripts/test build surface

fuzz: ## Fuzz the running product by its OpenAPI document; MINUTES=10 for longer and by chance
	@scripts/test build
	@scripts/fuzz $(if $(MINUTES),--minutes $(MINUTES))

proto: ## Lint the contract and generate the web's code from it
	@scripts/test proto
	@npm run --prefix web --silent generate

helm: ## Render the chart and check it against the Kubernetes schemas
	@scripts/test helm

clean: ## Remove what was built; the data directory stays
	rm -rf target web/dist web/node_modules web/src/gen
