/*
 * The same story as walk_tell()'s, for programs.
 */
#include "memtwin/walk_json.h"

#include "hw/explain.h"

#include <inttypes.h>

static json_t *hex(uint64_t value) {
    return json_sprintf("0x%" PRIx64, value);
}

static json_t *writer_object(const struct table_writes *writes, paddr_t at) {
    const struct table_write *w =
        writes != NULL ? table_writes_last(writes, at) : NULL;

    if (w == NULL || w->rip == 0) {
        return json_null();
    }
    return json_pack("{s:i, s:o, s:o}", "processor", (int)w->cpu, "rip",
                     hex(w->rip), "before", hex(w->before.v));
}

static json_t *entry_object(const struct walk_result *r, unsigned i,
                            struct walk_asked asked,
                            const struct table_writes *writes) {
    const struct walk_step *s = &r->steps[i];
    unsigned level = r->top - i;
    json_t *o = json_pack(
        "{s:i, s:s, s:i, s:o, s:o, s:o}", "level", (int)level, "name",
        paging_entry_name(level), "index",
        (int)(asked.va.v >> level_shift(level) & (TABLE_ENTRIES - 1)), "at",
        hex(s->at.v), "value", hex(s->seen.v), "after", hex(s->after.v));

    if (walk_deciding_step(r) == i) {
        char bit[60];

        walk_deciding_bit(r, bit, sizeof(bit));
        json_object_set_new(o, "decides", json_string(bit));
        if (writes != NULL) {
            json_object_set_new(o, "written_by", writer_object(writes, s->at));
        }
    }
    return o;
}

/** Text that grows up to its room. */
struct line {
    char text[200];
    size_t len;
};

static void keep(void *ctx, char c) {
    struct line *line = ctx;

    if (line->len + 1 < sizeof(line->text)) {
        line->text[line->len++] = c;
        line->text[line->len] = '\0';
    }
}

static void add_fault(json_t *o, const struct walk_result *r,
                      struct walk_asked asked) {
    struct line says = { "", 0 };

    json_object_set_new(o, "vector", json_integer(r->vector));
    json_object_set_new(o, "error", json_integer(r->error));
    if (r->vector == 14) {
        paging_print_says(keep, &says, r->error);
        json_object_set_new(o, "cr2", hex(asked.va.v));
        json_object_set_new(o, "error_says", json_string(says.text));
        json_object_set_new(o, "error_does_not_say",
                            json_string(paging_error_hides(r->error)));
    }
}

static void add_success(json_t *o, const struct walk_result *r) {
    json_object_set_new(o, "physical", hex(r->pa.v));
    json_object_set_new(o, "page_size",
                        json_integer((json_int_t)1 << r->page_shift));
    json_object_set_new(o, "user", json_boolean(r->rights.user));
    json_object_set_new(o, "writable", json_boolean(r->rights.writable));
    json_object_set_new(o, "executable", json_boolean(!r->rights.no_execute));
}

json_t *walk_object(const struct walk_result *r, struct walk_asked asked,
                    const struct table_writes *writes) {
    json_t *entries = json_array();
    char sentence[400];
    json_t *o;

    walk_explain(r, asked.va, asked.access, sentence, sizeof(sentence));
    for (unsigned i = 0; i < r->step_count; i++) {
        json_array_append_new(entries, entry_object(r, i, asked, writes));
    }
    o = json_pack("{s:o, s:s, s:b, s:s, s:s, s:o}", "address", hex(asked.va.v),
                  "access", walk_access_name(asked.access), "by_user",
                  (int)asked.user, "result", walk_reason_name(r->reason),
                  "sentence", sentence, "entries", entries);
    if (r->reason == WALK_OK) {
        add_success(o, r);
    } else {
        add_fault(o, r, asked);
    }
    return o;
}
