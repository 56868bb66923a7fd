# The tests.  Every program and script prints TAP; `make check` counts.
#
# A new suite for both machines: one source in twin/local.mk, one line in
# twin/suites.h.  A new host program: five lines as for twin_host.

if LIVE
# The cases that run on both machines (twin/local.mk), on this one.
check_PROGRAMS += %D%/twin_host
TESTS += %D%/twin_host
%C%_twin_host_SOURCES = %D%/twin_host.c %D%/support/machine_host.c \
	%D%/support/marks_host.c
%C%_twin_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_twin_host_LDFLAGS = $(AM_LDFLAGS) $(twin_host_marks)
twin_host_marks = -Wl,--wrap=_mark_point
%C%_twin_host_LDADD = libtwin.a $(live_libs) $(CHECK_LIBS)

# The same with the hostile TLB.
dist_check_SCRIPTS += %D%/twin_hostile.sh
TESTS += %D%/twin_hostile.sh
%D%/twin_hostile.log: %D%/twin_host

# Tests of the tests: mutated sources, built with the build's own flags.
dist_check_SCRIPTS += %D%/mutant-no-invlpg
TESTS += %D%/mutant-no-invlpg

# A machine larger than any that QEMU starts.
check_PROGRAMS += %D%/large/test_pmm_large
TESTS += %D%/large/test_pmm_large
%C%_large_test_pmm_large_SOURCES = %D%/large/test_pmm_large.c
%C%_large_test_pmm_large_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_large_test_pmm_large_LDADD = $(live_libs) $(CHECK_LIBS)

# Frames for several processors, each a thread; then the same with
# ThreadSanitizer looking on.
check_PROGRAMS += %D%/threads/test_pmm_threads
TESTS += %D%/threads/test_pmm_threads %D%/threads/tsan.sh
dist_check_SCRIPTS += %D%/threads/tsan.sh
threads_sources = %D%/threads/machine_threads.h %D%/threads/machine_threads.c \
	%D%/threads/test_pmm_threads.c
%C%_threads_test_pmm_threads_SOURCES = $(threads_sources)
%C%_threads_test_pmm_threads_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_threads_test_pmm_threads_LDADD = libmm.a $(functional_libs) $(CHECK_LIBS)

# Blocks likewise.
check_PROGRAMS += %D%/threads/test_heap_threads
TESTS += %D%/threads/test_heap_threads
%C%_threads_test_heap_threads_SOURCES = %D%/threads/machine_threads.h \
	%D%/threads/machine_threads.c %D%/threads/test_heap_threads.c
%C%_threads_test_heap_threads_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_threads_test_heap_threads_LDADD = libmm.a $(functional_libs) $(CHECK_LIBS)
# A million random calls of the vmm, beside plain arrays; what goes wrong is
# shrunk and printed as a test.
check_PROGRAMS += %D%/programs/test_vmm_programs
TESTS += %D%/programs/test_vmm_programs
%C%_programs_test_vmm_programs_SOURCES = %D%/programs/world.h \
	%D%/programs/world.c %D%/programs/program.h %D%/programs/program.c \
	%D%/programs/shrink.c %D%/programs/test_vmm_programs.c
%C%_programs_test_vmm_programs_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_programs_test_vmm_programs_LDADD = $(functional_libs) $(CHECK_LIBS)
check_PROGRAMS += %D%/programs/test_vmm_counts
TESTS += %D%/programs/test_vmm_counts
%C%_programs_test_vmm_counts_SOURCES = %D%/programs/world.h \
	%D%/programs/world.c %D%/programs/program.h %D%/programs/program.c \
	%D%/programs/test_vmm_counts.c
%C%_programs_test_vmm_counts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_programs_test_vmm_counts_LDADD = $(functional_libs) $(CHECK_LIBS)

# Seeded mistakes: `make mutants-vmm mutants-pmm`, some minutes each.
EXTRA_DIST += %D%/mutants/common.sh %D%/mutants/floor.sh %D%/mutants/vmm.list \
	%D%/mutants/pmm.list
