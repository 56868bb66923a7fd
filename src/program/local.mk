# What the programs share; each library of a program compiles it with its
# PROGRAM_NAME.
program_sources = %D%/say.h %D%/say.c %D%/number.h %D%/number.c \
	%D%/own_file.h %D%/own_file.c %D%/scratch.h %D%/scratch.c
