# Every heap class against a model, on the host alone: millions of operations.
if LIVE
check_PROGRAMS += %D%/test_heap_model %D%/test_heap_sweep
TESTS += %D%/test_heap_model %D%/test_heap_sweep
%C%_test_heap_sweep_SOURCES = %D%/test_heap_sweep.c $(hw_alone_sources)
%C%_test_heap_sweep_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_heap_sweep_LDADD = libmm.a $(CHECK_LIBS)
%C%_test_heap_model_SOURCES = %D%/test_heap_model.c $(hw_alone_sources)
%C%_test_heap_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_heap_model_LDADD = libmm.a $(CHECK_LIBS)
if COVERAGE
%C%_test_heap_model_LDADD += libcount.a
%C%_test_heap_sweep_LDADD += libcount.a
endif
endif

# A trace through every class; TRACES="..." through every class, some minutes.
dist_check_SCRIPTS += %D%/replay.sh
if LIVE
TESTS += %D%/replay.sh
%D%/replay.log: memtwin
endif
replay-heaps: memtwin
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/replay.sh $(TRACES)
PHONIES += replay-heaps

# Seeded mistakes: `make mutants-heap`, some minutes.
EXTRA_DIST += tests/mutants/heap.sh tests/mutants/heap.list
mutants-heap: %D%/test_heap_model tests/twin_host
	@$(AM_TESTS_ENVIRONMENT) \
	    MODEL_OBJECTS='$(tests_heap_test_heap_model_OBJECTS)' \
	    MODEL_LIBS='$(tests_heap_test_heap_model_LDADD)' \
	    $(SHELL) $(srcdir)/tests/mutants/heap.sh $(MUTANTS)
PHONIES += mutants-heap

# The default heap for another language: all of it in one archive.
if LIVE
check_LIBRARIES += %D%/librustheap.a
%C%_librustheap_a_SOURCES = doc/examples/rust/heap_api.h \
	doc/examples/rust/heap_api.c $(hw_alone_sources)
%C%_librustheap_a_LIBADD = $(libmm_a_OBJECTS)
dist_check_SCRIPTS += %D%/rust.sh
TESTS += %D%/rust.sh
EXTRA_DIST += doc/examples/rust/boxes.rs
%D%/rust.log: %D%/librustheap.a
endif
