# The host program: its parts one by one, and all of it by scripts that print
# TAP.  The scripts run in the top of the build tree.
check_PROGRAMS += %D%/test_parts
TESTS += %D%/test_parts
%C%_test_parts_SOURCES = %D%/test_parts.c
%C%_test_parts_CPPFLAGS = $(memtwin_flags)
%C%_test_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_parts_LDADD = $(memtwin_libs) $(CHECK_LIBS)

# A kernel's frames through every strategy.
check_PROGRAMS += %D%/test_frame_trace
TESTS += %D%/test_frame_trace
%C%_test_frame_trace_SOURCES = %D%/test_frame_trace.c
%C%_test_frame_trace_CPPFLAGS = $(memtwin_flags)
%C%_test_frame_trace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_frame_trace_LDADD = $(memtwin_libs) $(CHECK_LIBS)

memtwin_tests = %D%/bad_input.sh %D%/run_sim.sh %D%/endings.sh \
	%D%/run_qemu.sh %D%/options.sh %D%/output.sh %D%/walk.sh %D%/dump.sh %D%/watch.sh \
	%D%/record.sh %D%/compare.sh %D%/quiz.sh
dist_check_SCRIPTS += $(memtwin_tests)
TESTS += $(memtwin_tests)
EXTRA_DIST += %D%/tap.sh tests/data/README.md tests/data/demo.trace.xz \
	tests/data/pages.trace.xz tests/data/pc.map \
	tests/data/walk.ram %D%/make_image.py %D%/quiz_oracle.py

# What record.sh records: counters and sanitizers would allocate, too.
check_PROGRAMS += %D%/recorded
%C%_recorded_SOURCES = %D%/recorded.c
%C%_recorded_CFLAGS = -std=gnu11 -D_GNU_SOURCE -g $(WARN_CFLAGS) -pthread
%C%_recorded_LDFLAGS =
%C%_recorded_LDADD =
%D%/record.log: %D%/recorded
