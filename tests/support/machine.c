/*
 * The half of machine.h that is the same on both machines.
 *
 * What machine_leave_free() holds is listed here, not in the frames themselves:
 * nobody looks at them, and RAM that is never touched costs nothing on the
 * host.
 */
#include "support/machine.h"

#include <check.h>

#include "base/hash.h"

struct mm mm;
struct pmm pmm;
struct machine_pages m;

#define HARDWARE_BITS (PTE_ACCESSED | PTE_DIRTY)

/* Frames of 32 MiB. */
#define HELD_MAX 8192

static struct {
    uint32_t frames[HELD_MAX];
    unsigned count;
} held;

void machine_forget_held(void) {
    held.count = 0;
}

static void hold_one(struct pmm *pmm) {
    pfn_t f;

    ck_assert_int_eq(pmm_alloc(pmm, &f), MM_OK);
    ck_assert_uint_lt(held.count, HELD_MAX);
    held.frames[held.count++] = (uint32_t)f.v;
}

static void release_one(struct pmm *pmm) {
    held.count--;
    ck_assert_int_eq(pmm_free(pmm, pfn(held.frames[held.count])), MM_OK);
}

void machine_leave_free(struct pmm *pmm, uint64_t count) {
    while (pmm_free_count(pmm) > count) {
        hold_one(pmm);
    }
    while (pmm_free_count(pmm) < count) {
        ck_assert_msg(held.count > 0,
                      "a test wants %lu frames free, but %lu "
                      "is all there is",
                      (unsigned long)count, (unsigned long)pmm_free_count(pmm));
        release_one(pmm);
    }
}

void machine_give_back(struct pmm *pmm) {
    while (held.count > 0) {
        release_one(pmm);
    }
}

struct hashing {
    const struct vmm_space *space;
    uint64_t hash;
};

static void hash_table(struct hashing *hashing, paddr_t table) {
    const uint64_t *entries =
        pointer_of(vaddr_add(hashing->space->direct_base, table.v));

    hashing->hash = hash_add(hashing->hash, table.v);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        hashing->hash = hash_add(hashing->hash, entries[i] & ~HARDWARE_BITS);
    }
}

static void hash_visit(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct hashing *hashing = ctx;
    const struct vmm_reach *reach = hashing->space->reach;

    /* The window shows what was looked at last. */
    if (!pte_is_leaf(entry, level) &&
        (reach == NULL || level != 2 || va.v != reach->window.v)) {
        hash_table(hashing, pte_address(entry));
    }
}

uint64_t machine_tables_hash(const struct vmm_space *space) {
    const struct vrange everything = { vaddr(0), UINT64_MAX };
    struct hashing hashing = { space, HASH_START };

    hash_table(&hashing, space->root);
    vmm_walk(space, everything, hash_visit, &hashing);
    return hashing.hash;
}

/* --- the whole subsystem ------------------------------------------------- */

void machine_start(struct mm *mm, const struct mm_config *config) {
    struct mm_init_result result;

    machine_forget_held();
    result = mm_init(mm, machine_power_on(),
                     config != NULL ? config : &mm_default_config);
    ck_assert_msg(result.status == MM_OK, "mm_init() failed at %s: %s",
                  result.step, mm_status_name(result.status));
}

void machine_stop(struct mm *mm) {
    const char *why = "";

    machine_give_back(&mm->pmm);
    ck_assert_msg(mm_check(mm, &why), "after the test: %s", why);
    machine_power_off();
}