mutants-vmm mutants-pmm: tests/twin_host tests/programs/test_vmm_counts \
	tests/programs/test_vmm_programs
	@$(AM_TESTS_ENVIRONMENT) \
	PROGRAMS_LIBS='$(tests_programs_test_vmm_counts_LDADD)' \
	$(SHELL) $(srcdir)/tests/mutants/floor.sh $(@:mutants-%=%) $(MUTANTS)

# The live machine, with a kernel of a few lines.
live_test_sources = %D%/sim/live_machine.h
live_test_libs = $(live_libs) $(CHECK_LIBS)
check_PROGRAMS += %D%/sim/test_sim_live %D%/sim/test_sim_stops \
	%D%/sim/test_sim_firmware %D%/sim/test_sim_host \
	%D%/sim/test_sim_translate %D%/sim/test_sim_live_smp \
	%D%/sim/test_sim_live_shootdown
TESTS += %D%/sim/test_sim_live %D%/sim/test_sim_stops \
	%D%/sim/test_sim_firmware %D%/sim/test_sim_host \
	%D%/sim/test_sim_translate %D%/sim/test_sim_live_smp \
	%D%/sim/test_sim_live_shootdown
%C%_sim_test_sim_live_SOURCES = %D%/sim/test_sim_live.c $(live_test_sources)
%C%_sim_test_sim_live_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_live_LDADD = $(live_test_libs)
%C%_sim_test_sim_live_smp_SOURCES = %D%/sim/test_sim_live_smp.c \
	%D%/sim/live_several.h $(live_test_sources)
%C%_sim_test_sim_live_shootdown_SOURCES = %D%/sim/test_sim_live_shootdown.c \
	%D%/sim/live_several.h $(live_test_sources)
%C%_sim_test_sim_live_shootdown_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_live_shootdown_LDADD = $(live_test_libs)
%C%_sim_test_sim_live_smp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_live_smp_LDADD = $(live_test_libs)
%C%_sim_test_sim_translate_SOURCES = %D%/sim/test_sim_translate.c \
	$(live_test_sources)
%C%_sim_test_sim_translate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_translate_LDADD = $(live_test_libs)
dist_check_SCRIPTS += %D%/sim/valgrind.sh
TESTS += %D%/sim/valgrind.sh
tests/sim/valgrind.log: tests/sim/test_sim_host
%C%_sim_test_sim_host_SOURCES = %D%/sim/test_sim_host.c $(live_test_sources)
%C%_sim_test_sim_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_host_LDADD = $(live_test_libs)
%C%_sim_test_sim_stops_SOURCES = %D%/sim/test_sim_stops.c $(live_test_sources)
%C%_sim_test_sim_stops_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_stops_LDADD = $(live_test_libs)
%C%_sim_test_sim_firmware_SOURCES = %D%/sim/test_sim_firmware.c \
	$(live_test_sources)
%C%_sim_test_sim_firmware_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_firmware_LDADD = $(live_test_libs)

# ... and with the real one, watched.
check_PROGRAMS += %D%/sim/test_sim_watch %D%/sim/test_sim_locks
TESTS += %D%/sim/test_sim_watch %D%/sim/test_sim_locks
%C%_sim_test_sim_locks_SOURCES = %D%/sim/test_sim_locks.c $(live_test_sources)
%C%_sim_test_sim_locks_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_locks_LDADD = $(live_test_libs)
%C%_sim_test_sim_watch_SOURCES = %D%/sim/test_sim_watch.c $(live_test_sources)
%C%_sim_test_sim_watch_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_watch_LDADD = $(live_test_libs)

check_PROGRAMS += %D%/sim/test_sim_restore
TESTS += %D%/sim/test_sim_restore
%C%_sim_test_sim_restore_SOURCES = %D%/sim/test_sim_restore.c \
	$(live_test_sources)
%C%_sim_test_sim_restore_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_restore_LDADD = $(live_test_libs)

