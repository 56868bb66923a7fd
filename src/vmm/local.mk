core_sources += %D%/vmm.h %D%/table.h %D%/table.c %D%/chain.c %D%/range.c \
	%D%/map.c %D%/flush.c %D%/translate.c %D%/walk.c %D%/region.c \
	%D%/fault.c %D%/sound.c
