/**
 * @file owners.h
 * Four ways to own a block of the heap, as C has to spell them.
 *
 *   box      one value, one owner           [ value ]
 *   vector   many values, one owner         [ 0 | 1 | 2 | . . room . . ]
 *   string   a vector of bytes, ends in 0   [ h e l l o \0 . . ]
 *   shared   one value, counted owners      [ count ][ value ]
 *
 * Languages with destructors free at the end of a scope and forbid the uses
 * that come too late.  C leaves both to whoever reads the code: each make has
 * its drop here, and every drop leaves a null pointer behind, so that a second
 * one does nothing.
 *
 * Without memory a call says so (NULL or false) and all is as it was before.
 */
#ifndef EXAMPLES_OWNERS_H
#define EXAMPLES_OWNERS_H

#include <stdbool.h>

#include "mm/mm.h"

/* --- box.c -----------------------------------------------------------------
 */

/** A copy of the @size bytes at @value, on the heap. */
void *box_make(struct mm *mm, const void *value, size_t size);
/** @box: the address of the owner's pointer, which becomes NULL. */
void box_drop(struct mm *mm, void *box);

/* --- vector.c --------------------------------------------------------------
 */

struct vector {
    struct mm *mm;
    size_t element; /* bytes of one, > 0 */
    size_t count;   /* elements there are */
    size_t room;    /* elements that fit without growing */
    uint8_t *items; /* NULL while there was none */
};

/** An empty one; it takes no memory yet. */
struct vector vector_make(struct mm *mm, size_t element);
/** Add a copy of the element at @element.  Room doubles, so n pushes move at
 * most 2n elements. */
bool vector_push(struct vector *vector, const void *element);
/** Have room for @more elements beyond those there are. */
bool vector_reserve(struct vector *vector, size_t more);
/** Element @n, until the next push; NULL: there are not so many. */
void *vector_at(const struct vector *vector, size_t n);
/** Give the room back that no element uses. */
void vector_shrink(struct vector *vector);
void vector_drop(struct vector *vector);

/* --- string.c --------------------------------------------------------------
 */

struct string {
    struct vector bytes; /* the text and its final 0; none while empty */
};

struct string string_make(struct mm *mm);
bool string_add(struct string *string, const char *text);
/** In decimal. */
bool string_add_number(struct string *string, uint64_t number);
/** Until the next change. */
const char *string_text(const struct string *string);
size_t string_length(const struct string *string);
void string_drop(struct string *string);

/* --- shared.c --------------------------------------------------------------
 */

/** A copy of the @size bytes at @value, with one owner. */
void *shared_make(struct mm *mm, const void *value, size_t size);
/** One owner more. @return @value */
void *shared_clone(void *value);
/** One owner less; the last one frees.  @value: the address of the owner's
 *  pointer, which becomes NULL.  @return it was the last */
bool shared_drop(struct mm *mm, void *value);
size_t shared_count(const void *value);

#endif
