# The tests.  Every program and script prints TAP; `make check` counts.
#
# A new suite for both machines: one source in twin/local.mk, one line in
# twin/suites.h.  A new host program: five lines as for twin_host.

if LIVE
# The cases that run on both machines (twin/local.mk), on this one.
check_PROGRAMS += %D%/twin_host
TESTS += %D%/twin_host
%C%_twin_host_SOURCES = %D%/twin_host.c %D%/support/machine_host.c
%C%_twin_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_twin_host_LDADD = libtwin.a $(live_libs) $(CHECK_LIBS)
endif

# --- how they are run -------------------------------------------------------

LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh .py
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_COMPILER = $(PYTHON3)
