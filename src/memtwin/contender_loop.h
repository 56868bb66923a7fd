/*
 * A replay, for whoever defines REPLAY (its name), ALLOC, ALIGNED, ZEROED,
 * REALLOC, FREE, BEFORE, AFTER and TOUCH; included for heaps and for libraries,
 * so that neither pays for a call through a table.
 */
static size_t REPLAY(const struct contender *c, const struct workload *w,
                     uint8_t **blocks) {
    (void)c;
    for (size_t i = 0; i < w->count; i++) {
        const struct workload_op *op = &w->ops[i];
        uint8_t *p = blocks[op->id];

        BEFORE(i, op);
        switch (op->kind) {
        case REPLAY_FREE:
            FREE(c, p, op);
            AFTER(i);
            continue;
        case REPLAY_REALLOC:
            p = REALLOC(c, p, op);
            break;
        case REPLAY_ZEROED:
            p = ZEROED(c, op);
            break;
        case REPLAY_ALIGNED:
            p = ALIGNED(c, op);
            break;
        default:
            p = ALLOC(c, op);
            break;
        }
        AFTER(i);
        if (p == NULL) {
            return i;
        }
        TOUCH(p, op->size);
        blocks[op->id] = p;
    }
    return w->count;
}
