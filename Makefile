# certbroker - one flat makefile. `make demo` and `make test` are all a newcomer needs.
#
#   make              the binary, .build/release/certbroker
#   make demo         install what is missing, build, play the main job before a real CFSSL
#   make test         every test, with sanitizers; ends with "N passed, N failed"
#   make unit         unit tests only; VARIANT=release|asan|tsan, MODULE=policy for one module
#   make lint         compiler warnings as errors, clang-tidy, cppcheck, include rules
#   make bench        the measurements quoted in README.md
#   make system       system tests only; VARIANT as above, T="files"
#   make fuzz         every fuzz target for FUZZ_SECONDS (10; 0: only built); fuzz-long: ten minutes each
#   make test-tamper  every bit of an audit log flipped, every line and length changed
#   make kill-loop    1,000 kill -9 cycles under 32 clients
#   make mutation     take out one safeguard of the audit log at a time: a test must fail for each
#   make screenshots  pictures of the audit report into .build/report-screens (needs chromium)
#   make help         this list
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
SHELL := /bin/bash
.DEFAULT_GOAL := all

# ---------------------------------------------------------------- variants
VARIANT ?= release
BUILD := .build/$(VARIANT)
CC_release := gcc
CC_asan := clang
CC_tsan := clang
CC_fuzz := clang
CC_lint := clang
CC_gcclint := gcc
OPT_release := -O2 -g
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DCB_SANITIZED
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -DCB_SANITIZED
OPT_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
            -fno-sanitize-recover=all -DCB_FUZZING
OPT_lint := -O2 -Werror
OPT_gcclint := -O2 -Werror -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
HARDEN_release := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
                  -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
CC := $(CC_$(VARIANT))

