# mcproxy: `make help` explains the targets. Everything built goes to $(BUILD)/<variant>/.

VERSION ?= 0.1.0
BUILD   ?= build
VARIANT ?= release
PREFIX  ?= /usr/local
PYTHON  ?= /usr/bin/python3
JOBS    ?= $(shell nproc)
FUZZ_SECONDS ?= 60
CHAOS_SECONDS ?= 600
# Only these folders of src/ and tests/unit/, for example FOLDERS="base http"; empty: all.
FOLDERS ?=

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
export BUILD FOLDERS JOBS PYTHON PYTHONDONTWRITEBYTECODE := 1

B := $(BUILD)/$(VARIANT)
comma := ,
empty :=
space := $(empty) $(empty)
# Runs make for one variant, in parallel unless the caller has chosen the number of jobs.
SUBMAKE = +@$(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

# ---- Flags ------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wmissing-prototypes \
            -Wstrict-prototypes -Wvla -Werror
pkg = $(shell pkg-config $(1) 2>/dev/null)

# llhttp is a library of its own in newer releases; before that its sources come with node-llhttp.
LLHTTP_PKG := $(call pkg,--modversion libllhttp)
ifneq ($(LLHTTP_PKG),)
LLHTTP_CFLAGS := $(call pkg,--cflags libllhttp)
LLHTTP_LIBS   := $(call pkg,--libs libllhttp)
LLHTTP_NAMES  :=
else
LLHTTP_CFLAGS := -isystem /usr/share/include/llhttp
LLHTTP_LIBS   :=
LLHTTP_NAMES  := api http llhttp
endif
CPPFLAGS_ALL := -std=gnu17 -D_GNU_SOURCE -DMCPROXY_VERSION='"$(VERSION)"' -Isrc $(LLHTTP_CFLAGS)
LIBS := -Wl,--as-needed -lev -lyaml -lcares -lssl -lcrypto -lpcre2-8 -lxxhash -lzstd -lbrotlienc -lbrotlidec -lz -lpthread -lm

HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=3 -fstack-clash-protection \
          -ftrivial-auto-var-init=zero $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
HARDEN_LINK := -pie -Wl,-z,relro,-z,now

CC_release := gcc
CF_release := -O2 -g -fPIE $(HARDEN)
LF_release := $(HARDEN_LINK)
CC_debug   := gcc
CF_debug   := -O0 -g3
CC_asan    := gcc
CF_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LF_asan    := -fsanitize=address,undefined
CC_tsan    := gcc
CF_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -Wno-tsan
LF_tsan    := -fsanitize=thread
CC_fuzz    := clang
CF_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=all
LF_fuzz    := -fsanitize=address,undefined
CC_cov     := gcc
CF_cov     := -O0 -g --coverage -fprofile-update=atomic
LF_cov     := --coverage

VCC := $(CC_$(VARIANT))
ifeq ($(VCC),)
$(error unknown VARIANT "$(VARIANT)": release debug asan tsan fuzz cov)
endif
VFLAGS   := $(CF_$(VARIANT))
COMPILE   = $(VCC) $(CPPFLAGS_ALL) $(VFLAGS) $(WARNINGS) $(CFLAGS)
LINKFLAGS = $(LF_$(VARIANT)) $(LDFLAGS)

# ---- Files ------------------------------------------------------------------------------------
MAIN := src/main/main.c
SRCS := $(filter-out $(MAIN),$(if $(FOLDERS),$(foreach d,$(FOLDERS),$(wildcard src/$(d)/*.c)),$(wildcard src/*/*.c)))
LIB_NAME  := mcproxy$(if $(FOLDERS),-$(subst $(space),-,$(strip $(FOLDERS))))
LIB       := $(B)/lib$(LIB_NAME).a
LIB_OBJS  := $(SRCS:%.c=$(B)/%.o) $(LLHTTP_NAMES:%=$(B)/llhttp/%.o)
BIN       := $(B)/mcproxy
UNIT_DIRS := $(if $(FOLDERS),$(FOLDERS:%=tests/unit/%),$(patsubst %/,%,$(wildcard tests/unit/*/)))
UNIT_SRCS := $(foreach d,$(UNIT_DIRS),$(wildcard $(d)/test_*.c))
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(B)/unit/%)
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BINS := $(FUZZ_SRCS:tests/fuzz/%.c=$(B)/%)

# ---- Build ------------------------------------------------------------------------------------
.PHONY: all help binary unit-binaries fuzz-binaries objects
all: ## build/release/mcproxy (VARIANT=debug asan tsan cov: the same with other flags)
	$(SUBMAKE) binary

binary: $(if $(FOLDERS),$(LIB),$(BIN))
unit-binaries: $(UNIT_BINS)
fuzz-binaries: $(FUZZ_BINS)
objects: $(SRCS:%.c=$(B)/%.o) $(if $(FOLDERS),,$(patsubst %.c,$(B)/%.o,$(wildcard $(MAIN))))

# Rewritten only when the command changes, so that other flags rebuild what they concern.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(COMPILE) $(LINKFLAGS) $(LIBS))' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: FORCE

$(B)/src/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) -MMD -MP -c -o $@ $<

$(B)/llhttp/%.o: /usr/share/llhttp/%.c $(B)/flags
	@mkdir -p $(@D)
	@$(VCC) $(CPPFLAGS_ALL) $(VFLAGS) -w -DLLHTTP_STRICT_MODE=1 -c -o $@ $<

# The list of members is a file of its own: a source that was removed leaves the archive too.
$(LIB).members: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_OBJS)' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(LIB): $(LIB_OBJS) $(LIB).members
	@rm -f $@
	@ar rcsD $@ $(LIB_OBJS)

$(BIN): $(B)/$(MAIN:.c=.o) $(LIB)
	@echo "  LINK  $@"
	@$(VCC) $(LINKFLAGS) -o $@ $< $(LIB) $(LLHTTP_LIBS) $(LIBS)

# A unit test is one file; other .c files of its folder are helpers, linked into each test there.
unit_helpers = $(filter-out $(dir $(1))test_%,$(wildcard $(dir $(1))*.c))
.SECONDEXPANSION:
$(B)/unit/%: tests/unit/%.c $$(call unit_helpers,tests/unit/$$*.c) $(LIB)
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	@$(COMPILE) -Wno-conversion -Itests/unit -MMD -MP -MF $@.d -MT $@ -c -o $@.o $<
	@$(VCC) $(CPPFLAGS_ALL) $(VFLAGS) -Itests/unit $(LINKFLAGS) -o $@ $@.o \
	    $(filter-out $<,$(filter %.c,$^)) $(LIB) -lcmocka $(LLHTTP_LIBS) $(LIBS)

$(B)/fuzz_%: tests/fuzz/fuzz_%.c $(LIB)
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	@$(COMPILE) -Wno-conversion -Wno-missing-prototypes -Itests/fuzz -MMD -MP -MF $@.d -MT $@ \
	    $(LF_fuzz) -fsanitize=fuzzer -o $@ $< $(LIB) $(LLHTTP_LIBS) $(LIBS)

-include $(LIB_OBJS:.o=.d) $(B)/$(MAIN:.c=.d) $(UNIT_BINS:=.d) $(FUZZ_BINS:=.d)

# ---- A newcomer's two commands ------------------------------------------------------------------
DEPS_BUILD := gcc libc6-dev make pkg-config libev-dev libyaml-dev libc-ares-dev libssl-dev \
              libpcre2-dev libxxhash-dev libzstd-dev libbrotli-dev zlib1g-dev \
              libllhttp-dev|node-llhttp python3 curl
DEPS_TEST  := git libcmocka-dev memcached python3-pytest python3-pytest-xdist python3-yaml \
              clang clang-format clang-tidy cppcheck libclang-rt-dev shellcheck openssl \
              nginx-core libnginx-mod-http-memc nutcracker python3-pylibmc python3-pymemcache

.PHONY: deps deps-build run test
deps: ## install the Debian packages for building and testing, if any is missing
	@tests/run_deps.sh $(addsuffix ',$(addprefix ',$(DEPS_BUILD) $(DEPS_TEST)))
deps-build:
	@tests/run_deps.sh $(addsuffix ',$(addprefix ',$(DEPS_BUILD)))

run: deps-build ## install, build, start mcproxy before a demo app (PORT=8080 to choose)
	$(SUBMAKE) binary
	@MCPROXY='$(abspath $(BIN))' tests/demo/run.sh

test: deps ## everything that must pass: lint, unit, wire, sanitizers, corpora of the fuzz targets; ends with "N passed, M failed"
	+@$(PYTHON) tests/run.py lint unit:release wire:release unit:asan wire:asan unit:tsan wire:tsan fuzz:0

# ---- Tests, one by one --------------------------------------------------------------------------
.PHONY: unit wire asan tsan lint fuzz fuzz-replay bench chaos coverage rfc image-test
unit: ## unit tests (FOLDERS="base http": only these; VARIANT=asan: with these flags)
	+@$(PYTHON) tests/run.py unit:$(VARIANT)
wire: ## wire tests against the binary (TESTS="tests/wire/x -k y": arguments for pytest)
	+@$(PYTHON) tests/run.py wire:$(VARIANT)
asan: ## unit and wire tests with address, undefined behaviour and leak sanitizers
	+@$(PYTHON) tests/run.py unit:asan wire:asan
tsan: ## unit tests and the wire tests marked "workers" with the thread sanitizer
	+@$(PYTHON) tests/run.py unit:tsan wire:tsan
lint: ## layers, headers, globals, banned functions, format, cppcheck, clang-tidy, cited clauses (CHECKS="layers format": only these)
	+@$(PYTHON) tests/run.py lint
fuzz: ## each target of tests/fuzz for FUZZ_SECONDS (60); findings in build/fuzz/findings
	+@$(PYTHON) tests/run.py fuzz:$(FUZZ_SECONDS)
fuzz-replay: ## each target once over its corpus
	+@$(PYTHON) tests/run.py fuzz:0
bench: all ## compare with nginx, haproxy and others (about fifteen minutes)
	@tests/bench/run.sh
chaos: all ## a fleet under load for CHAOS_SECONDS (600) while its memcacheds fail in every way; counts what clients notice
	@MCPROXY='$(abspath $(BIN))' $(PYTHON) tests/chaos/chaos.py --seconds $(CHAOS_SECONDS)
coverage: ## lines that unit and wire tests reach, per file
	@find $(BUILD)/cov -name '*.gcda' -delete 2>/dev/null || true
	+@$(PYTHON) tests/run.py unit:cov wire:cov
	@$(PYTHON) tests/run_coverage.py $(BUILD)/cov
rfc: ## clauses of RFC 9111 with the code that obeys and the tests that prove them (CLAUSES="3.5 4.1": only these)
	@$(PYTHON) tests/rfc.py $(CLAUSES)
image-test: ## build and run the container image without a container engine
	@docker/image-test.sh

# ---- Housekeeping -------------------------------------------------------------------------------
FORMAT_FILES = $(if $(FOLDERS),$(foreach d,$(FOLDERS),$(wildcard src/$(d)/*.[ch] tests/unit/$(d)/*.[ch])),\
               $(wildcard src/*/*.[ch] tests/unit/*.h tests/unit/*/*.[ch] tests/fuzz/*.[ch]))
.PHONY: format docs install clean compile_commands.json print-flags
format: ## clang-format in place (FOLDERS="base": only these)
	@$(if $(strip $(FORMAT_FILES)),clang-format -i $(FORMAT_FILES))

docs: all ## write conf/REFERENCE.md and the picture in src/README.md anew
	@$(PYTHON) tests/run_docs.py $(BIN)

install: all ## binary, example configuration and man page below DESTDIR/PREFIX (/usr/local)
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/sbin/mcproxy
	install -D -m 644 proxy.yaml.example $(DESTDIR)$(PREFIX)/share/doc/mcproxy/proxy.yaml.example
	install -D -m 644 conf/mcproxy.8 $(DESTDIR)$(PREFIX)/share/man/man8/mcproxy.8

clean: ## remove everything built
	rm -rf $(BUILD) compile_commands.json

compile_commands.json: ## for editors and clang tools
	@$(PYTHON) tests/lint/compile_commands.py '$(subst ','\'',$(CPPFLAGS_ALL) $(WARNINGS))' > $@

# What lint needs to parse a file as the compiler does.
print-flags:
	@echo '$(subst ','\'',$(CPPFLAGS_ALL) $(WARNINGS))'

help: ## this list
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo 'Variables: BUILD (build)  VARIANT (release debug asan tsan fuzz cov)  FOLDERS  JOBS  CFLAGS  LDFLAGS'
