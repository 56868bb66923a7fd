# The labs.  Scripts are part of memtwin-grade; what students get is only copied.
lab_sources = %D%/scripts.c %D%/1-frames/public.c
EXTRA_DIST += %D%/1-frames/lab.conf %D%/1-frames/weights %D%/1-frames/hints \
	%D%/1-frames/starter/memmap.c %D%/1-frames/starter/bitmap.c
