/*
 * The tables as JSON: an array with an object for each trace.  A figure that
 * was not measured is not there.
 */
#include "memtwin/compare.h"

#include <jansson.h>

static json_t *integer(uint64_t value) {
    return json_integer((json_int_t)value);
}

static void set_real(json_t *o, const char *key, double value) {
    if (value > 0) {
        json_object_set_new(o, key, json_real(value));
    }
}

static json_t *cycles_object(const struct measured_cycles *c) {
    json_t *o = json_object();

    json_object_set_new(o, "p50", integer(c->p50));
    json_object_set_new(o, "p99", integer(c->p99));
    json_object_set_new(o, "p99.99", integer(c->p9999));
    json_object_set_new(o, "worst", integer(c->worst));
    return o;
}

static json_t *samples_array(const struct measured_memory *m) {
    json_t *all = json_array();

    for (size_t i = 0; i < m->count; i++) {
        const struct measured_sample *s = &m->samples[i];
        json_t *o = json_object();

        json_object_set_new(o, "operations", integer(s->done));
        json_object_set_new(o, "live", integer(s->live));
        json_object_set_new(o, "resident", integer(s->resident));
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *row_object(const struct compare_table *t,
                          const struct compare_row *r) {
    json_t *o = json_object();

    json_object_set_new(o, "name", json_string(r->name));
    json_object_set_new(o, "installed", json_boolean(!r->missing));
    if (r->why[0] != '\0') {
        json_object_set_new(o, "failed", json_string(r->why));
    }
    set_real(o, "ns_per_operation", r->ns);
    set_real(o, "time_ratio", r->ratio);
    set_real(o, "instructions_per_operation", r->instructions);
    if (r->cycles.worst > 0) {
        json_object_set_new(o, "cycles", cycles_object(&r->cycles));
    }
    if (r->arena > 0) {
        json_object_set_new(o, "smallest_arena", integer(r->arena));
        set_real(o, "live_of_arena", compare_of_arena(t, r));
    }
    if (r->memory.count > 0) {
        json_object_set_new(o, "resident_peak",
                            integer(measured_resident_peak(&r->memory)));
        set_real(o, "live_of_resident", compare_of_resident(t, r));
        set_real(o, "mean_waste", compare_mean_waste(r));
        json_object_set_new(o, "samples", samples_array(&r->memory));
    }
    return o;
}

static json_t *table_object(const struct compare_table *t) {
    json_t *o = json_object(), *rows = json_array();

    json_object_set_new(o, "trace", json_string(t->workload->name));
    json_object_set_new(o, "operations", integer(t->workload->count));
    json_object_set_new(o, "live_blocks_peak",
                        integer(t->workload->peak_blocks));
    json_object_set_new(o, "live_bytes_peak", integer(t->workload->peak));
    if (t->reference != NULL) {
        json_object_set_new(o, "reference", json_string(t->reference));
    }
    json_object_set_new(o, "instructions_counted_by",
                        json_string(compare_counter_name(t->counter)));
    for (size_t i = 0; i < t->row_count; i++) {
        json_array_append_new(rows, row_object(t, &t->rows[i]));
    }
    json_object_set_new(o, "contenders", rows);
    return o;
}

bool compare_json(const struct compare_table *tables, size_t count) {
    json_t *all = json_array();
    bool good;

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(all, table_object(&tables[i]));
    }
    /* Lost output is seen by main(), for every verb. */
    good = json_dumpf(all, stdout, JSON_INDENT(2)) == 0 || ferror(stdout) != 0;
    if (!good) {
        complain("no memory for the JSON");
    }
    putchar('\n');
    json_decref(all);
    return good;
}
