# Every heap class against a model, on the host alone: millions of operations.
if LIVE
check_PROGRAMS += %D%/test_heap_model
TESTS += %D%/test_heap_model
%C%_test_heap_model_SOURCES = %D%/test_heap_model.c $(hw_alone_sources)
%C%_test_heap_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_test_heap_model_LDADD = libmm.a $(CHECK_LIBS)
if COVERAGE
%C%_test_heap_model_LDADD += libcount.a
endif
endif
