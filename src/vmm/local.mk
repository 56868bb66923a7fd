core_sources += %D%/vmm.h %D%/space.h %D%/region.h %D%/pager.h \
	%D%/mapper.h %D%/sound.h %D%/token.h %D%/table.h %D%/span.h %D%/regions.h %D%/table.c %D%/chain.c \
	%D%/range.c %D%/unmap.c %D%/map.c %D%/size.c %D%/empty.c %D%/flush.c \
	%D%/translate.c %D%/walk.c %D%/region.c \
	%D%/records.c %D%/tree.c %D%/place.c %D%/fault.c %D%/evict.c %D%/large.c %D%/space.c %D%/share.c %D%/copy.c %D%/sound.c \
	%D%/trees.c %D%/remembered.c %D%/reach.h %D%/reach.c
