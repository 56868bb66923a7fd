/*
 * A shared value: whoever holds a pointer to it is counted, and the last one to
 * let go frees it.
 *
 *   a [ * ]--+
 *            +--> [ count 2 ][ value ]
 *   b [ * ]--+
 *
 * Two values that own each other are never freed: a leak that no count can see.
 */
#include "examples/owners.h"

#include "base/bytes.h"

/** In front of the value, which keeps the alignment of a kmalloc(). */
struct head {
    _Alignas(HEAP_ALIGN_MIN) size_t count;
};

static struct head *head_of(const void *value) {
    return (struct head *)(uintptr_t)value - 1;
}

void *shared_make(struct mm *mm, const void *value, size_t size) {
    struct head *head;
    size_t bytes;

    if (__builtin_add_overflow(size, sizeof *head, &bytes)) {
        return NULL;
    }
    head = kmalloc(mm, bytes);
    if (head == NULL) {
        return NULL;
    }
    head->count = 1;
    bytes_copy(head + 1, value, size);
    return head + 1;
}

void *shared_clone(void *value) {
    head_of(value)->count++;
    return value;
}

bool shared_drop(struct mm *mm, void *value) {
    void **owner = value;
    struct head *head = head_of(*owner);

    *owner = NULL;
    if (--head->count > 0) {
        return false;
    }
    kfree(mm, head);
    return true;
}

size_t shared_count(const void *value) {
    return head_of(value)->count;
}
