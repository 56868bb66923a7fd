# The labs.  Scripts are part of memtwin-grade; what students get is only copied.
lab_sources = %D%/scripts.c %D%/pages.h %D%/blocks.h %D%/spaces.h %D%/1-frames/public.c \
	%D%/2-four-levels/public.c %D%/3-faults/public.c \
	%D%/4-spaces/public.c %D%/5-heap/public.c
if HIDDEN
lab_sources += %D%/instructor/1-frames/hidden.c \
	%D%/instructor/2-four-levels/hidden.c \
	%D%/instructor/3-faults/hidden.c \
	%D%/instructor/4-spaces/hidden.c \
	%D%/instructor/5-heap/hidden.c
endif
EXTRA_DIST += %D%/1-frames %D%/2-four-levels %D%/3-faults %D%/4-spaces \
	%D%/5-heap
