/*
 * A vector: values side by side in one block, which grows.
 *
 *   items --> [ 0 | 1 | 2 | 3 ]                    full
 *   items --> [ 0 | 1 | 2 | 3 | 4 | . | . | . ]    after one push: krealloc()
 *
 * krealloc() grows the block where it stands if there is room behind it; else
 * the values move, and a pointer to an element is worth nothing any more.
 */
#include "examples/owners.h"

#include "base/bytes.h"

#define FIRST_ROOM 4

struct vector vector_make(struct mm *mm, size_t element) {
    return (struct vector){ .mm = mm, .element = element };
}

/** Nothing changed unless it returns true. */
static bool set_room(struct vector *vector, size_t room) {
    size_t bytes;
    void *items;

    if (__builtin_mul_overflow(room, vector->element, &bytes)) {
        return false;
    }
    items = krealloc(vector->mm, vector->items, bytes);
    if (items == NULL) {
        return false;
    }
    vector->items = items;
    vector->room = room;
    return true;
}

bool vector_reserve(struct vector *vector, size_t more) {
    size_t room = vector->room == 0 ? FIRST_ROOM : vector->room, needed;

    if (more <= vector->room - vector->count) {
        return true;
    }
    if (__builtin_add_overflow(vector->count, more, &needed)) {
        return false;
    }
    while (room < needed) {
        if (__builtin_mul_overflow(room, 2, &room)) {
            return false;
        }
    }
    return set_room(vector, room);
}

bool vector_push(struct vector *vector, const void *element) {
    if (!vector_reserve(vector, 1)) {
        return false;
    }
    bytes_copy(vector->items + vector->count * vector->element, element,
               vector->element);
    vector->count++;
    return true;
}

void *vector_at(const struct vector *vector, size_t n) {
    return n < vector->count ? vector->items + n * vector->element : NULL;
}

void vector_shrink(struct vector *vector) {
    if (vector->count == 0) {
        vector_drop(vector);
    } else if (vector->count < vector->room) {
        /* A heap that can't shrink it leaves the room as it is. */
        (void)set_room(vector, vector->count);
    }
}

void vector_drop(struct vector *vector) {
    kfree(vector->mm, vector->items);
    *vector = vector_make(vector->mm, vector->element);
}
