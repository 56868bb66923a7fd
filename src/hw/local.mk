core_sources += %D%/hw.h %D%/boot.h %D%/memmap.h %D%/paging.h %D%/lock.h
