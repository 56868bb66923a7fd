/*
 * A replay, for whoever defines ALLOC, ZEROED, REALLOC and FREE; included
 * once for the heaps and once for the libraries, so that neither pays for a
 * call through a table.
 *
 * Each block is written to once: its first and its last byte.
 */
static bool REPLAY(const struct contender *c, const struct workload *w,
                   uint8_t **blocks) {
    (void)c;
    for (size_t i = 0; i < w->count; i++) {
        const struct bench_op *op = &w->ops[i];
        uint8_t *p = blocks[op->id];

        BEFORE(i);
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
            return false;
        }
        p[0] = 1;
        p[op->size - 1] = 1;
        blocks[op->id] = p;
    }
    return true;
}
