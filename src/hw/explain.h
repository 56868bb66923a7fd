/**
 * @file explain.h
 * Table entries and page-fault error codes in words, the same on every machine
 * that tells of a fault.
 */
#ifndef HW_EXPLAIN_H
#define HW_EXPLAIN_H

#include "base/fmt.h"
#include "hw/paging.h"

/** "PTE" for level 1, ... "PML5E" for 5; "?" for others. */
const char *paging_entry_name(unsigned level);

/** "0x0000000000106023: table at 0x106000, P W A"; of an entry that is not
 *  present its value and "not present". */
void paging_print_entry(fmt_sink *sink, void *ctx, pte_t entry, unsigned level);

/** Why @entry by itself refuses an access that faulted with P=1 and @error:
 *  "R/W is 0" ...; NULL: it does not. */
const char *paging_refusal(pte_t entry, uint32_t error);

/** "read", "write" or "instruction fetch". */
const char *paging_error_access(uint32_t error);

/**
 * Three lines: the bits of @error by name, what is certain when they are read
 * together, and what they leave open.  Each line begins with @indent blanks.
 * Intel SDM vol. 3A, "Page-Fault Exceptions".
 */
void paging_print_error(fmt_sink *sink, void *ctx, unsigned indent,
                        uint32_t error);
/** The second and third of these lines, without what introduces them. */
void paging_print_says(fmt_sink *sink, void *ctx, uint32_t error);
const char *paging_error_hides(uint32_t error);

#endif
