/*
 * The legality report of a replay.
 *
 * Hits are native, so of accesses only misses are held against the tables; but
 * a frame that goes back while the TLB still leads to it is seen at once,
 * whoever would use it later.  That is the mistake a kernel makes.
 */
#include "memtwin/stale.h"

#include "memtwin/trace.h"
#include "program/say.h"

#include <inttypes.h>

#define STALES_SHOWN 8

bool stale_begin(struct sim *sim) {
    sim_listen(sim);
    if (!cpu_report_stale(&sim->cpu)) {
        complain("no memory to report stale translations");
        return false;
    }
    return true;
}

void stale_end(struct outcome *outcome, const struct sim *sim) {
    const struct sim_events *events = &sim->events;
    uint64_t count = events->counts[SIM_EVENT_STALE];
    uint64_t first = count > SIM_STALES_KEPT ? count - SIM_STALES_KEPT : 0;

    outcome->has_stales = true;
    outcome->stale_count = count;
    for (uint64_t i = 0; i < STALES_SHOWN && first + i < count; i++) {
        const struct sim_stale *stale =
            &events->stales[(first + i) % SIM_STALES_KEPT];
        char text[600], code[200] = "";

        sim_stale_explain(stale, text, sizeof(text));
        if (stale->writer_is_known) {
            sim_code_name(stale->writer_rip, code, sizeof(code));
        }
        complain_at((struct place){ outcome->trace->path, 0 },
                    "stale translation %" PRIu64 " of %" PRIu64 ": %s%s%s",
                    first + i + 1, count, text,
                    code[0] != '\0' ? ". Stored by " : "", code);
    }
    if (count > 0 && outcome->good) {
        outcome->good = false;
        outcome->error_place = ERROR_AT_END;
        snprintf(outcome->error, sizeof(outcome->error),
                 "translations were used, or their frames freed, without the "
                 "flush they needed: %" PRIu64 " times",
                 count);
    }
}
