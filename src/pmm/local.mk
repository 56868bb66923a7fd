core_sources += %D%/pmm.h %D%/inside.h %D%/bits.h %D%/memmap.h %D%/memmap.c \
	%D%/pmm.c %D%/alloc.c
core_sources += %D%/bitmap.c %D%/bump.c %D%/stack.c %D%/buddy.c %D%/empty.c
