core_sources += %D%/pmm.h %D%/inside.h %D%/bits.h %D%/memmap.h %D%/memmap.c %D%/memmap_figures.c \
	%D%/pmm.c %D%/alloc.c %D%/reclaim.c %D%/books.c %D%/break_up.c %D%/poison.c %D%/report.c
core_sources += %D%/bitmap.c %D%/bump.c %D%/stack.c %D%/buddy.c %D%/empty.c
core_sources += %D%/areas.h %D%/areas.c %D%/area_open.c %D%/area_index.c %D%/area_line.c \
	%D%/area_run.c %D%/area_sound.c
