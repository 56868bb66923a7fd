#!/bin/sh
# The shared suites once more, on a processor that keeps every translation for as
# long as the manual permits: a flush too few shows here that an ordinary TLB
# forgives, since it forgets by itself.
#
# All in one process, as at the debugger (CK_FORK=no): no test leans on what a
# fork() of its own would tidy up.
TWIN_TLB=hostile CK_FORK=no exec "${top_builddir:-.}/tests/twin_host"
