# The functional machine: ordinary programs, on any POSIX host.
sim_test_libs = $(functional_libs) $(CHECK_LIBS)

check_PROGRAMS += $(sim_tests)
TESTS += $(sim_tests)
sim_tests = %D%/test_sim_ram %D%/test_sim_walk %D%/test_sim_places \
	%D%/test_sim_rights \
	%D%/test_sim_explain \
	%D%/test_sim_tlb %D%/test_sim_control %D%/test_sim_cpu \
	%D%/test_sim_dirty %D%/test_sim_stale %D%/test_sim_pcid \
	%D%/test_sim_upper %D%/test_sim_modes %D%/test_sim_stale_report \
	%D%/test_sim_script %D%/test_sim_mapfile \
	%D%/test_sim_smp %D%/test_sim_halves %D%/test_sim_shootdown

%C%_test_sim_ram_SOURCES = %D%/test_sim_ram.c %D%/tables.h
%C%_test_sim_ram_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_ram_LDADD = $(sim_test_libs)
%C%_test_sim_walk_SOURCES = %D%/test_sim_walk.c %D%/tables.h \
	%D%/walked.h %D%/oracle.h %D%/oracle.c
%C%_test_sim_walk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_walk_LDADD = $(sim_test_libs)
%C%_test_sim_places_SOURCES = %D%/test_sim_places.c %D%/tables.h \
	%D%/walked.h %D%/oracle.h %D%/oracle.c
%C%_test_sim_places_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_places_LDADD = $(sim_test_libs)
%C%_test_sim_rights_SOURCES = %D%/test_sim_rights.c %D%/tables.h \
	%D%/oracle.h %D%/oracle.c
%C%_test_sim_rights_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_rights_LDADD = $(sim_test_libs)
%C%_test_sim_explain_SOURCES = %D%/test_sim_explain.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_explain_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_explain_LDADD = $(sim_test_libs)
%C%_test_sim_tlb_SOURCES = %D%/test_sim_tlb.c %D%/tables.h
%C%_test_sim_tlb_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_tlb_LDADD = $(sim_test_libs)
%C%_test_sim_control_SOURCES = %D%/test_sim_control.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_control_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_control_LDADD = $(sim_test_libs)
%C%_test_sim_cpu_SOURCES = %D%/test_sim_cpu.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_cpu_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_cpu_LDADD = $(sim_test_libs)
%C%_test_sim_dirty_SOURCES = %D%/test_sim_dirty.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_dirty_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_dirty_LDADD = $(sim_test_libs)
%C%_test_sim_stale_SOURCES = %D%/test_sim_stale.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_stale_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_stale_LDADD = $(sim_test_libs)
%C%_test_sim_pcid_SOURCES = %D%/test_sim_pcid.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_pcid_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_pcid_LDADD = $(sim_test_libs)
%C%_test_sim_upper_SOURCES = %D%/test_sim_upper.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_upper_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_upper_LDADD = $(sim_test_libs)
script_sources = %D%/tables.h %D%/processor.h %D%/processor.c \
	%D%/oracle.h %D%/oracle.c %D%/oracle_cpu.h %D%/oracle_cpu.c \
	%D%/script.h %D%/script.c
%C%_test_sim_script_SOURCES = %D%/test_sim_script.c $(script_sources)
%C%_test_sim_script_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_script_LDADD = $(sim_test_libs)
%C%_test_sim_modes_SOURCES = %D%/test_sim_modes.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_modes_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_modes_LDADD = $(sim_test_libs)
%C%_test_sim_stale_report_SOURCES = %D%/test_sim_stale_report.c %D%/tables.h \
	%D%/processor.h %D%/processor.c
%C%_test_sim_stale_report_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_stale_report_LDADD = $(sim_test_libs)
%C%_test_sim_mapfile_SOURCES = %D%/test_sim_mapfile.c %D%/tables.h
%C%_test_sim_mapfile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_mapfile_LDADD = $(sim_test_libs)

# Recording, injecting, going back.
machine_tests = %D%/test_sim_writes %D%/test_sim_budget \
	%D%/test_sim_inject %D%/test_sim_freed %D%/test_sim_snapshot \
	%D%/test_sim_log %D%/test_sim_device
