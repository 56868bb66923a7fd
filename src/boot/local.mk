# From the boot loader to kernel_main(), and the image that replays traces.
boot_sources += %D%/boot.h %D%/entry.S %D%/handover.c %D%/pvh.c \
	%D%/multiboot2.c %D%/tables.c %D%/start.c

if BUILD_KERNEL
pkglibexec_PROGRAMS += %D%/memtwin-kernel
%C%_memtwin_kernel_SOURCES = %D%/main.c
if COVERAGE
%C%_memtwin_kernel_SOURCES += tests/kernel/gcov_dump.c
endif
%C%_memtwin_kernel_CFLAGS = $(TWIN_CFLAGS)
%C%_memtwin_kernel_LDADD = $(kernel_libs)
%C%_memtwin_kernel_LINK = $(KERNEL_LINK)
EXTRA_%C%_memtwin_kernel_DEPENDENCIES = $(kernel_script)
$(%C%_memtwin_kernel_OBJECTS): override CFLAGS += $(TWIN_HARD)

# An ISO image that replays the bundled trace, on any PC.
iso: memtwin.iso
memtwin.iso: memtwin %D%/memtwin-kernel tools/make-iso
	$(AM_V_GEN)./memtwin run --save-module memtwin.module \
	    $(srcdir)/tests/data/demo.trace.xz && \
	GRUB_MKRESCUE='$(GRUB_MKRESCUE)' $(SHELL) $(srcdir)/tools/make-iso \
	    -m memtwin.module %D%/memtwin-kernel $@
CLEANFILES += memtwin.iso memtwin.module
endif
PHONIES += iso

EXTRA_DIST += %D%/kernel.ld doc/boot.md
