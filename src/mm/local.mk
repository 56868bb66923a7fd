core_sources += %D%/mm.h %D%/inside.h %D%/debug.c %D%/place.c %D%/mm.c %D%/kmalloc.c %D%/kcache.h %D%/kcache.c \
	%D%/explain.c %D%/digest.c \
	%D%/soundness.c
