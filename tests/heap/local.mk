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
