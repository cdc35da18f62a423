# make run    sets the machine up, builds, and opens the window; ARGS="film.reel" passes arguments on
# make test   sets the machine up and runs the whole check, as .ci/run does
# make test-slurm   renders on a real Slurm of one node, which it installs and starts for the test, and compares
# make checked    the tests again, with our own crate checking its arithmetic for overflow, and its debug assertions
# make screenshots   takes the README's pictures again, from the window that `make run` built

# One target folder for all checkouts, outside of them, so that a second clone does not compile the dependencies again.
CARGO_TARGET_DIR ?= $(HOME)/.cache/reelboard/target
export CARGO_TARGET_DIR
# Where rustup puts cargo; a shell that was open before rustup ran does not have it.
export PATH := $(PATH):$(HOME)/.cargo/bin

ARGS ?=

.PHONY: run test checked test-slurm setup models screenshots fmt clippy tests headless

run: setup
	cargo run -- $(ARGS)

# A test of its own: it installs Slurm, which few need.
test-slurm: setup
	cargo build
	scripts/test_slurm.sh "$(CARGO_TARGET_DIR)/debug/reelboard"

# Downloads the writer's model; says where from, how large and under which licence.
models: setup
	cargo run -- models fetch $(ARGS)

screenshots:
	@scripts/setup.sh gui-trial
	cargo build
	scripts/screenshots.sh

setup:
	@scripts/setup.sh

# In this order, whatever -j says: the quick checks first.
test: setup
	@$(MAKE) --no-print-directory fmt
	@$(MAKE) --no-print-directory clippy
	@$(MAKE) --no-print-directory tests
	@$(MAKE) --no-print-directory headless

checked: export CARGO_PROFILE_DEV_OVERFLOW_CHECKS = true
checked: export CARGO_PROFILE_DEV_DEBUG_ASSERTIONS = true
checked: setup tests

fmt:
	cargo fmt --check

clippy:
	cargo clippy --all-targets -- -D warnings

tests:
	@if cargo nextest --version >/dev/null 2>&1; then set -x; cargo nextest run; else set -x; cargo test --lib --bins --tests; fi
	cargo test --doc

# The library, the engine and the command line build without the window.
headless:
	cargo check --no-default-features
