/*
 * What a processor remembers, as a list, for a kernel that checks itself.
 *
 *   TLB      [va -> frames]
 *   upper    [va.. -> table]
 */
#include "sim/cpu_inside.h"

struct list {
    struct hw_remembered *out;
    unsigned count, max;
    bool tables;
};

static void add(void *ctx, const struct tlb_entry *entry) {
    struct list *list = ctx;

    if (list->count < list->max) {
        list->out[list->count] = (struct hw_remembered){
            .va = entry->page,
            .f = pfn_of(entry->frame),
            .pages = UINT64_C(1) << (entry->page_shift - PAGE_SHIFT),
            .is_table = list->tables,
        };
    }
    list->count++;
}

unsigned cpu_remembered(struct sim_cpu *cpu, struct hw_remembered *out,
                        unsigned max) {
    struct list list = { .out = out, .max = max };

    tlb_each(&cpu->tlb, add, &list);
    list.tables = true;
    tlb_each(&cpu->upper, add, &list);
    return list.count;
}
