# The functional half: plain C11 on any POSIX host.
sim_sources += %D%/ram.h %D%/ram.c %D%/ram_host.h %D%/ram_host.c %D%/ram_device.c \
	%D%/walk.h %D%/walk_inside.h %D%/walk_plain.h %D%/walk.c %D%/walk_explain.c %D%/tlb.h %D%/tlb_inside.h \
	%D%/tlb.c %D%/tlb_order.c %D%/tlb_keep.c \
	%D%/cpu.h %D%/cpu_inside.h %D%/cpu.c %D%/cpu_access.c \
	%D%/cpu_upper.c %D%/cpu_ahead.c %D%/cpu_stale.c %D%/cpu_control.c %D%/cpu_interrupt.c \
	%D%/cpu_halves.h %D%/cpu_halves.c %D%/schedule.h %D%/schedule.c \
	%D%/smp.h %D%/smp.c %D%/events.h %D%/events.c \
	%D%/writes.h %D%/writes.c %D%/cpu_freed.c %D%/cpu_remembered.c %D%/cpu_inject.c \
	%D%/budget.h %D%/budget.c %D%/inject.h %D%/inject.c \
	%D%/snapshot.h %D%/snapshot.c %D%/journal.h %D%/journal.c \
	%D%/journal_log.c %D%/log.h %D%/log.c \
	%D%/mapfile.h %D%/mapfile.c %D%/mapfile_pc.c
sim_sources += %D%/walk_story.h %D%/walk_story.c

# The live half: x86_64 Linux, behind hw.h.
sim_live_sources += %D%/sim.h %D%/sim.c %D%/firmware.c %D%/live.h %D%/fiber.h %D%/live.c %D%/live_fault.c \
	%D%/privileged.c \
	%D%/live_smp.c %D%/live_map.c %D%/live_ahead.c %D%/live_flush.c %D%/live_windows.c %D%/live_check.c \
	%D%/guest.S %D%/deliver.c %D%/hw_sim.c %D%/live_remembered.c %D%/sim_watch.c \
	%D%/sim_snapshot.c %D%/live_tables.c %D%/sim_code.c
