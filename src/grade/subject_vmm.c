/*
 * Calls of the pages' floor.  What owes a flush is paid at once.
 */
#include "grade/subject.h"

static struct vmm_space *space_number(struct subject *subject, uint64_t n) {
    return &subject->spaces[n % TALK_SPACES];
}

static enum mm_status unmap(struct vmm_unmapped unmapped, struct call *call) {
    vmm_flush(unmapped.token);
    call->out[0] = unmapped.frame.v;
    return unmapped.status;
}

static enum mm_status change(struct vmm_changed changed) {
    vmm_flush(changed.token);
    return changed.status;
}

static enum mm_status translate(const struct vmm_space *space,
                                struct call *call) {
    const struct vmm_translation found =
        vmm_translate(space, vaddr(call->in[1]));

    call->out[0] = found.pa.v;
    call->out[1] = found.page_size;
    call->out[2] = found.access;
    return found.status;
}

static enum mm_status add_region(struct vmm_space *space, const uint64_t *in) {
    static const char *const names[VMM_BACKINGS] = { "guard",     "demand",
                                                     "immediate", "device",
                                                     "stack",     "paged" };
    const enum vmm_backing backing = (enum vmm_backing)in[4];

    return vmm_region_add(
        space,
        (struct vmm_region){ .name = in[4] < VMM_BACKINGS ? names[in[4]] : "?",
                             .range = { vaddr(in[1]), in[2] },
                             .access = (unsigned)in[3],
                             .backing = backing,
                             .device = pfn(backing == VMM_DEVICE ? in[5] : 0),
                             .limit = backing == VMM_STACK ? in[5] : 0 });
}

static enum mm_status find_region(struct vmm_space *space, struct call *call) {
    const uint64_t *in = call->in;
    vaddr_t va = vaddr(0);
    enum mm_status status = vmm_region_find(
        space, (struct vrange){ vaddr(in[1]), in[2] }, in[3], in[4], &va);

    call->out[0] = va.v;
    return status;
}

static enum mm_status region_at(const struct vmm_space *space,
                                struct call *call) {
    const struct vmm_region *region = vmm_region_at(space, vaddr(call->in[1]));

    if (region == NULL) {
        return MM_NO_REGION;
    }
    call->out[0] = region->range.base.v;
    call->out[1] = region->range.len;
    call->out[2] = region->access;
    call->out[3] = (uint64_t)region->backing;
    return MM_OK;
}

static enum mm_status copy(struct subject *subject, struct vmm_space *space,
                           struct call *call) {
    const uint64_t len = call->in[2] < TALK_BLOB ? call->in[2] : TALK_BLOB;
    uint8_t *blob = subject->talk->blob;
    const struct vmm_copied copied =
        call->ask == ASK_VMM_COPY_IN
            ? vmm_copy_in(blob, space, vaddr(call->in[1]), len)
            : vmm_copy_out(space, vaddr(call->in[1]), blob, len);

    call->out[0] = copied.bytes;
    return copied.status;
}

static enum mm_status fault(struct subject *subject, struct vmm_space *space,
                            const uint64_t *in) {
    subject->cr2 = vaddr(in[1]);
    return vmm_fault(space, vaddr(in[1]), (unsigned)in[2]).status;
}

static void space_stats(const struct vmm_space *space, struct call *call) {
    call->out[0] = space->stats.maps;
    call->out[1] = space->stats.unmaps;
    call->out[2] = space->stats.tables;
    call->out[3] = space->stats.faults;
    call->out[4] = space->stats.copies;
}

static void adopt(struct subject *subject, struct vmm_space *space) {
    vmm_space_adopt(space, &subject->pmm, &subject->talk->boot);
    space->events = &subject->events;
}

static enum mm_status create(struct subject *subject, struct vmm_space *space) {
    enum mm_status status = vmm_space_create(space, &subject->spaces[0]);

    space->events = &subject->events;
    return status;
}

