core_sources += %D%/heap.h %D%/inside.h %D%/front.h %D%/heap.c %D%/grow.c %D%/trim.c \
	%D%/classes.c %D%/dummy.c %D%/bump.c %D%/list.c %D%/boundary.c %D%/buddy.c %D%/tlsf_inside.h %D%/tlsf.c %D%/tlsf_parts.c %D%/fixed.c \
	%D%/slab.h %D%/slab_inside.h %D%/slab.c %D%/slab_slots.c \
	%D%/slab_slot.h %D%/slab_quick.c \
	%D%/slab_slabs.c %D%/slab_given.c %D%/slab_blocks.c %D%/slab_books.c \
	%D%/slab_kept.c %D%/slab_runs.c %D%/slab_sound.c %D%/slab_sizes.c \
	%D%/debug.h %D%/debug_inside.h %D%/debug.c %D%/debug_records.c \
	%D%/debug_zones.c %D%/debug_report.c %D%/debug_leaks.c %D%/debug_kept.c %D%/debug_mode.c
