/*
 * The report as one JSON object:
 *
 *   { "trace": {...}, "options": {...},
 *     "machines": { "simulator": { "good": true, "ops": 509018, ... },
 *                   "QEMU": {...} },
 *     "equal": true }
 *
 * Numbers are numbers; digests are strings, since 64 bits do not survive in
 * every reader of JSON.
 */
#include "memtwin/report.h"
#include "memtwin/walk_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *fact_value(const char *value) {
    if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0) {
        return json_boolean(value[0] == 'y');
    }
    if (value[strspn(value, "0123456789")] == '\0') {
        return number(strtoull(value, NULL, 10));
    }
    return json_string(value);
}

static json_t *trace_object(const struct trace *t) {
    json_t *o = json_object();

    json_object_set_new(o, "file", json_string(t->path));
    json_object_set_new(o, "name", json_string(t->name));
    json_object_set_new(o, "operations", number(t->op_count));
    json_object_set_new(o, "ids", number(t->id_count));
    return o;
}

static json_t *options_object(const struct run_options *opt) {
    static const char *const policies[TLB_POLICIES] = {
        [TLB_LRU] = "lru",
        [TLB_HOSTILE] = "hostile",
        [TLB_RANDOM] = "random",
        [TLB_NONE] = "none",
    };
    json_t *o = json_object();

    json_object_set_new(o, "heap", json_string(opt->heap_class));
    json_object_set_new(o, "heap_base", number(opt->heap_base));
    json_object_set_new(o, "heap_limit", number(opt->heap_limit));
    json_object_set_new(o, "pmm", json_string(opt->pmm_class));
    json_object_set_new(o, "backing",
                        json_string(opt->immediate ? "immediate" : "demand"));
    json_object_set_new(o, "tlb", json_string(policies[opt->tlb_policy]));
    json_object_set_new(o, "tlb_capacity", number(opt->tlb_capacity));
    json_object_set_new(o, "fill_ahead", number(opt->fill_ahead));
    json_object_set_new(o, "seed", number(opt->seed));
    if (opt->map_path != NULL) {
        json_object_set_new(o, "map", json_string(opt->map_path));
    } else {
        json_object_set_new(o, "ram", number(opt->ram));
    }
    return o;
}

static json_t *walks_array(const struct outcome *m) {
    json_t *walks = json_array();
    unsigned i;

    for (i = 0; i < m->walk_count; i++) {
        json_array_append_new(
            walks, walk_object(&m->walks[i].result, m->walks[i].asked,
                               m->writes.ring != NULL ? &m->writes : NULL));
    }
    return walks;
}

static json_t *machine_object(const struct outcome *m) {
    const struct machine_counters *c = &m->counters;
    json_t *o = json_object();
    size_t i;

    json_object_set_new(o, "good", json_boolean(m->has_verdict && m->good));
    if (m->error_place != ERROR_NONE) {
        json_object_set_new(o, "error", json_string(m->error));
    }
    for (i = 0; i < m->fact_count; i++) {
        json_object_set_new(o, m->facts[i].key, fact_value(m->facts[i].value));
    }
    if (m->has_counters) {
        json_object_set_new(o, "tlb_fills", number(c->fills));
        json_object_set_new(o, "tlb_evictions", number(c->evictions));
        json_object_set_new(o, "invlpgs", number(c->invlpgs));
        json_object_set_new(o, "signals", number(c->signals));
        json_object_set_new(o, "walk_reads", number(c->walk_reads));
    }
    if (m->has_stales) {
        json_object_set_new(o, "flushes_missing", number(m->stale_count));
    }
    if (m->walk_count > 0) {
        json_object_set_new(o, "walks", walks_array(m));
    }
    json_object_set_new(o, "us_per_op", json_real(outcome_us_per_op(m)));
    return o;
}

bool report_json(const struct run *run) {
    json_t *machines = json_object();
    json_t *all = json_object();
    bool good;

    json_object_set_new(all, "trace", trace_object(run->trace));
    json_object_set_new(all, "options", options_object(run->options));
    if (run->sim != NULL) {
        json_object_set_new(machines, "simulator", machine_object(run->sim));
    }
    if (run->qemu != NULL) {
        json_object_set_new(machines, "qemu", machine_object(run->qemu));
    }
    json_object_set_new(all, "machines", machines);
    if (run->compared) {
        json_object_set_new(all, "equal", json_boolean(run->equal));
    }
    if (run->difference != NULL) {
        json_object_set_new(all, "difference", json_string(run->difference));
    }
    /* Lost output is seen by main(), for every verb. */
    good =
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4)) == 0 ||
        ferror(stdout) != 0;
    putchar('\n');
    json_decref(all);
    if (!good) {
        complain("no memory for the JSON report");
    }
    return good;
}
