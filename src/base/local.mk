base_sources += %D%/addr.h %D%/bytes.h %D%/range.h %D%/status.h %D%/status.c %D%/fmt.h \
	%D%/fmt.c %D%/hash.h %D%/poison.h %D%/events.h %D%/events.c
