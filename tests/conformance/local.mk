# The same cases on the simulator's processor and on QEMU's: doc/conformance.md.
conformance_sources = %D%/case.h %D%/inside.h %D%/entries.c %D%/families.c \
	%D%/families_counted.c %D%/families_drawn.c %D%/families_tlb.c \
	%D%/run.c

if BUILD_KERNEL
# Makes and runs the cases; one object on every machine.
check_LIBRARIES += libconformance.a
libconformance_a_SOURCES = $(conformance_sources)
libconformance_a_CFLAGS = $(TWIN_CFLAGS)
$(libconformance_a_OBJECTS): override CFLAGS += $(TWIN_HARD)

check_PROGRAMS += %D%/conformance-kernel
%C%_conformance_kernel_SOURCES = %D%/guest.c %D%/guest.h %D%/guest_touch.S \
	%D%/guest_machine.h %D%/guest_machine.c
if COVERAGE
%C%_conformance_kernel_SOURCES += tests/kernel/gcov_dump.c
endif
%C%_conformance_kernel_CFLAGS = $(TWIN_CFLAGS)
%C%_conformance_kernel_LDADD = libconformance.a $(kernel_libs)
%C%_conformance_kernel_LINK = $(KERNEL_LINK)
EXTRA_%C%_conformance_kernel_DEPENDENCIES = $(kernel_script)
$(%C%_conformance_kernel_OBJECTS): override CFLAGS += $(TWIN_HARD)

check_PROGRAMS += %D%/conform
%C%_conform_SOURCES = %D%/conform.c %D%/rows.h %D%/rows.c %D%/explain.c %D%/say.h %D%/say.c \
	%D%/sim_machine.h %D%/sim_machine.c
%C%_conform_CFLAGS = $(AM_CFLAGS)
%C%_conform_LDADD = libconformance.a $(functional_libs)

# The same cases on the live machine.
check_PROGRAMS += %D%/live_machine
TESTS += %D%/live_machine
%C%_live_machine_SOURCES = %D%/live_machine.c %D%/guest.h %D%/guest_touch.S \
	%D%/rows.h %D%/rows.c %D%/explain.c %D%/say.h %D%/say.c %D%/sim_machine.h \
	%D%/sim_machine.c
%C%_live_machine_CFLAGS = $(AM_CFLAGS)
%C%_live_machine_LDADD = libconformance.a $(live_libs)
endif

dist_check_SCRIPTS += %D%/qemu.sh
TESTS += %D%/qemu.sh
AM_TESTS_ENVIRONMENT += \
	CONFORM_OBJECTS='$(tests_conformance_conform_OBJECTS)'; \
	export CONFORM_OBJECTS; \
	CONFORM_LIBS='$(tests_conformance_conform_LDADD)'; export CONFORM_LIBS;

# Millions of cases, some minutes; SEED=n for others.
SEED = 1
conformance: all $(check_LIBRARIES) $(check_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) \
	    $(SHELL) $(srcdir)/%D%/qemu.sh full $(SEED)
	@$(AM_TESTS_ENVIRONMENT) \
	    $(SHELL) $(srcdir)/%D%/bochs.sh full $(SEED)
if BUILD_KERNEL
	@%D%/live_machine 50000 $(SEED)
endif
PHONIES += conformance
EXTRA_DIST += doc/conformance.md %D%/bochs.sh
