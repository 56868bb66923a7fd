# The host program; all but main() in an archive, so that its parts can be
# tested one by one.
memtwin_flags = $(AM_CPPFLAGS) -DPROGRAM_NAME='"memtwin"' \
	-DPKGLIBEXECDIR='"$(pkglibexecdir)"' $(LZMA_CFLAGS) $(JANSSON_CFLAGS)
memtwin_libs = libmemtwin.a $(live_libs) $(LZMA_LIBS) $(JANSSON_LIBS) -lm

noinst_LIBRARIES += libmemtwin.a
libmemtwin_a_CPPFLAGS = $(memtwin_flags)
libmemtwin_a_SOURCES = $(program_sources) \
	%D%/text.h %D%/text.c %D%/lines.h %D%/lines.c \
	%D%/trace.h %D%/trace_header.c %D%/trace_check.c %D%/trace_read.c \
	%D%/trace_cut.c %D%/workload.h %D%/workload.c \
	%D%/contender.h %D%/contender.c %D%/contender_loop.h \
	%D%/contender_loops.h %D%/measure.h %D%/measure.c \
	%D%/cell.h %D%/cell.c %D%/compare.h %D%/compare.c %D%/compare_options.c \
	%D%/compare_measure.c %D%/compare_text.c %D%/compare_json.c \
	%D%/compare_svg.c %D%/calls.h %D%/record.h %D%/record.c \
	%D%/program.h %D%/program.c \
	%D%/trace_rep.c %D%/trace_calls.c %D%/trace_write.c %D%/options.h %D%/options_inside.h \
	%D%/options.c %D%/options_value.c %D%/options_fit.c %D%/watch.h %D%/watch.c %D%/module.h %D%/module.c \
	%D%/progress.h %D%/progress.c %D%/outcome.h %D%/outcome.c \
	%D%/stopped.h %D%/stopped.c %D%/equal.c %D%/machines.h %D%/on_sim.c %D%/on_qemu.c \
	%D%/kernel_path.h %D%/kernel_path.c %D%/report.h %D%/report.c \
	%D%/report_json.c %D%/run.h %D%/run.c %D%/maps.c %D%/image.h %D%/image.c \
	%D%/own_walk.h %D%/own_walk.c %D%/stale.h %D%/stale.c \
	%D%/quiz.c %D%/quiz_tables.h %D%/quiz_tables.c %D%/walk_json.h %D%/walk_json.c %D%/walk.c

# hw.h for programs that are no machine.
hw_alone_sources = %D%/hw_alone.h %D%/hw_alone.c

# Measures one heap, or malloc(), for memtwin compare.
pkglibexec_PROGRAMS += %D%/memtwin-cell
%C%_memtwin_cell_SOURCES = %D%/cell_main.c $(hw_alone_sources)
%C%_memtwin_cell_CPPFLAGS = $(memtwin_flags)
%C%_memtwin_cell_CFLAGS = $(AM_CFLAGS)
%C%_memtwin_cell_LDADD = libmemtwin.a libmm.a -lm
if COVERAGE
%C%_memtwin_cell_LDADD += libcount.a
endif

bin_PROGRAMS += memtwin
memtwin_CPPFLAGS = $(memtwin_flags)
memtwin_SOURCES = %D%/main.c
memtwin_LDADD = $(memtwin_libs)

# What memtwin record puts in front of a program's allocator: a shared object, so
# none of the flags for programs, and never instrumented.
pkglibexec_PROGRAMS += %D%/memtwin-record.so
%C%_memtwin_record_so_SOURCES = %D%/calls.h %D%/recorder.c
%C%_memtwin_record_so_CFLAGS = -std=gnu11 -D_GNU_SOURCE -g $(WARN_CFLAGS) -fPIC \
	-fno-builtin
%C%_memtwin_record_so_LDFLAGS = -shared
%C%_memtwin_record_so_LDADD =
