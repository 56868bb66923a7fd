# The grader, by scripts that print TAP and run in the top of the build tree.
grade_tests = %D%/grade.sh
dist_check_SCRIPTS += $(grade_tests)
TESTS += $(grade_tests)
EXTRA_DIST += %D%/tap.sh