static enum mm_status on_spaces(struct subject *subject,
                                struct vmm_space *space, struct call *call) {
    const char *why;

    switch (call->ask) {
    case ASK_VMM_ADOPT:
        adopt(subject, space);
        return MM_OK;
    case ASK_VMM_CREATE:
        return create(subject, space);
    case ASK_VMM_SWITCH:
        vmm_space_switch(space);
        return MM_OK;
    case ASK_VMM_DESTROY:
        return vmm_space_destroy(space);
    case ASK_VMM_FORK:
        return vmm_space_fork(space, space_number(subject, call->in[1]));
    case ASK_VMM_FAULT:
        return fault(subject, space, call->in);
    case ASK_VMM_COPY_IN:
    case ASK_VMM_COPY_OUT:
        return copy(subject, space, call);
    case ASK_VMM_STATS:
        space_stats(space, call);
        return MM_OK;
    default:
        call->out[0] = vmm_all_are_sound(space, &why);
        return MM_OK;
    }
}

static enum mm_status on_regions(struct vmm_space *space, struct call *call) {
    const uint64_t *in = call->in;

    switch (call->ask) {
    case ASK_VMM_REGION_ADD:
        return add_region(space, in);
    case ASK_VMM_REGION_EXTEND:
        return vmm_region_extend(space, vaddr(in[1]), in[2]);
    case ASK_VMM_REGION_SPLIT:
        return vmm_region_split(space, vaddr(in[1]));
    case ASK_VMM_REGION_PROTECT:
        return vmm_region_protect(space, vaddr(in[1]), (unsigned)in[2]);
    case ASK_VMM_REGION_REMOVE:
        return vmm_region_remove(space, vaddr(in[1]));
    case ASK_VMM_REGION_FIND:
        return find_region(space, call);
    default:
        return region_at(space, call);
    }
}

static enum mm_status on_pages(struct vmm_space *space, struct call *call) {
    const uint64_t *in = call->in;
    const vaddr_t va = vaddr(in[1]);

    switch (call->ask) {
    case ASK_VMM_MAP:
        return vmm_map_leaf(space, va, pfn(in[2]), (unsigned)in[4],
                            (unsigned)in[3]);
    case ASK_VMM_MAP_PAGE:
        return vmm_map(space, va, pfn(in[2]), (unsigned)in[3]);
    case ASK_VMM_MAP_RANGE:
        return vmm_map_range(space, va, pfn(in[2]), in[3], (unsigned)in[4]);
    case ASK_VMM_MAP_LARGE:
        return vmm_map_large(space, va, pfn(in[2]), in[3], (unsigned)in[4]);
    case ASK_VMM_UNMAP:
        return unmap(vmm_unmap_leaf(space, va, (unsigned)in[2]), call);
    case ASK_VMM_UNMAP_PAGE:
        return unmap(vmm_unmap(space, va), call);
    case ASK_VMM_UNMAP_RANGE:
        return change(vmm_unmap_range(space, va, in[2]));
    case ASK_VMM_PROTECT:
        return change(
            vmm_protect_leaf(space, va, (unsigned)in[3], (unsigned)in[2]));
    case ASK_VMM_PROTECT_RANGE:
        return change(vmm_protect_range(space, va, in[2], (unsigned)in[3]));
    case ASK_VMM_UPDATE:
        return unmap(vmm_update(space, va, pfn(in[2]), (unsigned)in[3]), call);
    case ASK_VMM_SPLIT:
        return vmm_split(space, va, (unsigned)in[2]);
    case ASK_VMM_MERGE:
        return vmm_merge(space, va, (unsigned)in[2]);
    case ASK_VMM_RECLAIM:
        call->out[0] = vmm_reclaim_tables(space, (struct vrange){ va, in[2] });
        return MM_OK;
    default:
        return translate(space, call);
    }
}

bool subject_vmm(struct subject *subject, struct call *call) {
    struct vmm_space *space = space_number(subject, call->in[0]);
    enum mm_status status;

    if (call->ask < ASK_VMM_ADOPT || call->ask > ASK_VMM_IS_SOUND) {
        return false;
    }
    if (call->ask >= ASK_VMM_MAP && call->ask <= ASK_VMM_RECLAIM) {
        status = on_pages(space, call);
    } else if (call->ask >= ASK_VMM_REGION_ADD &&
               call->ask <= ASK_VMM_REGION_AT) {
        status = on_regions(space, call);
    } else {
        status = on_spaces(subject, space, call);
    }
    call->status = (int32_t)status;
    return true;
}
