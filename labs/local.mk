# The labs.  Scripts are part of memtwin-grade; what students get is only copied.
open_lab_sources = %D%/scripts.c %D%/frames.h %D%/pages.h %D%/blocks.h %D%/spaces.h %D%/1-frames/public.c \
	%D%/2-four-levels/public.c %D%/3-faults/public.c \
	%D%/4-spaces/public.c %D%/5-heap/public.c
lab_sources = $(open_lab_sources)
if HIDDEN
lab_sources += %D%/instructor/1-frames/maps.c \
	%D%/instructor/1-frames/hidden.c \
	%D%/instructor/2-four-levels/hidden.c \
	%D%/instructor/2-four-levels/tables.c \
	%D%/instructor/2-four-levels/ranges.c \
	%D%/instructor/3-faults/hidden.c \
	%D%/instructor/4-spaces/regions.c \
	%D%/instructor/4-spaces/hidden.c \
	%D%/instructor/4-spaces/forks.c \
	%D%/instructor/5-heap/hidden.c \
	%D%/instructor/5-heap/growth.c \
	%D%/instructor/5-heap/edges.c
endif
EXTRA_DIST += %D%/1-frames %D%/2-four-levels %D%/3-faults %D%/4-spaces \
	%D%/5-heap
EXTRA_DIST += %D%/run-qemu %D%/check-copy %D%/make-handouts %D%/handout.css
lab_folders = 1-frames 2-four-levels 3-faults 4-spaces 5-heap

# Starter files, cut from the product: labs/LAB/starter in the build folder.
labs:
	@for lab in $(lab_folders); do \
	    $(SHELL) $(srcdir)/labs/make-starters $(srcdir)/labs/$$lab \
	        labs/$$lab/starter && echo "labs/$$lab/starter" || exit 1; \
	done

# Handouts, where Debian's tools for them are installed.
labs-html:
	@$(SHELL) $(srcdir)/labs/make-handouts html $(srcdir) $(lab_folders) 6-break-it
labs-pdf:
	@$(SHELL) $(srcdir)/labs/make-handouts pdf $(srcdir) $(lab_folders) 6-break-it
handouts: labs-pdf

# What students get: handouts, starters, open tests, a grader without the hidden
# ones, and the other floors compiled.
EXTRA_PROGRAMS += memtwin-grade-open
memtwin_grade_open_CPPFLAGS = $(grade_flags)
memtwin_grade_open_SOURCES = src/grade/options.h src/grade/options.c \
	src/grade/main.c $(open_lab_sources)
memtwin_grade_open_LDADD = $(grade_libs)
labs_copy = memtwin-labs-$(PACKAGE_VERSION)
dist-labs: memtwin-grade-open kit/stamp
	@$(SHELL) $(srcdir)/labs/make-copy $(srcdir) $(labs_copy) $(lab_folders) && \
	$(SHELL) $(srcdir)/labs/check-copy $(labs_copy) $(srcdir)/labs/instructor && \
	tar czf $(labs_copy).tar.gz $(labs_copy) && rm -rf $(labs_copy) && \
	echo "$(labs_copy).tar.gz"
CLEANFILES += $(labs_copy).tar.gz memtwin-grade-open
EXTRA_DIST += %D%/make-copy

# The student's objects in QEMU: make run-qemu LAB=1-frames SUBMISSION=FOLDER
if LIVE
run_qemu_needs = memtwin
if BUILD_KERNEL
run_qemu_needs += src/boot/memtwin-kernel
boot_objects = $(src_boot_memtwin_kernel_OBJECTS)
endif
run-qemu: $(run_qemu_needs)
	@$(AM_TESTS_ENVIRONMENT) \
	MEMTWIN_OBJECTS='$(memtwin_OBJECTS)'; export MEMTWIN_OBJECTS; \
	MEMTWIN_LIBS='$(memtwin_LDADD)'; export MEMTWIN_LIBS; \
	BOOT_OBJECTS='$(boot_objects)'; export BOOT_OBJECTS; \
	BOOT_LIBS='$(kernel_libs)'; export BOOT_LIBS; \
	$(SHELL) $(srcdir)/labs/run-qemu "$(LAB)" "$(SUBMISSION)"
endif
PHONIES += labs labs-html labs-pdf handouts dist-labs run-qemu

# Lab 6: the student's tests against mutants and variants.
grade-tests: libgrade.a kit/stamp memtwin-grade
	@$(AM_TESTS_ENVIRONMENT) \
	GRADE_COMPILE='$(COMPILE) $(grade_flags) $(AM_CFLAGS)'; export GRADE_COMPILE; \
	GRADE_OBJECTS='src/grade/memtwin_grade-main.o src/grade/memtwin_grade-options.o'; \
	export GRADE_OBJECTS; \
	GRADE_LIBS='$(grade_libs)'; export GRADE_LIBS; \
	$(SHELL) $(srcdir)/labs/grade-tests "$(SUBMISSION)"
PHONIES += grade-tests
EXTRA_DIST += %D%/grade-tests %D%/6-break-it
