# What is compiled once and linked into both test programs.
twin_sources += %D%/suites.h
twin_sources += tests/support/asserts.h tests/support/machine.h \
	tests/support/machine.c tests/support/pages.c \
	tests/support/other.h tests/support/other.c
twin_sources += %D%/test_base.c %D%/test_trap.c %D%/test_image.c
twin_sources += %D%/test_memmap.h %D%/test_memmap.c %D%/test_memmap_holes.c \
	%D%/test_pmm.c %D%/test_pmm_init.c
twin_sources += %D%/test_pmm_class.c %D%/test_pmm_model.c \
	%D%/test_pmm_watch.c %D%/test_pmm_areas.h %D%/test_pmm_areas.c \
	%D%/test_pmm_area_books.c %D%/test_pmm_split.c \
	%D%/test_pmm_sweep.c %D%/test_pmm_withheld.c %D%/test_pmm_reclaim.c
twin_sources += %D%/test_vmm_map.c %D%/test_vmm_flush.c \
	%D%/test_vmm_large.c %D%/test_vmm_range.c %D%/test_vmm_space.c \
	%D%/test_vmm_translate.c %D%/test_vmm_region.c %D%/test_vmm_tree.c %D%/test_vmm_fault.c %D%/test_vmm_paged.c %D%/test_vmm_pager.c %D%/test_vmm_rare.c %D%/test_vmm_stale.c %D%/test_vmm_parts.c \
	%D%/test_vmm_sweep.c %D%/test_vmm_sound.c %D%/test_vmm_kinds.c \
	%D%/test_vmm_share.c %D%/test_vmm_edges.c \
	%D%/test_vmm_random.c %D%/test_vmm_reach.c
twin_sources += %D%/test_heap_arena.h %D%/test_heap_arena.c %D%/test_heap.c \
	%D%/test_heap_list.c %D%/test_heap_grow.c %D%/test_heap_random.c \
	%D%/test_heap_damage.c %D%/test_heap_slab.c %D%/test_heap_front.c %D%/test_heap_fixed.c %D%/test_heap_lessons.c
twin_sources += %D%/test_heap_boundary.c %D%/test_heap_buddy.c %D%/test_heap_tlsf.c
twin_sources += %D%/test_heap_debug.h %D%/test_heap_watched.c %D%/test_heap_misuse.h %D%/test_heap_misuse.c \
	%D%/test_heap_misuses.c \
	%D%/test_heap_debug.c %D%/test_heap_pages.c \
	%D%/test_heap_trim.c %D%/test_heap_records.c \
	%D%/test_heap_owners.c %D%/test_heap_headers.c %D%/test_heap_slabs.c \
	%D%/test_kmalloc_wrong.c
twin_sources += %D%/test_kmalloc.c %D%/test_kcache.c %D%/test_blog.c %D%/test_mm.c \
	%D%/test_mm_place.c %D%/test_mm_flow.c %D%/test_mm_story.c %D%/test_mm_sweep.c %D%/test_mm_digest.c
twin_sources += %D%/test_replay.h %D%/test_replay.c %D%/test_replay_faults.c
# The examples of the documents.
twin_sources += doc/examples/owners.h doc/examples/box.c doc/examples/vector.c \
	doc/examples/string.c doc/examples/shared.c %D%/test_examples.c
twin_sources += %D%/test_vmm_lessons.c
twin_sources += tests/support/disk.h tests/support/disk.c %D%/test_vmm_room.c \
	%D%/test_vmm_joined.c %D%/test_vmm_whole.c
