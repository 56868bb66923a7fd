#include "kernel/forged.h"

#include <check.h>
#include <string.h>

#include "support/asserts.h"

static pfn_t frame;

void *forged_start(void) {
    machine_start_pages(&m);
    ck_assert_status(pmm_alloc(&m.pmm, &frame), MM_OK);
    ck_assert_status(vmm_identity_map(&m.space, frame, VMM_READ), MM_OK);
    return memset(boot_direct(m.boot, forged_at()), 'x', PAGE_SIZE);
}

void forged_stop(void) {
    struct vmm_unmapped old = vmm_unmap(&m.space, vaddr(forged_at().v));

    ck_assert_status(old.status, MM_OK);
    vmm_flush(old.token);
    ck_assert_status(pmm_free(&m.pmm, frame), MM_OK);
    machine_stop_pages(&m);
}

paddr_t forged_at(void) {
    return paddr_of(frame);
}
