# The grader: memtwin-grade, and what it builds submissions with (the kit).
#
#   libgrade.a    lab, build, judge, exporters     host
#   libsubject.a  the grader's half of a submission's process: freestanding
#   kit/          headers, objects of the core, libsubject's objects
grade_flags = $(AM_CPPFLAGS) -I$(top_srcdir) -DPROGRAM_NAME='"memtwin-grade"' \
	-DSOURCE_FOLDER='"$(abs_top_srcdir)"' -DPKGDATADIR='"$(pkgdatadir)"' \
	-DPKGLIBEXECDIR='"$(pkglibexecdir)"' $(JANSSON_CFLAGS) $(SECCOMP_CFLAGS)
grade_libs = libgrade.a $(functional_libs) $(JANSSON_LIBS) $(SECCOMP_LIBS)

grade_sources = %D%/talk.h %D%/script.h %D%/test.h %D%/test.c %D%/ask.c %D%/call_text.c \
	%D%/access.c %D%/frames.c %D%/pc.c %D%/transport.c %D%/cage.h %D%/cage.c \
	%D%/code_name.c %D%/lab.h %D%/lab.c %D%/object_check.h \
	%D%/object_check.c %D%/grade.h %D%/build.c %D%/build_inside.h \
	%D%/kit.c %D%/build_tool.c %D%/build_file.c %D%/judge.h %D%/judge.c %D%/run.c \
	%D%/batch.h %D%/batch.c $(program_sources) \
	%D%/export.h %D%/export.c %D%/export_text.c %D%/export_json.c \
	%D%/export_gradescope.c %D%/export_classroom50.c %D%/export_github.c \
	%D%/export_junit.c %D%/export_csv.c

noinst_LIBRARIES += libgrade.a
libgrade_a_CPPFLAGS = $(grade_flags)
libgrade_a_SOURCES = $(grade_sources)

noinst_LIBRARIES += libsubject.a
libsubject_a_SOURCES = %D%/subject.h %D%/subject.c %D%/subject_pmm.c \
	%D%/subject_vmm.c %D%/subject_heap.c
libsubject_a_CFLAGS = $(KIT_CFLAGS)
$(libsubject_a_OBJECTS): override CFLAGS += $(TWIN_HARD)
noinst_LIBRARIES += libstart.a
libstart_a_SOURCES = %D%/subject_start.c src/arch/x86_64/string.c
libstart_a_CFLAGS = $(KIT_CFLAGS)
$(libstart_a_OBJECTS): override CFLAGS += $(TWIN_HARD)

# Objects that count or are instrumented need a run-time library that a
# submission's process has not: the kit gets its own.
KIT_CFLAGS = -std=gnu11 -g $(WARN_CFLAGS) -ffreestanding -fpie \
	-fno-asynchronous-unwind-tables -fno-sanitize=all
if INSTRUMENTED
kit_core = $(libkit_a_OBJECTS)
kit_judge = libplain.a
else
kit_core = $(libmm_a_OBJECTS)
kit_judge = libgrade.a libsim.a
endif
EXTRA_LIBRARIES += libkit.a
libkit_a_SOURCES = $(core_sources)
libkit_a_CFLAGS = $(KIT_CFLAGS)
$(libkit_a_OBJECTS): override CFLAGS += $(TWIN_HARD)

# The judge beside the submission in one process, for a debugger; students get it,
# so without hidden scripts.
KIT_HOST_CFLAGS = -std=gnu11 -D_GNU_SOURCE -g $(WARN_CFLAGS)
noinst_LIBRARIES += libdirect.a
libdirect_a_CPPFLAGS = $(grade_flags)
libdirect_a_CFLAGS = $(KIT_HOST_CFLAGS)
libdirect_a_SOURCES = %D%/direct.c $(open_lab_sources)
EXTRA_LIBRARIES += libplain.a
libplain_a_CPPFLAGS = $(grade_flags)
libplain_a_CFLAGS = $(KIT_HOST_CFLAGS)
libplain_a_SOURCES = $(grade_sources) $(sim_sources)

kit/stamp: $(kit_core) $(libsubject_a_OBJECTS) $(libstart_a_OBJECTS) \
    $(libdirect_a_OBJECTS) $(kit_judge) $(core_sources) tools/make-kit
	$(AM_V_GEN)$(SHELL) $(srcdir)/tools/make-kit kit $(srcdir) \
	    "objects:$(kit_core)" "subject:$(libsubject_a_OBJECTS)" \
	    "start:$(libstart_a_OBJECTS)" "direct:$(libdirect_a_OBJECTS)" \
	    $(kit_judge)
all-local: kit/stamp
clean-local:
	-rm -rf kit

# An installed memtwin-grade finds both beside itself; installed is what students
# may see of the labs.
install-data-local: kit/stamp
	for lab in $(lab_folders); do \
	    $(MKDIR_P) "$(DESTDIR)$(pkgdatadir)/labs/$$lab" && \
	    for file in handout.md lab.conf weights hints public.c; do \
	        $(INSTALL_DATA) "$(srcdir)/labs/$$lab/$$file" \
	            "$(DESTDIR)$(pkgdatadir)/labs/$$lab/" || exit 1; \
	    done && \
	    $(SHELL) $(srcdir)/labs/make-starters "$(srcdir)/labs/$$lab" \
	        "$(DESTDIR)$(pkgdatadir)/labs/$$lab/starter" || exit 1; \
	done
install-exec-local: kit/stamp
	$(MKDIR_P) "$(DESTDIR)$(pkglibexecdir)"
	rm -rf "$(DESTDIR)$(pkglibexecdir)/kit"
	cp -R kit "$(DESTDIR)$(pkglibexecdir)/"
	chmod -R u+w "$(DESTDIR)$(pkglibexecdir)/kit"
uninstall-local:
	rm -rf "$(DESTDIR)$(pkgdatadir)/labs" "$(DESTDIR)$(pkglibexecdir)/kit"

bin_PROGRAMS += memtwin-grade
memtwin_grade_CPPFLAGS = $(grade_flags)
memtwin_grade_SOURCES = %D%/options.h %D%/options.c %D%/main.c $(lab_sources)
memtwin_grade_LDADD = $(grade_libs)