check_PROGRAMS += %D%/sim/test_sim_ahead
TESTS += %D%/sim/test_sim_ahead
%C%_sim_test_sim_ahead_SOURCES = %D%/sim/test_sim_ahead.c %D%/sim/live_machine.h
%C%_sim_test_sim_ahead_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_ahead_LDADD = $(live_test_libs)
check_PROGRAMS += %D%/sim/test_sim_tables
TESTS += %D%/sim/test_sim_tables
%C%_sim_test_sim_tables_SOURCES = %D%/sim/test_sim_tables.c \
	$(live_test_sources)
%C%_sim_test_sim_tables_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sim_test_sim_tables_LDADD = $(live_test_libs)

# gdb on both machines, with tools/gdb/mm.py.
dist_check_SCRIPTS += %D%/gdb/gdb.sh
TESTS += %D%/gdb/gdb.sh
tests/gdb/gdb.log: tests/twin_host
endif

PHONIES += mutants-vmm mutants-pmm

dist_check_SCRIPTS += %D%/floors-can-fall
TESTS += %D%/floors-can-fall

# --- how they are run -------------------------------------------------------

# What a script is told.  MEMTWIN_QEMU=/path/to/qemu (or empty: none) overrides
# what configure found.
# TEST_COUNTS is the folder for FILE.counts of tests/kernel/gcov_dump.c, or empty.
if COVERAGE
TEST_COUNTS = $(abs_top_builddir)/counts
endif
twin_flags = $(CPPFLAGS) $(TWIN_CFLAGS) $(CFLAGS) $(TWIN_HARD)
twin_compile = $(CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(twin_flags)
if COVERAGE
INSTRUMENTED = --enable-coverage
endif
if SANITIZERS
INSTRUMENTED = --enable-sanitizers
endif
# No test is a timed one: Check's limit of four seconds is for hangs, and a busy
# machine is none.
AM_TESTS_ENVIRONMENT = \
	CK_DEFAULT_TIMEOUT="$${CK_DEFAULT_TIMEOUT-300}"; export CK_DEFAULT_TIMEOUT; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	TEST_QEMU="$${MEMTWIN_QEMU-$(QEMU)}"; export TEST_QEMU; \
	TEST_GDB='$(GDB)'; export TEST_GDB; \
	KERNEL_WHY_NOT='$(KERNEL_WHY_NOT)'; export KERNEL_WHY_NOT; \
	TWIN_COMPILE='$(twin_compile)'; export TWIN_COMPILE; \
	TWIN_CC='$(CC) $(twin_flags)'; export TWIN_CC; \
	INSTRUMENTED='$(INSTRUMENTED)'; export INSTRUMENTED; \
	HOST_LINK='$(CCLD) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS)'; \
	export HOST_LINK; \
	HOST_OBJECTS='$(tests_twin_host_OBJECTS) $(twin_host_marks)'; export HOST_OBJECTS; \
	HOST_LIBS='$(tests_twin_host_LDADD)'; export HOST_LIBS; \
	KERNEL_LD='$(KERNEL_LD)'; export KERNEL_LD; \
	KERNEL_OBJECTS='$(tests_kernel_twin_kernel_OBJECTS)'; \
	export KERNEL_OBJECTS; \
	KERNEL_LIBS='$(tests_kernel_twin_kernel_LDADD)'; export KERNEL_LIBS; \
	TEST_COUNTS='$(TEST_COUNTS)'; export TEST_COUNTS; \
	GRUB_MKRESCUE='$(GRUB_MKRESCUE)'; export GRUB_MKRESCUE; \
	ISO_WHY_NOT='$(ISO_WHY_NOT)'; export ISO_WHY_NOT; \
	UEFI_WHY_NOT='$(UEFI_WHY_NOT)'; export UEFI_WHY_NOT; \
	BOCHS_WHY_NOT='$(BOCHS_WHY_NOT)'; export BOCHS_WHY_NOT; \
	OVMF='$(OVMF)'; export OVMF; \
	CLANG_FORMAT='$(CLANG_FORMAT)'; export CLANG_FORMAT;

LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh .py
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_COMPILER = $(PYTHON3)
