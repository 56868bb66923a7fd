# The machine in QEMU: hw.h by instructions.
arch_sources += %D%/machine.h %D%/machine.c %D%/hw_x86_64.c %D%/x86.h \
	%D%/serial.h %D%/serial.c %D%/descriptors.c %D%/early.S %D%/string.c
