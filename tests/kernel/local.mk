# The shared suites on bare metal, and what is said of a kernel that ends
# otherwise than it should.
twin_kernel_sources = %D%/runtime.h %D%/check_build.c %D%/check_run.c \
	%D%/machine_kernel.c %D%/misbehave.c %D%/sample.h %D%/test_boot.c \
	%D%/forged.h %D%/forged.c %D%/test_pvh.c %D%/test_multiboot2.c \
	%D%/test_string.c %D%/main.c

if BUILD_KERNEL
# One object for both runners.
check_LIBRARIES += libsample.a
libsample_a_SOURCES = %D%/sample.c
libsample_a_CFLAGS = $(TWIN_CFLAGS) $(CHECK_CFLAGS)
$(libsample_a_OBJECTS): override CFLAGS += $(TWIN_HARD)

check_PROGRAMS += %D%/sample_host
%C%_sample_host_SOURCES = %D%/sample_host.c %D%/sample.h
%C%_sample_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_sample_host_LDADD = libsample.a $(CHECK_LIBS)

check_PROGRAMS += %D%/twin-kernel
%C%_twin_kernel_SOURCES = $(twin_kernel_sources)
if COVERAGE
%C%_twin_kernel_SOURCES += %D%/gcov_dump.c
endif
%C%_twin_kernel_CFLAGS = $(TWIN_CFLAGS) $(CHECK_CFLAGS)
%C%_twin_kernel_LDADD = libtwin.a libsample.a $(kernel_libs)
%C%_twin_kernel_LINK = $(KERNEL_LINK)
EXTRA_%C%_twin_kernel_DEPENDENCIES = $(kernel_script)
$(%C%_twin_kernel_OBJECTS): override CFLAGS += $(TWIN_HARD)
endif

dist_check_SCRIPTS += %D%/qemu_twin.sh %D%/qemu_verdicts.sh \
	%D%/qemu_machines.sh %D%/qemu_maps.sh %D%/qemu_iso.sh \
	%D%/check_same.sh
TESTS += %D%/qemu_twin.sh %D%/qemu_verdicts.sh \
	%D%/qemu_machines.sh %D%/qemu_maps.sh %D%/qemu_iso.sh \
	%D%/check_same.sh
EXTRA_DIST += %D%/gcov_dump.c tools/qemu-run tools/make-iso

# It compares what these two have printed.
if LIVE
%D%/check_same.log: tests/twin_host.log %D%/qemu_twin.log
endif
if BUILD_KERNEL
%D%/qemu_twin.log: %D%/twin-kernel
endif

# UEFI firmware takes its time.
EXTRA_DIST += %D%/qemu_uefi.sh
if BUILD_KERNEL
check-uefi: all %D%/twin-kernel
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS=%D%/qemu_uefi.sh
endif
PHONIES += check-uefi
