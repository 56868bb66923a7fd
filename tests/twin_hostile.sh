#!/bin/sh
# The shared suites once more, on a processor that keeps every translation for as
# long as the manual permits: a flush too few shows here that an ordinary TLB
# forgives, since it forgets by itself.
TWIN_TLB=hostile exec "${top_builddir:-.}/tests/twin_host"
