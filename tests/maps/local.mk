# The memory maps of real machines: what frames they have, and what `memtwin
# maps` says of them.
check_PROGRAMS += %D%/test_real_maps
TESTS += %D%/test_real_maps
%C%_test_real_maps_SOURCES = %D%/test_real_maps.c
%C%_test_real_maps_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
%C%_test_real_maps_LDADD = $(functional_libs) $(CHECK_LIBS) $(JANSSON_LIBS)

dist_check_SCRIPTS += %D%/verb.sh
TESTS += %D%/verb.sh
