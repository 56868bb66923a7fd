/*
 * The table of test_heap_misuse.h.
 */
#include "twin/test_heap_misuse.h"

/* clang-format off */
#define ALLOC(size, align)   { DO_ALLOC, size, align }
#define ZEROED(size, align)  { DO_ZEROED, size, align }
#define REALLOC(size)        { DO_REALLOC, size, 0 }
#define FREE                 { DO_FREE, 0, 0 }
#define FREE_AS(size, align) { DO_FREE_AS, size, align }
#define FREE_AT(delta)       { DO_FREE_AT, delta, 0 }
#define FREE_END(delta)      { DO_FREE_END, delta, 0 }
#define FREE_OLD             { DO_FREE_OLD, 0, 0 }
#define FREE_PLACE(place)    { DO_FREE_PLACE, place, 0 }
#define REALLOC_AS(sz, al)   { DO_REALLOC_AS, sz, al }
#define REALLOC_AT(delta)    { DO_REALLOC_AT, delta, 0 }
#define REALLOC_OLD          { DO_REALLOC_OLD, 0, 0 }
#define REALLOC_PLACE(place) { DO_REALLOC_PLACE, place, 0 }
#define WRITE(offset)        { DO_WRITE, offset, 0 }
#define WRITE_END(offset)    { DO_WRITE_END, offset, 0 }
#define WRITE_OLD(offset)    { DO_WRITE_OLD, offset, 0 }
#define COPY_BEHIND(bytes)   { DO_COPY_BEHIND, bytes, 0 }
#define CHECK                { DO_CHECK, 0, 0 }
#define DROP                 { DO_DROP, 0, 0 }
#define LEAKS                { DO_LEAKS, 0, 0 }
#define SCAN                 { DO_SCAN, 0, 0 }
/* clang-format on */

