# The grader, by scripts that print TAP and run in the top of the build tree.
grade_tests = %D%/grade.sh %D%/attacks.sh %D%/exports.sh %D%/batch.sh \
	%D%/gradescope.sh %D%/left.sh %D%/installed.sh %D%/loopback.sh
dist_check_SCRIPTS += $(grade_tests)
TESTS += $(grade_tests)
EXTRA_DIST += %D%/tap.sh %D%/attacks %D%/attack_call.inc %D%/golden %D%/rules.py

check_PROGRAMS += %D%/exported
%C%_exported_SOURCES = %D%/exported.c
%C%_exported_CPPFLAGS = $(grade_flags)
%C%_exported_LDADD = $(grade_libs)
%D%/exports.log: %D%/exported

# How many a minute: not a test of make check.
dist_check_SCRIPTS += %D%/class.sh
check-class: memtwin-grade kit/stamp
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/grade/class.sh
PHONIES += check-class
