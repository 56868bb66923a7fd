core_sources += %D%/replay.h %D%/pattern.c %D%/books.c %D%/replay.c \
	%D%/report.c %D%/main.c
