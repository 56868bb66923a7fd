# What is compiled once and linked into both test programs.
twin_sources += %D%/suites.h
twin_sources += tests/support/asserts.h tests/support/machine.h \
	tests/support/machine.c tests/support/pages.c
twin_sources += %D%/test_base.c %D%/test_trap.c
twin_sources += %D%/test_memmap.c %D%/test_pmm.c %D%/test_pmm_init.c