check_PROGRAMS += $(machine_tests)
TESTS += $(machine_tests)
processor_sources = %D%/tables.h %D%/processor.h %D%/processor.c
%C%_test_sim_writes_SOURCES = %D%/test_sim_writes.c $(processor_sources)
%C%_test_sim_writes_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_writes_LDADD = $(sim_test_libs)
%C%_test_sim_budget_SOURCES = %D%/test_sim_budget.c $(processor_sources)
%C%_test_sim_budget_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_budget_LDADD = $(sim_test_libs)
%C%_test_sim_inject_SOURCES = %D%/test_sim_inject.c $(processor_sources)
%C%_test_sim_inject_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_inject_LDADD = $(sim_test_libs)
%C%_test_sim_freed_SOURCES = %D%/test_sim_freed.c $(processor_sources)
%C%_test_sim_freed_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_freed_LDADD = $(sim_test_libs)
%C%_test_sim_snapshot_SOURCES = %D%/test_sim_snapshot.c $(processor_sources)
%C%_test_sim_snapshot_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_snapshot_LDADD = $(sim_test_libs)
%C%_test_sim_log_SOURCES = %D%/test_sim_log.c $(processor_sources)
%C%_test_sim_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_log_LDADD = $(sim_test_libs)
%C%_test_sim_device_SOURCES = %D%/test_sim_device.c $(processor_sources)
%C%_test_sim_device_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_device_LDADD = $(sim_test_libs)
%C%_test_sim_smp_SOURCES = %D%/test_sim_smp.c $(several_sources)
%C%_test_sim_smp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_smp_LDADD = $(sim_test_libs)
%C%_test_sim_halves_SOURCES = %D%/test_sim_halves.c $(several_sources)
%C%_test_sim_halves_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_halves_LDADD = $(sim_test_libs)
%C%_test_sim_shootdown_SOURCES = %D%/test_sim_shootdown.c $(several_sources)
%C%_test_sim_shootdown_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_sim_shootdown_LDADD = $(sim_test_libs)
several_sources = %D%/several.h %D%/several.c %D%/tables.h


# The example of doc/simulator.md.
check_PROGRAMS += %D%/example
%C%_example_SOURCES = %D%/example.c
%C%_example_LDADD = $(functional_libs)
dist_check_SCRIPTS += %D%/example.sh
TESTS += %D%/example.sh
tests/sim/example.log: tests/sim/example

# The experiments of doc/tlb.md.
check_PROGRAMS += %D%/lessons
%C%_lessons_SOURCES = %D%/lessons.c
%C%_lessons_LDADD = $(functional_libs)
dist_check_SCRIPTS += %D%/lessons.sh
TESTS += %D%/lessons.sh
tests/sim/lessons.log: tests/sim/lessons

# Seeded mistakes: a handful in `make check`, every one in `make mutants-sim`.
dist_check_SCRIPTS += tests/mutants/sim.sh
TESTS += tests/mutants/sim.sh
EXTRA_DIST += tests/mutants/sim.list
mutant_tests = test_sim_rights test_sim_explain test_sim_upper test_sim_pcid \
	test_sim_modes test_sim_stale test_sim_stale_report test_sim_dirty \
	test_sim_control test_sim_cpu test_sim_smp test_sim_halves \
	test_sim_shootdown test_sim_writes test_sim_freed test_sim_budget test_sim_inject \
	test_sim_snapshot test_sim_tlb test_sim_script test_sim_places test_sim_walk
AM_TESTS_ENVIRONMENT += \
	SIM_COMPILE='$(COMPILE) $(libsim_a_CFLAGS)'; export SIM_COMPILE; \
	SIM_LINK='$(CCLD) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS)'; \
	export SIM_LINK; CHECK_FLAGS='$(CHECK_CFLAGS)'; export CHECK_FLAGS; \
	SIM_LIBS='$(sim_test_libs)'; export SIM_LIBS; \
	SIM_TESTS='$(mutant_tests)'; export SIM_TESTS;
tests/mutants/sim.log: $(sim_tests) $(machine_tests)

mutants-sim: $(sim_tests) $(machine_tests)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/mutants/sim.sh $(or $(MUTANTS),all)
PHONIES += mutants-sim
