core_sources += %D%/heap.h %D%/inside.h %D%/heap.c %D%/grow.c %D%/classes.c \
	%D%/dummy.c %D%/bump.c %D%/list.c
