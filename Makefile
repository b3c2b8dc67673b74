# What to type. `make setup` says what it installs; the other targets call it, and it does nothing where nothing is missing.

CARGO ?= cargo
CARGO_DENY_VERSION := 0.20.2
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help setup compiler keyring prometheus ffmpeg ffmpeg-7 object-store devnet-parts deny demo no-floats test check gen

help:
	@echo "make setup   install what is missing: a C compiler and ffmpeg, for tests a keyring and Prometheus (Debian; for tests a newer ffmpeg and an object store, PyPI, pinned), anvil and Livepeer's contracts (npm, pinned)"
	@echo "make demo    a Livepeer protocol, an orchestrator, a node and a stream paid with tickets on this machine, verified"
	@echo "make test    all tests, against the real things"
	@echo "make check   what must hold before a commit: format, lints, licences, derived files, tests"
	@echo "make gen     write completions/, man/ and docs/metrics.md from the code"

setup: compiler keyring prometheus ffmpeg ffmpeg-7 object-store devnet-parts

# Rust links with it, and tests build drivers of their own.
compiler:
	@command -v cc >/dev/null || { \
		echo "setup: installing a C compiler from this machine's Debian packages"; \
		$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends gcc libc6-dev; \
	}

# A desktop's keyring and a bus to reach it, for the test that keeps a password there.
keyring:
	@command -v gnome-keyring-daemon >/dev/null && command -v dbus-run-session >/dev/null || { \
		echo "setup: installing a keyring for tests from this machine's Debian packages"; \
		$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends gnome-keyring dbus; \
	}

# Prometheus and its promtool, for tests that scrape a node and check alert rules. Its service is not started.
prometheus:
	@command -v prometheus >/dev/null && command -v promtool >/dev/null || { \
		echo "setup: installing Prometheus for tests from this machine's Debian packages"; \
		$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends prometheus; \
	}

ffmpeg:
	@if command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null; then \
		echo "setup: $$(ffmpeg -version | head -n 1 | cut -d' ' -f1-3) is there"; \
	else \
		echo "setup: installing ffmpeg from this machine's Debian packages"; \
		$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ffmpeg; \
	fi

# A second, newer ffmpeg that tests run the engine with; nothing else uses it. A static build inside a wheel, at the
# version and hashes of tests/ffmpeg-7.txt.
FFMPEG_7 := target/testbed/ffmpeg-7
ffmpeg-7:
	@if [ -x $(FFMPEG_7)/ffmpeg ]; then \
		echo "setup: $$($(FFMPEG_7)/ffmpeg -version | head -n 1 | cut -d' ' -f1-3) for tests is there"; \
	else \
		echo "setup: fetching ffmpeg 7 for tests ($$(grep -o '^[^ ]*==[^ ]*' tests/ffmpeg-7.txt), 30 MB) into $(FFMPEG_7)"; \
		python3 -m pip --version >/dev/null 2>&1 || { \
			echo "setup: installing pip from this machine's Debian packages"; \
			$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3-pip; \
		} || exit 1; \
		mkdir -p target/testbed && { [ -e target/CACHEDIR.TAG ] || \
			echo "Signature: 8a477f597d28d172789f06886806bc55" > target/CACHEDIR.TAG; } && fetched=$$(mktemp -d target/testbed/ffmpeg-7.XXXXXX) && trap 'rm -rf "$$fetched"' EXIT && \
		python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
			--dest "$$fetched" --requirement tests/ffmpeg-7.txt && \
		python3 -m zipfile -e "$$fetched"/*.whl "$$fetched"/wheel && mkdir -p $(FFMPEG_7) && \
		chmod 755 "$$fetched"/wheel/imageio_ffmpeg/binaries/ffmpeg-linux-* && \
		mv "$$fetched"/wheel/imageio_ffmpeg/binaries/ffmpeg-linux-* $(FFMPEG_7)/ffmpeg; \
	fi

# An S3 server that tests upload to; nothing else uses it. Python wheels, at the versions and hashes of
# tests/object-store.txt, in a folder of their own.
OBJECT_STORE := target/testbed/object-store
object-store: ffmpeg-7
	@if [ -e $(OBJECT_STORE)/requirements.txt ] && cmp -s tests/object-store.txt $(OBJECT_STORE)/requirements.txt; then \
		echo "setup: $$(grep -o '^moto==[^ ]*' tests/object-store.txt) for tests is there"; \
	else \
		echo "setup: fetching an object store for tests ($$(grep -o '^moto==[^ ]*' tests/object-store.txt), 30 MB) into $(OBJECT_STORE)"; \
		python3 -m pip --version >/dev/null 2>&1 || { \
			echo "setup: installing pip from this machine's Debian packages"; \
			$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3-pip; \
		} || exit 1; \
		fetched=$$(mktemp -d target/testbed/object-store.XXXXXX) && trap 'rm -rf "$$fetched"' EXIT && \
		python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --only-binary :all: --require-hashes \
			--no-compile --target "$$fetched"/libraries --requirement tests/object-store.txt && \
		cp tests/object-store.txt "$$fetched"/libraries/requirements.txt && \
		rm -rf $(OBJECT_STORE) && mv "$$fetched"/libraries $(OBJECT_STORE); \
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

# Amounts are integers: no floating point where money is read, shown, planned or booked. Times may be fractions.
MONEY := src/units.rs src/payments src/wallet src/reward src/chain/plan src/chain/preflight src/chain/ledger* \
	src/chain/exported src/exporter commands/src/exporter.rs \
	commands/src/stake commands/src/fees commands/src/token commands/src/deposit commands/src/ticket commands/src/transact.rs
no-floats:
	@! grep -rnE '\<f(32|64)\>|as_f64|to_f64|from_f64' $(MONEY) || { echo "check: floating point near money" >&2; exit 1; }

check: ffmpeg deny no-floats
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	$(CARGO) deny --workspace --log-level warn check licenses bans sources
	$(CARGO) xtask gen --check
	$(MAKE) test

gen:
	$(CARGO) xtask gen
