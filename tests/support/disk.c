/*
 * A disk of frames.
 */
#include "support/disk.h"

#include <string.h>

#include "support/asserts.h"

uint8_t *disk_block(const struct disk *disk, vaddr_t page) {
    const uint64_t n = page.v >> PAGE_SHIFT & (disk->pages - 1);

    return pointer_of(
        vaddr_add(disk->direct_base, paddr_of(pfn_add(disk->first, n)).v));
}

static bool fails(const struct disk *disk, uint64_t *bad) {
    return disk->dead || (*bad != 0 && --*bad == 0);
}

static enum mm_status load(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           void *bytes) {
    struct disk *disk = (struct disk *)pager;

    (void)region;
    if (fails(disk, &disk->bad_load)) {
        return DISK_FAILED;
    }
    memcpy(bytes, disk_block(disk, page), PAGE_SIZE);
    disk->loads++;
    return MM_OK;
}

static enum mm_status save(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           const void *bytes) {
    struct disk *disk = (struct disk *)pager;

    (void)region;
    if (disk->full || fails(disk, &disk->bad_save)) {
        memset(disk_block(disk, page), 0xee, PAGE_SIZE); /* half written */
        return DISK_FAILED;
    }
    memcpy(disk_block(disk, page), bytes, PAGE_SIZE);
    disk->saves++;
    return MM_OK;
}

static enum mm_status copy(struct vmm_pager *pager,
                           const struct vmm_region *region,
                           struct vmm_pager **child) {
    struct disk *disk = (struct disk *)pager;

    (void)region;
    if (disk->dead || disk->child == NULL) {
        return DISK_FAILED;
    }
    for (uint64_t n = 0; n < disk->pages; n++) {
        const vaddr_t page = vaddr(n * PAGE_SIZE);

        memcpy(disk_block(disk->child, page), disk_block(disk, page),
               PAGE_SIZE);
    }
    disk->child->forks++;
    *child = &disk->child->pager;
    return MM_OK;
}

static void end(struct vmm_pager *pager, const struct vmm_region *region) {
    (void)region;
    ((struct disk *)pager)->ends++;
}

void disk_start(struct disk *disk, const struct vmm_space *space,
                uint64_t pages) {
    *disk = (struct disk){ .pager = { load, save, copy, end },
                           .pmm = space->pmm,
                           .direct_base = space->direct_base,
                           .pages = pages };
    ck_assert_status(pmm_alloc_run(space->pmm,
                                   (struct pmm_want){ .count = pages },
                                   &disk->first),
                     MM_OK);
    for (uint64_t n = 0; n < pages; n++) {
        memset(disk_block(disk, vaddr(n * PAGE_SIZE)), (int)n, PAGE_SIZE);
    }
}

void disk_end(struct disk *disk) {
    ck_assert_status(pmm_free_run(disk->pmm, disk->first, disk->pages), MM_OK);
}
