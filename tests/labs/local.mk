# Mistakes that students make: a handful in `make check`, all in `make mutants`
# (the shared suites) and `make graded` (the labs).
dist_check_SCRIPTS += %D%/mutants.sh %D%/graded.sh
EXTRA_DIST += labs/make-starter labs/make-starters labs/instructor
if LIVE
TESTS += %D%/mutants.sh %D%/graded.sh
tests/labs/mutants.log: tests/twin_host
tests/labs/graded.log: memtwin-grade kit/stamp
mutants: tests/twin_host
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/labs/mutants.sh $(or $(MUTANTS),all)
graded: memtwin-grade kit/stamp
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/labs/graded.sh $(or $(MUTANTS),all)
else
mutants graded:
	@echo "This build has no live machine"; exit 1
endif
PHONIES += mutants graded
