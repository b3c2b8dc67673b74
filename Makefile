# What to type. `make setup` says what it installs; the other targets call it, and it does nothing where nothing is missing.

CARGO ?= cargo
CARGO_DENY_VERSION := 0.20.2
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help setup ffmpeg devnet-parts deny demo test check gen

help:
	@echo "make setup   install what is missing: ffmpeg (Debian), anvil and Livepeer's contracts (npm, pinned)"
	@echo "make demo    a Livepeer protocol, an orchestrator, a node and a stream on this machine, verified"
	@echo "make test    all tests, against the real things"
	@echo "make check   what must hold before a commit: format, lints, licences, derived files, tests"
	@echo "make gen     write completions/ and man/ from the code"

setup: ffmpeg devnet-parts

ffmpeg:
	@if command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null; then \
		echo "setup: $$(ffmpeg -version | head -n 1 | cut -d' ' -f1-3) is there"; \
	else \
		echo "setup: installing ffmpeg from this machine's Debian packages"; \
		$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ffmpeg; \
	fi

# anvil and the protocol's contracts, at the versions and integrity hashes of assets/devnet/packages.toml.
devnet-parts:
	@command -v npm >/dev/null || { echo "setup: npm is missing; install Node.js with npm first" >&2; exit 1; }
	$(CARGO) run --quiet --bin lpctl -- devnet setup

deny:
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
		echo "setup: building cargo-deny $(CARGO_DENY_VERSION) (some minutes, once)"; \
		$(CARGO) install cargo-deny --locked --debug --version $(CARGO_DENY_VERSION); \
	fi

demo: ffmpeg
	$(CARGO) build --workspace --bins
	@command -v npm >/dev/null || { echo "setup: npm is missing; install Node.js with npm first" >&2; exit 1; }
	target/debug/lpctl devnet setup
	target/debug/xtask demo

test: setup
	$(CARGO) test --workspace

check: ffmpeg deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	$(CARGO) deny --workspace --log-level warn check licenses bans sources
	$(CARGO) xtask gen --check
	$(MAKE) test

gen:
	$(CARGO) xtask gen
