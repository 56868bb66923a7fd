/*
 * A box: one value on the heap, one owner.
 *
 *   owner [ * ]----> [ value ]        make: kmalloc() and a copy
 *   owner [ 0 ]                       drop: kfree(), and the pointer forgets
 */
#include "examples/owners.h"

#include "base/bytes.h"

void *box_make(struct mm *mm, const void *value, size_t size) {
    void *box = kmalloc(mm, size);

    if (box != NULL) {
        bytes_copy(box, value, size);
    }
    return box;
}

void box_drop(struct mm *mm, void *box) {
    void **owner = box;

    kfree(mm, *owner);
    *owner = NULL;
}
