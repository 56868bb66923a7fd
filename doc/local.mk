EXTRA_DIST += %D%/architecture.md %D%/glossary.md %D%/debugging.md
EXTRA_DIST += %D%/traces.md
EXTRA_DIST += %D%/heap.md %D%/digest.md %D%/pmm.md %D%/vmm.md %D%/simulator.md %D%/live.md %D%/tlb.md
EXTRA_DIST += %D%/watching.md %D%/teaching.md %D%/grading.md %D%/student.md
EXTRA_DIST += %D%/paging.md %D%/invariants.md
if LIVE
dist_man_MANS += %D%/memtwin.1 %D%/memtwin-grade.1
endif
