# From the boot loader to kernel_main(), and the image that replays traces.
boot_sources += %D%/boot.h %D%/entry.S %D%/pvh.c %D%/tables.c %D%/start.c

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
endif

EXTRA_DIST += %D%/kernel.ld doc/boot.md
