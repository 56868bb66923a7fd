core_sources += %D%/hw.h %D%/boot.h %D%/memmap.h %D%/paging.h %D%/lock.h \
	%D%/lock.c
# The words are used by the simulator as well.
base_sources += %D%/explain.h %D%/explain.c
