# certbroker - one flat makefile. `make demo` and `make test` are all a newcomer needs.
#
#   make              the binary, .build/release/certbroker
#   make demo         install what is missing, build, play the main job before a real CFSSL
#   make test         every test, with sanitizers; ends with "N passed, N failed"
#   make unit         unit tests only; VARIANT=release|asan|tsan, MODULE=policy for one module
#   make lint         compiler warnings as errors, clang-tidy, cppcheck, include rules
#   make bench        the measurements quoted in README.md
#   make help         all targets
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
SHELL := /bin/bash

# ---------------------------------------------------------------- variants
VARIANT ?= release
BUILD := .build/$(VARIANT)
CC_release := gcc
CC_asan := clang
CC_tsan := clang
CC_fuzz := clang
CC_lint := clang
OPT_release := -O2 -g
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
            -fno-sanitize-recover=all -DCB_FUZZING
OPT_lint := -O2 -Werror
HARDEN_release := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
                  -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
CC := $(CC_$(VARIANT))

PKGS := libevent_core libevent_openssl libcurl libssl libcrypto yaml-0.1 sqlite3 libcjson
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread

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
MODULES := base policy audit edge ca issued request broker
DIR_base := broker/base
DIR_policy := policy
DIR_audit := audit
DIR_edge := broker/edge
DIR_ca := broker/ca
DIR_issued := broker/issued
DIR_request := broker/request
DIR_broker := broker
# Libraries a module's unit tests link, dependants first.
LIBS_base := base
LIBS_policy := policy base
LIBS_audit := audit base
LIBS_edge := edge base
LIBS_ca := ca policy base
LIBS_issued := issued audit base
LIBS_request := request policy audit base
LIBS_broker := broker request edge ca issued audit policy base

objs = $(patsubst %.c,$(BUILD)/%.o,$(filter-out broker/main.c,$(wildcard $(DIR_$(1))/*.c)))
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

.PHONY: unit
unit: $(UNIT_BIN)
	@status=0; for t in $(UNIT_BIN); do echo "# $$t"; $$t || status=1; done; exit $$status

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
	@status=0; for f in $(FUZZ_BIN); do \
	  name=$$(basename $$f); seed=$$(dirname tests/fuzz/$${f#*tests/fuzz/})/corpus_$${name#fuzz_}; \
	  work=.build/corpus/$$name; mkdir -p $$work; \
	  [ -d $$seed ] || seed=; \
	  echo "# $$name for $(FUZZ_SECONDS) s"; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 -print_final_stats=0 \
	      -verbosity=0 -artifact_prefix=.build/corpus/$$name- $$work $$seed || status=1; done; exit $$status

-include $(shell find .build -name '*.d' 2>/dev/null)
