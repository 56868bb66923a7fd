/*
 * Addresses and entries for cases.
 *
 *   address  [ 0x88 | 300 ][ 0x110.. ][ 8 or 9 ][ i1 ][ offset ]
 *                PML4         PDPT        PD      PT
 *
 * The indices are chosen so that whatever an entry turns into, the access stays
 * inside the targets: as a 1 GiB page at 0 or 1 GiB, 8 or 9 * 2 MiB is where
 * the targets are; as a 2 MiB page over the tables, i1 lies behind them; and a
 * table read in another's place holds nothing of a kernel at any index.
 */
#include "conformance/inside.h"

void add_poke(struct maker *k, enum conf_table table, uint64_t va, uint64_t e) {
    k->c->steps[k->c->count++] = (struct conf_step){
        .op = CONF_POKE,
        .table = (uint8_t)table,
        .index = (uint16_t)table_index(vaddr(va), conf_level(table)),
        .value = e,
    };
}

void add_control(struct maker *k, uint64_t control) {
    add_step(k, CONF_CONTROL,
             (control & k->features->controls) | (control >> 32 << 32));
}

uint64_t make_va(struct maker *k, bool anywhere) {
    static const uint16_t i3[] = { 0x110, 0x111, 0x14f };
    static const uint16_t i1[] = { 0x10, 0x11, 0x155, 0x1fc };
    uint64_t va = anywhere && once_in(k, 4) ? 300 : 0x88;

    va = va << 9 | i3[pick(k, 3)];
    va = va << 9 | (8 + pick(k, 2));
    va = va << 9 | i1[pick(k, 4)];
    va = va << 12 | (draw(k) & 0xff8);
    return vaddr_sign_extend(vaddr(va)).v;
}

uint64_t leaf_address(struct maker *k, unsigned level) {
    const uint64_t target = conf_targets[pick(k, 4)].start;

    return level == 3   ? target & ~(GIB - 1)
           : level == 2 ? target
                        : target + PAGE_SIZE * pick(k, TABLE_ENTRIES);
}

uint64_t good_entry(struct maker *k, unsigned level, unsigned leaf_level) {
    if (level == leaf_level) {
        return leaf_address(k, level) | PTE_PRESENT |
               (level > 1 ? PTE_HUGE : 0);
    }
    return conf_table_at(table_of_level(level - 1)) | PTE_PRESENT;
}

uint64_t reserved_bit(struct maker *k, unsigned level, unsigned leaf_level,
                      bool no_execute) {
    const bool large = level == leaf_level && level > 1;
    uint64_t bits = 0;

    for (unsigned b = k->features->phys_bits; b < 52; b++) {
        bits |= UINT64_C(1) << b;
    }
    bits |= !no_execute ? PTE_NO_EXECUTE : 0;
    bits |= level == 4 ? PTE_HUGE : 0;
    bits |= large ? level_size(level) - (UINT64_C(1) << 13) : 0;
    for (unsigned n = 0; bits != 0 && n < 1000; n++) {
        uint64_t one = UINT64_C(1) << pick(k, 64);

        if ((bits & one) != 0) {
            return one;
        }
    }
    return 0;
}

/** Where a non-leaf of @level leads: mostly to the table made for it, at times
 *  to an empty one, or to one of another level. */
static uint64_t next_table(struct maker *k, unsigned level) {
    if (!once_in(k, 12)) {
        return conf_table_at(table_of_level(level - 1));
    }
    return conf_table_at(pick(k, CONF_TABLE_FRAMES));
}

uint64_t random_entry(struct maker *k, unsigned level) {
    const uint64_t beyond =
        PTE_ADDRESS_MASK & ~((UINT64_C(1) << k->features->phys_bits) - 1);
    uint64_t e = draw(k), address;

    if (once_in(k, 12)) {
        return e & ~PTE_PRESENT;
    }
    e |= PTE_PRESENT;
    e &= once_in(k, 12) ? ~UINT64_C(0) : ~beyond;
    if (level > 1 && !once_in(k, level == 4 ? 12 : 3)) {
        e &= ~PTE_HUGE;
    }
    if (once_in(k, 2)) {
        e |= PTE_WRITABLE | PTE_USER;
    }
    if (pte_is_leaf(pte(e), level)) {
        address = leaf_address(k, level);
        if (level > 1) {
            /* PAT as it fell; what is reserved below the address, at times */
            address |= e & (once_in(k, 6) ? level_size(level) - PAGE_SIZE
                                          : PTE_PAT_HUGE);
        }
    } else {
        address = level == 4 && pte_has(pte(e), PTE_HUGE)
                      ? conf_table_at(CONF_PDPT)
                      : next_table(k, level);
    }
    return (e & (~PTE_ADDRESS_MASK | beyond)) | address;
}
