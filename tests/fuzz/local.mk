# Fuzz targets.  In `make check` they are plain programs that take their corpus
# and some random inputs; `make fuzz` gives them to libFuzzer.
fuzz_common = %D%/fuzz.h %D%/fail.c %D%/replay.c
fuzz_targets = walk tlb
check_PROGRAMS += %D%/fuzz_walk %D%/fuzz_tlb
TESTS += %D%/fuzz_walk %D%/fuzz_tlb
%C%_fuzz_walk_SOURCES = $(fuzz_common) %D%/fuzz_walk.c \
	tests/sim/oracle.h tests/sim/oracle.c
%C%_fuzz_walk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_fuzz_walk_LDADD = $(functional_libs)
%C%_fuzz_tlb_SOURCES = $(fuzz_common) %D%/fuzz_tlb.c $(script_sources)
%C%_fuzz_tlb_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_fuzz_tlb_LDADD = $(functional_libs)

if LIVE
fuzz_targets += map trace pmm heap
check_PROGRAMS += %D%/fuzz_map %D%/fuzz_trace %D%/fuzz_pmm \
	%D%/fuzz_heap
TESTS += %D%/fuzz_map %D%/fuzz_trace %D%/fuzz_pmm %D%/fuzz_heap
%C%_fuzz_map_SOURCES = $(fuzz_common) %D%/fuzz_map.c
%C%_fuzz_map_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_fuzz_map_LDADD = $(functional_libs)
%C%_fuzz_pmm_SOURCES = $(fuzz_common) %D%/one_processor.h %D%/fuzz_pmm.c
%C%_fuzz_pmm_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_fuzz_pmm_LDADD = $(functional_libs)
%C%_fuzz_heap_SOURCES = $(fuzz_common) %D%/one_processor.h %D%/fuzz_heap.c
%C%_fuzz_heap_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_fuzz_heap_LDADD = $(functional_libs)
%C%_fuzz_trace_SOURCES = $(fuzz_common) %D%/fuzz_trace.c
%C%_fuzz_trace_CPPFLAGS = $(memtwin_flags)
%C%_fuzz_trace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_fuzz_trace_LDADD = libmemtwin.a $(functional_libs) $(LZMA_LIBS)
endif

# make fuzz [FUZZ_SECONDS=60] [FUZZ_TARGETS="walk tlb"] [FUZZ_CC=clang]
# What the targets find out goes to fuzz/ in the build folder, and is where the
# next run begins.
EXTRA_DIST += %D%/fuzz.sh %D%/untraced.list tests/data/fuzz
FUZZ_SECONDS = 60
FUZZ_TARGETS = $(fuzz_targets)
FUZZ_CC = clang
fuzz:
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	    FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_CC='$(FUZZ_CC)' \
	    FUZZ_FLAGS='$(CHECK_CFLAGS) $(LZMA_CFLAGS)' \
	    FUZZ_LIBS='$(LZMA_LIBS)' \
	    FUZZ_SOURCES='$(base_sources) $(sim_sources)' \
	    $(SHELL) $(srcdir)/%D%/fuzz.sh $(FUZZ_TARGETS)
PHONIES += fuzz
CLEANFILES += fuzz_walk.failed fuzz_tlb.failed fuzz_map.failed \
	fuzz_trace.failed fuzz_pmm.failed fuzz_heap.failed
