/**
 * @file test_pmm_areas.h
 * The suite of the default strategy, in two files.
 */
#ifndef TWIN_TEST_PMM_AREAS_H
#define TWIN_TEST_PMM_AREAS_H

#include <check.h>

/** The cases of test_pmm_area_books.c. */
void pmm_areas_add_books(Suite *suite);

#endif
