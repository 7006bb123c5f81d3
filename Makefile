# cdp: a customer data platform inside PostgreSQL
#
#   make                 build the module and the extension script
#   make install         copy them where PostgreSQL looks for them
#   make installcheck    regression tests against a running server
#   bash test/check      the same on a throwaway server, with all other tests
#   make check-long      also tests that take more than a few minutes
#   make demo            a small shop: from its files to segments, told on one page
#   make bench           benchmarks, each against a peer in the same run
#   make lint            static analysers, layering and map of files
#   make dist            a release archive
#
# One folder of src/ is a module, one file a noun.  The extension script is
# joined from sql/install/NN_<module>.sql; the function cdp.setup(), which
# creates the tables, is joined from sql/setup/NN_<module>.sql.

EXTENSION  = cdp
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" cdp.control)

MODULE_big = cdp
SOURCES    = $(sort $(wildcard src/*/*.c))
HDRS       = $(wildcard src/*/*.h)
OBJS       = $(SOURCES:.c=.o)

INSTALL_SQL = $(sort $(wildcard sql/install/*.sql))
SETUP_SQL   = $(sort $(wildcard sql/setup/*.sql))
SCRIPT      = sql/cdp--$(EXTVERSION).sql
DATA        = $(wildcard sql/upgrade/*.sql)
DATA_built  = $(SCRIPT)

PG_CPPFLAGS = -I$(srcdir)/src $(ICU_CFLAGS)
PG_CFLAGS   = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare
SHLIB_LINK  = $(ICU_LIBS) -Wl,-Bsymbolic

# pg_regress 15 looks for expected/ under --outputdir, which is the top folder
REGRESS        = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*/*.sql)))
REGRESS_OPTS   = --inputdir=test --outputdir=.
REGRESS_PREP   = results-folders
ISOLATION      = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=.
# TAP tests start clusters, which root may not: test/check runs them as another
# account; by hand: make installcheck TAP_TESTS=1
PROVE_TESTS    = $(wildcard test/t/*.pl)

EXTRA_CLEAN = $(SCRIPT) results regression.diffs regression.out tmp_check output_iso log

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# the sums over rows of a regression are vectors
src/predict/logistic.o: CFLAGS += $(CFLAGS_UNROLL_LOOPS) $(CFLAGS_VECTORIZE)

# A changed header rebuilds everything: the tree is small
$(OBJS) $(OBJS:.o=.bc): $(HDRS)

$(SCRIPT): $(INSTALL_SQL) $(SETUP_SQL) sql/join.sh cdp.control
	sh sql/join.sh $(EXTVERSION) $(INSTALL_SQL) -- $(SETUP_SQL) > $@.tmp && mv $@.tmp $@

.PHONY: results-folders check-long demo bench lint syntax dist
results-folders:
	@mkdir -p results $(sort $(dir $(REGRESS:%=results/%)))

check-long:
	bash test/check --long

demo:
	bash test/demo

bench:
	bash test/bench/run

lint:
	bash test/lint

# every file through clang, which warns of other things than gcc
CLANG ?= clang
syntax:
	$(CLANG) -fsyntax-only $(CPPFLAGS) $(PG_CFLAGS) -Wno-ignored-attributes -Werror $(SOURCES)

dist:
	git archive --format=tar.gz --prefix=cdp-$(EXTVERSION)/ -o cdp-$(EXTVERSION).tar.gz HEAD
