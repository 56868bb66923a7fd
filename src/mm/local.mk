core_sources += %D%/mm.h %D%/mm.c %D%/kmalloc.c %D%/explain.c %D%/digest.c \
	%D%/soundness.c
