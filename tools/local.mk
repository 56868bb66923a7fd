# Checks of the sources and of what was built from them.
dist_check_SCRIPTS += %D%/check-floors %D%/check-format %D%/check-docs
TESTS += %D%/check-floors %D%/check-format %D%/check-docs
if LIVE
dist_check_SCRIPTS += %D%/check-warnings %D%/twin-proof
TESTS += %D%/check-warnings %D%/twin-proof
endif
CLEANFILES += %D%/check-warnings.*.*
EXTRA_DIST += %D%/make-gradescope %D%/gradescope/setup.sh \
	%D%/gradescope/run_autograder %D%/make-kit %D%/check-functional %D%/elf.py %D%/placing.py %D%/sources.py %D%/count-tests %D%/unpack-counts \
	%D%/coverage-report %D%/gdb/mm.py
