/**
 * @file number.h
 * Numbers as people and traces write them.
 */
#ifndef PROGRAM_NUMBER_H
#define PROGRAM_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @len decimal digits and nothing else.  What does not fit in 64 bits becomes
 *  UINT64_MAX.  @return false when it is no number */
bool number_parse(const char *text, size_t len, uint64_t *value);

/** A whole string: decimal or 0x hexadecimal digits.  @return false when it is
 *  no number or does not fit */
bool number_parse_address(const char *text, uint64_t *value);

/** "4096", "100K", "64M", "2G", "1T": bytes, with powers of 1024.
 *  @return false when it is no size or does not fit */
bool number_parse_size(const char *text, uint64_t *bytes);

#endif
