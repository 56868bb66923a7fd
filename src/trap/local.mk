core_sources += %D%/trap.h %D%/trap.c %D%/entry.S
