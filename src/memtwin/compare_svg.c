/*
 * The drawing: how much of what is resident is waste, over the operations.
 *
 *   100 % |  title                 legend
 *         |   ____/\____           -- mimalloc
 *         |__/          \          .. list
 *     0 % +----------------
 *          0    operations
 *
 * Plain SVG 1.1, one panel below another.  Nothing is painted behind the lines,
 * and their colours are of a middle brightness, so that it can be read on a
 * dark page, too; words and axes follow the page.
 */
#include "memtwin/compare.h"

#include <errno.h>
#include <string.h>

#define WIDTH 900
#define PANEL 330 /* height of one */
#define LEFT 60
#define TOP 40
#define PLOT_WIDTH 660
#define PLOT_HEIGHT 230

static const char *const colours[] = { "#d95f02", "#1b9e77", "#7570b3",
                                       "#e7298a", "#66a61e", "#c99700",
                                       "#a6761d", "#808080" };
#define COLOURS (sizeof(colours) / sizeof(colours[0]))
static const char *const dashes[] = { "none", "7 3", "2 3", "9 3 2 3" };
#define DASHES (sizeof(dashes) / sizeof(dashes[0]))

static void put_text(FILE *f, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        default:
            /* XML has no control characters, and a name may be any bytes. */
            fputc(*text >= ' ' && *text <= '~' ? *text : '?', f);
            break;
        }
    }
}

static void label(FILE *f, double x, double y, const char *anchor,
                  const char *text) {
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    put_text(f, text);
    fprintf(f, "</text>\n");
}

static void line(FILE *f, const char *class, double x1, double y1, double x2,
                 double y2) {
    fprintf(f,
            "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
            "y2=\"%.1f\"/>\n",
            class, x1, y1, x2, y2);
}

static void axes(FILE *f, const struct workload *w) {
    char text[64];

    for (int percent = 0; percent <= 100; percent += 25) {
        const double y = TOP + PLOT_HEIGHT * (100 - percent) / 100.0;

        line(f, percent == 0 ? "axis" : "grid", LEFT, y, LEFT + PLOT_WIDTH, y);
        snprintf(text, sizeof(text), "%d %%", percent);
        label(f, LEFT - 6, y + 4, "end", text);
    }
    line(f, "axis", LEFT, TOP, LEFT, TOP + PLOT_HEIGHT);
    for (unsigned quarter = 0; quarter <= 4; quarter++) {
        const double x = LEFT + PLOT_WIDTH * quarter / 4.0;

        line(f, "axis", x, TOP + PLOT_HEIGHT, x, TOP + PLOT_HEIGHT + 4);
        snprintf(text, sizeof(text), "%zu", w->count * quarter / 4);
        label(f, x, TOP + PLOT_HEIGHT + 18, "middle", text);
    }
    label(f, LEFT + PLOT_WIDTH / 2.0, TOP + PLOT_HEIGHT + 36, "middle",
          "operations");
    fprintf(f,
            "<text transform=\"translate(14 %.1f) rotate(-90)\" "
            "text-anchor=\"middle\">waste, %% of resident bytes</text>\n",
            TOP + PLOT_HEIGHT / 2.0);
}

/** The attributes of curve number @i. */
static void put_stroke(FILE *f, size_t i) {
    fprintf(f, "class=\"curve\" stroke=\"%s\" stroke-dasharray=\"%s\"",
            colours[i % COLOURS], dashes[i / COLOURS % DASHES]);
}

static void curve(FILE *f, const struct workload *w,
                  const struct compare_row *r, size_t i) {
    const struct measured_memory *m = &r->memory;

    fprintf(f, "<polyline ");
    put_stroke(f, i);
    fprintf(f, " points=\"");
    for (size_t n = 0; n < m->count; n++) {
        const struct measured_sample *s = &m->samples[n];

        fprintf(f, "%s%.1f,%.1f", n > 0 ? " " : "",
                LEFT + PLOT_WIDTH * (double)s->done / (double)w->count,
                TOP + PLOT_HEIGHT * (1 - measured_waste(s)));
    }
    fprintf(f, "\"/>\n");
}

static void key(FILE *f, const struct compare_row *r, size_t i, size_t place) {
    const double x = LEFT + PLOT_WIDTH + 20, y = TOP + 8 + 17.0 * (double)place;
    char text[64];

    fprintf(f, "<path ");
    put_stroke(f, i);
    fprintf(f, " d=\"M%.1f %.1fh28\"/>\n", x, y);
    snprintf(text, sizeof(text), "%s %.0f %%", r->name,
             100 * compare_mean_waste(r));
    label(f, x + 36, y + 4, "start", text);
}

static void panel(FILE *f, const struct compare_table *t) {
    const struct workload *w = t->workload;
    size_t place = 0;

    label(f, LEFT, TOP - 14, "start", w->name[0] != '\0' ? w->name : "trace");
    label(f, LEFT + PLOT_WIDTH + 20, TOP - 14, "start", "and on average");
    axes(f, w);
    for (size_t i = 0; i < t->row_count; i++) {
        /* Who ran to the end; the same row has the same colour everywhere. */
        if (t->rows[i].memory.count > 1 && t->rows[i].ns > 0) {
            curve(f, w, &t->rows[i], i);
            key(f, &t->rows[i], i, place++);
        }
    }
}

static void drawing(FILE *f, const struct compare_table *tables, size_t count) {
    const size_t height = PANEL * count;

    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%zu\" viewBox=\"0 0 %d %zu\" role=\"img\">\n"
            "<title>How much of what heaps keep resident is waste</title>\n"
            "<style>\n"
            "text { font: 13px sans-serif; fill: #767676 }\n"
            ".axis { stroke: #777 }\n"
            ".grid { stroke: #777; stroke-opacity: 0.3 }\n"
            ".curve { fill: none; stroke-width: 1.8 }\n"
            "@media (prefers-color-scheme: dark) { text { fill: #ccc } }\n"
            "</style>\n",
            WIDTH, height, WIDTH, height);
    for (size_t i = 0; i < count; i++) {
        fprintf(f, "<g transform=\"translate(0 %zu)\">\n", PANEL * i);
        panel(f, &tables[i]);
        fprintf(f, "</g>\n");
    }
    fprintf(f, "</svg>\n");
}

bool compare_svg(const struct compare_table *tables, size_t count,
                 const char *path) {
    FILE *f = fopen(path, "w");
    bool good;

    if (f == NULL) {
        return complain_at((struct place){ path, 0 }, "%s", strerror(errno));
    }
    drawing(f, tables, count);
    good = ferror(f) == 0;
    errno = 0;
    if (fclose(f) != 0 || !good) {
        return complain_at((struct place){ path, 0 }, "%s",
                           errno != 0 ? strerror(errno) : "cannot be written");
    }
    return true;
}
