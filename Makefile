# Thin names for the scripts in tools/; each says itself what it does.
.PHONY: start test check bench validate page clean

LAB ?= unsegregated-shop

start: ## a running lab, from whatever this machine has
	@tools/start $(LAB)

test: ## every test; options for pytest: make test T="-k images"
	@tools/test $(T)

check: ## style, types, dead code, scripts, documents
	@tools/check

validate: ## the proof of every bundled scenario; options: make validate T="--quick"
	@tools/validate $(T)

bench: ## the speeds that the project promises, as ratios
	@tools/bench $(T)

page: ## the page that lab open shows
	@tools/page

clean: ## what the scripts made in this folder; engine, images and labs stay
	rm -rf .venv .cache site/page/node_modules labrunner/web/static .mypy_cache .ruff_cache .pytest_cache
