# check_PROGRAMS += %D%/twin-kernel, inside `if BUILD_KERNEL`
