core_sources += %D%/pmm.h %D%/memmap.h %D%/memmap.c %D%/bitmap.c %D%/pmm.c
