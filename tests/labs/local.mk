# Mistakes that students make: a handful in `make check`, all in `make mutants`.
dist_check_SCRIPTS += %D%/mutants.sh
if LIVE
TESTS += %D%/mutants.sh
tests/labs/mutants.log: tests/twin_host
mutants: tests/twin_host
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/labs/mutants.sh all
else
mutants:
	@echo "This build has no live machine"; exit 1
endif
.PHONY: mutants
EXTRA_DIST += labs/make-starter labs/instructor/mutants
