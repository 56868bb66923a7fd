# Figures, never tests: `make bench-pmm`.
EXTRA_PROGRAMS = %D%/bench_pmm
%C%_bench_pmm_SOURCES = %D%/bench_pmm.h %D%/bench_pmm.c %D%/machine.c \
	%D%/trace_pmm.c %D%/hw_bench.c
%C%_bench_pmm_CFLAGS = $(AM_CFLAGS)
%C%_bench_pmm_LDADD = libmm.a
CLEANFILES += %D%/bench_pmm

bench-pmm: %D%/bench_pmm
	%D%/bench_pmm
.PHONY: bench-pmm
