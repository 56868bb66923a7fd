# Figures, never tests: `make bench-pmm`; over the trace of frames of the tests,
# or FRAMES=FILE.
if LIVE
EXTRA_PROGRAMS += %D%/bench_pmm
%C%_bench_pmm_SOURCES = %D%/bench_pmm.h %D%/bench_pmm.c %D%/machine.c \
	%D%/trace_pmm.c %D%/threads_pmm.c $(hw_alone_sources)
%C%_bench_pmm_CPPFLAGS = $(memtwin_flags)
%C%_bench_pmm_CFLAGS = $(AM_CFLAGS)
%C%_bench_pmm_LDADD = libmemtwin.a libmm.a $(LZMA_LIBS) -lpthread
CLEANFILES += %D%/bench_pmm

FRAMES = $(top_srcdir)/tests/data/pages.trace.xz
bench-pmm: %D%/bench_pmm
	%D%/bench_pmm
	%D%/bench_pmm --trace $(FRAMES)
bench_figures = bench-pmm

EXTRA_PROGRAMS += %D%/bench_vmm
%C%_bench_vmm_SOURCES = %D%/bench_vmm.c
%C%_bench_vmm_CFLAGS = $(AM_CFLAGS)
%C%_bench_vmm_LDADD = $(functional_libs)
CLEANFILES += %D%/bench_vmm

bench-vmm: %D%/bench_vmm
	%D%/bench_vmm
bench_figures += bench-vmm

EXTRA_PROGRAMS += %D%/bench_sim
%C%_bench_sim_SOURCES = %D%/bench_sim.h %D%/bench_sim.c %D%/bench_sim_live.c \
	%D%/sim_loops.h
%C%_bench_sim_CFLAGS = $(AM_CFLAGS)
%C%_bench_sim_LDADD = $(live_libs)
CLEANFILES += %D%/bench_sim
EXTRA_DIST += %D%/sim.sh

if BUILD_KERNEL
EXTRA_PROGRAMS += %D%/sim-kernel
%C%_sim_kernel_SOURCES = %D%/guest_sim.c %D%/sim_loops.h
%C%_sim_kernel_CFLAGS = $(TWIN_CFLAGS)
%C%_sim_kernel_LDADD = $(kernel_libs)
%C%_sim_kernel_LINK = $(KERNEL_LINK)
EXTRA_%C%_sim_kernel_DEPENDENCIES = $(kernel_script)
$(%C%_sim_kernel_OBJECTS): override CFLAGS += $(TWIN_HARD)
CLEANFILES += %D%/sim-kernel
bench_sim_kernel = %D%/sim-kernel
endif

# Beside QEMU running the same loops, where it is installed.
bench-sim: %D%/bench_sim $(bench_sim_kernel)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/sim.sh \
	    %D%/bench_sim %D%/sim-kernel
bench_figures += bench-sim
endif

# Over the trace of the tests, or TRACES="...".
if LIVE
EXTRA_PROGRAMS += %D%/bench_heap
%C%_bench_heap_SOURCES = %D%/bench_heap.c $(hw_alone_sources)
%C%_bench_heap_CPPFLAGS = $(memtwin_flags)
%C%_bench_heap_CFLAGS = $(AM_CFLAGS)
%C%_bench_heap_LDADD = libmemtwin.a libmm.a $(LZMA_LIBS) -ldl -lm
CLEANFILES += %D%/bench_heap

TRACES = $(top_srcdir)/tests/data/demo.trace.xz
# The default heap, then the whole ladder.
bench-heap: %D%/bench_heap memtwin src/memtwin/memtwin-cell
	%D%/bench_heap $(TRACES)
	./memtwin compare --built-in $(TRACES)
bench_figures += bench-heap
endif

bench: $(bench_figures)
PHONIES += bench bench-pmm bench-vmm bench-sim bench-heap