PKGS := libevent_core libevent_openssl libcurl libssl libcrypto yaml-0.1 sqlite3 libcjson \
        libpcre2-8 libpsl glib-2.0 libzstd libpq
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wold-style-definition -Wvla -Wundef -Wcast-align -Wcast-qual \
        -Wwrite-strings -Wpointer-arith -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough \
        -Wdouble-promotion
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(WARN) $(OPT_$(VARIANT)) -fPIE -fno-common \
             $(HARDEN_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS = -pie $(filter -fsanitize=%,$(OPT_$(VARIANT))) \
              -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(LDFLAGS)

# ---------------------------------------------------------------- what is built from what
# A module is a folder; `make lint` checks who may include whom.
MODULES := base policy tlog audit verify edge ca issued limits jwt request history cli tools review report \
           reconcile ship witness anchor broker
DIR_base := broker/base
DIR_policy := policy
DIR_tlog := audit/tlog
DIR_audit := audit audit/read audit/seal audit/keep
DIR_verify := audit/verify
DIR_edge := broker/edge
DIR_ca := broker/ca
DIR_issued := broker/issued
DIR_limits := broker/limits
DIR_jwt := broker/jwt
DIR_request := broker/request
DIR_history := broker/history
DIR_cli := broker/cli
DIR_tools := broker/tools
DIR_review := broker/review
DIR_report := broker/report
DIR_reconcile := broker/reconcile
DIR_ship := broker/ship
DIR_witness := broker/witness
DIR_anchor := broker/anchor
DIR_broker := broker/config broker/control broker/reload broker/server broker/worker broker/commands
# Libraries a module's unit tests link, dependants first.
LIBS_base := base
LIBS_policy := policy base
LIBS_tlog := tlog base
LIBS_audit := audit tlog base
LIBS_verify := verify audit tlog base
LIBS_edge := edge base
LIBS_ca := ca policy base
LIBS_issued := issued audit tlog base
LIBS_limits := limits policy base
LIBS_jwt := jwt base
LIBS_request := request edge ca issued limits jwt audit tlog policy base
LIBS_history := history audit tlog policy base
LIBS_cli := cli policy base
LIBS_tools := tools history request edge ca issued limits jwt cli audit tlog policy base
LIBS_review := review history request edge ca issued limits jwt cli anchor verify audit tlog policy base
LIBS_report := report review history request edge ca issued limits jwt cli anchor verify audit tlog policy base
LIBS_reconcile := reconcile cli ca audit tlog policy base
LIBS_ship := ship audit tlog base
LIBS_witness := witness cli edge audit tlog policy base
LIBS_anchor := anchor audit tlog base
LIBS_broker := broker tools report review reconcile ship witness anchor history request edge ca issued limits jwt \
               cli verify audit tlog policy base

objs = $(patsubst %.c,$(BUILD)/%.o,$(foreach d,$(DIR_$(1)),$(wildcard $(d)/*.c)))
lib = $(BUILD)/lib$(1).a
define module_rules
$(call lib,$(1)): $(call objs,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rules,$(m))))

.PHONY: all
all: $(BUILD)/certbroker

$(BUILD)/certbroker: $(BUILD)/broker/main.o $(foreach m,$(LIBS_broker),$(call lib,$(m)))
	$(CC) $(ALL_LDFLAGS) -o $@ $(BUILD)/broker/main.o -Wl,--start-group \
	    $(foreach m,$(LIBS_broker),$(call lib,$(m))) -Wl,--end-group $(PKG_LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---------------------------------------------------------------- unit tests
# tests/unit/MODULE/test_*.c is one cmocka program each, linked with that module's libraries.
MODULE ?= $(MODULES)
UNIT_SRC := $(foreach m,$(MODULE),$(wildcard tests/unit/$(m)/test_*.c))
UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
define unit_rules
$(BUILD)/tests/unit/$(1)/test_%: $(BUILD)/tests/unit/$(1)/test_%.o $(foreach m,$(LIBS_$(1)),$(call lib,$(m)))
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$< -Wl,--start-group \
	    $(foreach m,$(LIBS_$(1)),$(call lib,$(m))) -Wl,--end-group $$(PKG_LIBS) -lcmocka
endef
$(foreach m,$(MODULES),$(eval $(call unit_rules,$(m))))

.PHONY: unit unit-programs
unit-programs: $(UNIT_BIN)
# Two at a time: most of them wait for disks and threads.
unit: $(UNIT_BIN)
	@printf '%s\n' $(UNIT_BIN) | xargs -P 2 -n 1 tests/unit_one.sh

# ---------------------------------------------------------------- fuzz targets
# tests/fuzz/MODULE/fuzz_*.c, libFuzzer; corpus in tests/fuzz/MODULE/corpus_NAME/ where there is one.
FUZZ_SECONDS ?= 10
FUZZ_SRC := $(foreach m,$(MODULE),$(wildcard tests/fuzz/$(m)/fuzz_*.c))
FUZZ_BIN := $(patsubst %.c,.build/fuzz/%,$(FUZZ_SRC))
ifeq ($(VARIANT),fuzz)
define fuzz_rules
$(BUILD)/tests/fuzz/$(1)/fuzz_%: $(BUILD)/tests/fuzz/$(1)/fuzz_%.o $(foreach m,$(LIBS_$(1)),$(call lib,$(m)))
	$$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$< -Wl,--start-group \
	    $(foreach m,$(LIBS_$(1)),$(call lib,$(m))) -Wl,--end-group $$(PKG_LIBS)
endef
$(foreach m,$(MODULES),$(eval $(call fuzz_rules,$(m))))
endif
.PHONY: fuzz
fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz MODULE="$(MODULE)" $(FUZZ_BIN)
	@[ "$(FUZZ_SECONDS)" != 0 ] || { echo "# built, not run (FUZZ_SECONDS=0)"; exit 0; }; \
	status=0; for f in $(FUZZ_BIN); do \
	  name=$$(basename $$f); seed=$$(dirname tests/fuzz/$${f#*tests/fuzz/})/corpus_$${name#fuzz_}; \
	  work=.build/corpus/$$name; mkdir -p $$work; \
	  [ -d $$seed ] || seed=; \
	  echo "# $$name for $(FUZZ_SECONDS) s"; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 -print_final_stats=0 \
	      -verbosity=0 -artifact_prefix=.build/corpus/$$name- $$work $$seed || status=1; done; exit $$status

# ---------------------------------------------------------------- what has to be installed
# Debian 12 package names. `make deps` installs what is missing, and only asks for root if it must.
DEPS_BUILD := gcc make pkg-config libc6-dev libevent-dev libcurl4-openssl-dev libssl-dev libcjson-dev \
              libyaml-dev libsqlite3-dev libpcre2-dev libpsl-dev libglib2.0-dev libzstd-dev libpq-dev tzdata
DEPS_DEMO := $(DEPS_BUILD) golang-cfssl curl openssl sqlite3 python3
DEPS_TEST := $(DEPS_DEMO) clang libclang-rt-14-dev llvm-14 libcmocka-dev python3-pytest strace \
             e2fsprogs zstd rsyslog rsyslog-openssl postgresql golang-go golang-golang-x-mod-dev
DEPS_LINT := $(DEPS_TEST) clang-tidy cppcheck clang-format
DEPS_BENCH := $(DEPS_DEMO) nginx-light
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
define install
@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || echo $$p; done); \
if [ -n "$$missing" ]; then echo "installing:" $$missing; \
  { $(SUDO) apt-get update -qq && \
    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } \
  >.build-deps.log 2>&1 || { tail -n 20 .build-deps.log; rm -f .build-deps.log; exit 1; }; rm -f .build-deps.log; fi
endef
.PHONY: deps deps-demo deps-test deps-lint deps-bench
deps: ; $(call install,$(DEPS_BUILD))
deps-demo: ; $(call install,$(DEPS_DEMO))
deps-test: ; $(call install,$(DEPS_TEST))
deps-lint: ; $(call install,$(DEPS_LINT))
deps-bench: ; $(call install,$(DEPS_BENCH))

# The package folders are looked up by pkg-config when make starts, so what needs freshly installed
# packages runs in a second make.
AGAIN := @$(MAKE) --no-print-directory

# ---------------------------------------------------------------- the two commands
.PHONY: demo test
demo: deps-demo
	@echo "building ..."
	$(AGAIN) -s all >/dev/null
	@examples/demo/demo.sh .build/release/certbroker

test: deps-test
	@tests/run.sh

# ---------------------------------------------------------------- parts of the test run
PYTEST := /usr/bin/python3 -m pytest -q -p no:cacheprovider
.PHONY: system kill-loop mutation test-tamper lint bench fuzz-long clean help
# system tests against the real binary; VARIANT=asan|tsan, T=files
system: all
	CERTBROKER=$(CURDIR)/$(BUILD)/certbroker $(PYTEST) $(or $(T),tests/system)

# 1,000 kill -9 cycles under 32 clients
KILL_CYCLES ?= 1000
kill-loop: all
	CERTBROKER=$(CURDIR)/$(BUILD)/certbroker CERTBROKER_KILL_CYCLES=$(KILL_CYCLES) $(PYTEST) tests/system/test_kill.py

# the audit log without one of its safeguards, one after the other; M=WORD for some of them
mutation:
	@/usr/bin/python3 tests/mutation/run.py $(if $(M),--only "$(M)")

# every bit, line and length of a log of 1,000 records changed: minutes
test-tamper: $(BUILD)/tests/unit/verify/test_tamper
	CERTBROKER_TAMPER=full $<

# ten minutes for each fuzz target
fuzz-long:
	$(AGAIN) fuzz FUZZ_SECONDS=600

print-cflags:
	@echo $(ALL_CFLAGS)
.PHONY: print-cflags

lint: deps-lint
	$(AGAIN) -s lint-run
.PHONY: lint-run
lint-run:
	@tests/lint/run.sh

bench: deps-bench
	$(AGAIN) -s all
	@/usr/bin/python3 tests/bench/bench.py $(BENCH)

# pictures of the report, light and dark, phone to wide; needs chromium
screenshots: all
	@tests/report/screenshots.sh $(BUILD)/certbroker
.PHONY: screenshots

clean:
	rm -rf .build

help:
	@sed -n 's/^#   make/  make/p' Makefile

-include $(shell find .build -name '*.d' 2>/dev/null)