const struct misuse misuses[] = {
    /* clang-format off */
    /* freed twice */
    { "free, free", { ALLOC(100, 16), FREE, FREE },
      HEAP_FREED_TWICE, "was freed before; nobody may use it" },
    { "free, free of a large block", { ALLOC(9000, 16), FREE, FREE },
      HEAP_FREED_TWICE, "9000 bytes" },
    { "free, free of one byte", { ALLOC(1, 1), FREE, FREE },
      HEAP_FREED_TWICE, "1 byte at" },
    { "free, free of an aligned block", { ALLOC(64, 4096), FREE, FREE },
      HEAP_FREED_TWICE, "aligned to 4096" },
    { "free, free of a zeroed block", { ZEROED(24, 8), FREE, FREE },
      HEAP_FREED_TWICE, "24 bytes" },
    { "free, alloc, free of the first",
      { ALLOC(48, 16), FREE, ALLOC(48, 16), FREE_OLD },
      HEAP_FREED_TWICE, "allocation 1" },
    { "free of what realloc moved", { ALLOC(40, 8), REALLOC(80), FREE_OLD },
      HEAP_FREED_TWICE, "40 bytes" },
    { "free of what realloc made smaller", { ALLOC(80, 8), REALLOC(40), FREE_OLD },
      HEAP_FREED_TWICE, "80 bytes" },
    { "free of what realloc left as large", { ALLOC(80, 8), REALLOC(80), FREE_OLD },
      HEAP_FREED_TWICE, "freed in" },
    { "realloc of a freed block", { ALLOC(32, 16), FREE, REALLOC(64) },
      HEAP_FREED_TWICE, "found by heap_realloc()" },
    { "realloc of what realloc moved", { ALLOC(32, 16), REALLOC(64), REALLOC_OLD },
      HEAP_FREED_TWICE, "32 bytes" },
    { "free, free with another size", { ALLOC(32, 16), FREE, FREE_AS(64, 16) },
      HEAP_FREED_TWICE, "32 bytes" },
    { "free, free after it left the quarantine", { ALLOC(32, 16), FREE, DROP, FREE },
      HEAP_NEVER_GIVEN, "or freed long ago" },
    { "realloc after it left the quarantine", { ALLOC(32, 16), FREE, DROP, REALLOC(64) },
      HEAP_NEVER_GIVEN, "found by heap_realloc()" },
    /* never ours */
    { "free of a variable on the stack", { FREE_PLACE(PLACE_STACK) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of static data", { FREE_PLACE(PLACE_DATA) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of a function", { FREE_PLACE(PLACE_CODE) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free below the heap", { FREE_PLACE(PLACE_BELOW) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free at the heap's end", { FREE_PLACE(PLACE_END) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free at the heap's limit", { FREE_PLACE(PLACE_LIMIT) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of a small number", { FREE_PLACE(PLACE_SMALL) },
      HEAP_OUTSIDE, "0x10 is not in this heap" },
    { "free of -1", { FREE_PLACE(PLACE_TOP) },
      HEAP_OUTSIDE, "0xffffffffffffffff is not" },
    { "free of what is not canonical", { FREE_PLACE(PLACE_NOT_CANONICAL) },
      HEAP_OUTSIDE, "0x8000000000000000 is not" },
    { "free of a frame in the direct map", { FREE_PLACE(PLACE_FRAME) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of a block of another heap", { FREE_PLACE(PLACE_OTHER_HEAP) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of memory that is free", { FREE_PLACE(PLACE_FREE) },
      HEAP_NEVER_GIVEN, "no block is known there" },
    { "realloc of a variable on the stack", { REALLOC_PLACE(PLACE_STACK) },
      HEAP_OUTSIDE, "found by heap_realloc()" },
    { "realloc of static data", { REALLOC_PLACE(PLACE_DATA) },
      HEAP_OUTSIDE, "found by heap_realloc()" },
    { "realloc of a block of another heap", { REALLOC_PLACE(PLACE_OTHER_HEAP) },
      HEAP_OUTSIDE, "found by heap_realloc()" },
    { "realloc of memory that is free", { REALLOC_PLACE(PLACE_FREE) },
      HEAP_NEVER_GIVEN, "no block is known there" },
    /* inside a block */
    { "free one byte in", { ALLOC(100, 16), FREE_AT(1) },
      HEAP_INTERIOR, "at offset 1 in a block." },
    { "free 16 bytes in", { ALLOC(100, 16), FREE_AT(16) },
      HEAP_INTERIOR, "at offset 16 in a block." },
    { "free of the last byte", { ALLOC(100, 16), FREE_END(-1) },
      HEAP_INTERIOR, "at offset 99 in a block." },
    { "free of the end", { ALLOC(100, 16), FREE_END(0) },
      HEAP_INTERIOR, "0 bytes behind the end of a block." },
    { "free one byte in front", { ALLOC(100, 16), FREE_AT(-1) },
      HEAP_INTERIOR, "1 byte in front of a block." },
    { "free 16 bytes in front", { ALLOC(100, 16), FREE_AT(-16) },
      HEAP_INTERIOR, "16 bytes in front of a block." },
    { "free in the middle of a large block", { ALLOC(9000, 16), FREE_AT(4096) },
      HEAP_INTERIOR, "at offset 4096 in a block." },
    { "free inside a freed block", { ALLOC(100, 16), FREE, FREE_AT(16) },
      HEAP_INTERIOR, "in a block that was freed." },
    { "realloc one byte in", { ALLOC(100, 16), REALLOC_AT(1) },
      HEAP_INTERIOR, "at offset 1 in a block." },
    { "realloc 8 bytes in front", { ALLOC(100, 16), REALLOC_AT(-8) },
      HEAP_INTERIOR, "8 bytes in front of a block." },
    /* another layout */
    { "a size too large by one", { ALLOC(100, 16), FREE_AS(101, 16) },
      HEAP_WRONG_LAYOUT, "given back as 101 bytes aligned to 16" },
    { "a size too small by one", { ALLOC(100, 16), FREE_AS(99, 16) },
      HEAP_WRONG_LAYOUT, "given back as 99 bytes aligned to 16" },
    { "twice the size", { ALLOC(64, 16), FREE_AS(128, 16) },
      HEAP_WRONG_LAYOUT, "given back as 128 bytes" },
    { "a size of 1", { ALLOC(64, 16), FREE_AS(1, 16) },
      HEAP_WRONG_LAYOUT, "given back as 1 byte " },
    { "a size of 0", { ALLOC(64, 16), FREE_AS(0, 16) },
      HEAP_WRONG_LAYOUT, "given back as 0 bytes" },
    { "a size of -1", { ALLOC(64, 16), FREE_AS(-1, 16) },
      HEAP_WRONG_LAYOUT, "18446744073709551615" },
    { "a larger alignment", { ALLOC(64, 16), FREE_AS(64, 64) },
      HEAP_WRONG_LAYOUT, "aligned to 64" },
    { "a smaller alignment", { ALLOC(64, 64), FREE_AS(64, 16) },
      HEAP_WRONG_LAYOUT, "aligned to 16" },
    { "an alignment of 0", { ALLOC(64, 16), FREE_AS(64, 0) },
      HEAP_WRONG_LAYOUT, "aligned to 0" },
    { "an alignment that is no power of two", { ALLOC(64, 16), FREE_AS(64, 24) },
      HEAP_WRONG_LAYOUT, "aligned to 24" },
    { "the size before a realloc", { ALLOC(64, 16), REALLOC(65), FREE_AS(64, 16) },
      HEAP_WRONG_LAYOUT, "The block: 65 bytes" },
    { "realloc with another size", { ALLOC(64, 16), REALLOC_AS(32, 16) },
      HEAP_WRONG_LAYOUT, "given back as 32 bytes" },
    { "realloc with another alignment", { ALLOC(64, 16), REALLOC_AS(64, 8) },
      HEAP_WRONG_LAYOUT, "aligned to 8" },
    /* too far */
    { "the byte behind", { ALLOC(100, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "1 byte was written behind the block: the byte at" },
    { "the byte behind one byte", { ALLOC(1, 1), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 1, is" },
    { "the byte behind a whole slot", { ALLOC(64, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 64, is" },
    { "the byte behind a page", { ALLOC(4096, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 4096, is" },
    { "the byte behind a large block", { ALLOC(9001, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 9001, is" },
    { "the byte behind an aligned block", { ALLOC(64, 4096), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 64, is" },
    { "the byte behind a zeroed block", { ZEROED(30, 8), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 30, is" },
    { "a byte further behind", { ALLOC(100, 16), WRITE_END(7), FREE },
      HEAP_OVERFLOW, "offset 107, is" },
    { "the last byte of the zone", { ALLOC(112, 16), WRITE_END(15), FREE },
      HEAP_OVERFLOW, "offset 127, is" },
    { "a string with its 0", { ALLOC(5, 1), COPY_BEHIND(1), FREE },
      HEAP_OVERFLOW, "is 0x00 and was 0xfd" },
    { "a copy of 16 bytes too many", { ALLOC(32, 16), COPY_BEHIND(16), FREE },
      HEAP_OVERFLOW, "16 bytes were written behind the block" },
    { "behind, found by realloc", { ALLOC(100, 16), WRITE_END(0), REALLOC(200) },
      HEAP_OVERFLOW, "found by heap_realloc()" },
    { "behind, after realloc made it larger",
      { ALLOC(100, 16), REALLOC(200), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 200, is" },
    { "where the block was before realloc made it smaller",
      { ALLOC(100, 16), REALLOC(60), WRITE(60), FREE },
      HEAP_OVERFLOW, "offset 60, is" },
    { "behind, found by a check", { ALLOC(100, 16), WRITE_END(0), CHECK, WRITE_END(0) },
      HEAP_OVERFLOW, "found by heap_debug_check()" },
    /* too early */
    { "the byte in front", { ALLOC(100, 16), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "in front of the block: the byte at" },
    { "the byte in front of one byte", { ALLOC(1, 1), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "offset -1, is" },
    { "the byte in front of a large block", { ALLOC(9000, 16), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "offset -1, is" },
    { "the byte in front of an aligned block", { ALLOC(64, 4096), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "offset -1, is" },
    { "the first byte of the zone", { ALLOC(100, 16), WRITE(-16), FREE },
      HEAP_UNDERFLOW, "offset -16, is" },
    { "in front, found by realloc", { ALLOC(100, 16), WRITE(-8), REALLOC(10) },
      HEAP_UNDERFLOW, "found by heap_realloc()" },
    { "in front, found by a check", { ALLOC(100, 16), WRITE(-1), CHECK, WRITE(-1) },
      HEAP_UNDERFLOW, "found by heap_debug_check()" },
    /* after the free */
    { "the first byte of a freed block", { ALLOC(100, 16), FREE, WRITE(0), DROP },
      HEAP_USED_AFTER_FREE, "offset 0, is 0x22 and was 0xdd" },
    { "the last byte of a freed block", { ALLOC(100, 16), FREE, WRITE_END(-1), DROP },
      HEAP_USED_AFTER_FREE, "offset 99, is" },
    { "the middle of a large freed block", { ALLOC(3000, 16), FREE, WRITE(1500), DROP },
      HEAP_USED_AFTER_FREE, "offset 1500, is" },
    { "a freed block of one byte", { ALLOC(1, 1), FREE, WRITE(0), DROP },
      HEAP_USED_AFTER_FREE, "offset 0, is" },
    { "a freed aligned block", { ALLOC(64, 512), FREE, WRITE(8), DROP },
      HEAP_USED_AFTER_FREE, "offset 8, is" },
    { "what realloc moved", { ALLOC(100, 16), REALLOC(50), WRITE_OLD(3), DROP },
      HEAP_USED_AFTER_FREE, "offset 3, is" },
    { "a freed block, found by a check",
      { ALLOC(100, 16), FREE, WRITE(5), CHECK, WRITE(5) },
      HEAP_USED_AFTER_FREE, "found by heap_debug_check()" },
    { "a freed block, found when others are freed",
      { ALLOC(100, 16), FREE, WRITE(5), ALLOC(16384, 16), FREE },
      HEAP_USED_AFTER_FREE, "found by heap_free()" },
    /* lost */
    { "never freed", { ALLOC(100, 16), LEAKS },
      HEAP_LEAKED, "The block was never freed" },
    { "never freed after a realloc", { ALLOC(100, 16), REALLOC(200), LEAKS },
      HEAP_LEAKED, "200 bytes" },
    { "the second of two never freed",
      { ALLOC(10, 8), FREE, ALLOC(20, 8), LEAKS },
      HEAP_LEAKED, "allocation 2" },
    { "no pointer is left", { ALLOC(100, 16), SCAN },
      HEAP_UNREACHABLE, "No pointer to the block is left" },
    /* clang-format on */
};

const size_t misuse_count = sizeof misuses / sizeof misuses[0];

_Static_assert(sizeof misuses / sizeof misuses[0] >= 60, "the goal");
