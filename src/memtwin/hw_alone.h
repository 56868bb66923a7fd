/**
 * @file hw_alone.h
 * hw.h for figures: as little machine as frames and heaps need, so that what is
 * measured is the subsystem and not the simulator.
 */
#ifndef MEMTWIN_HW_ALONE_H
#define MEMTWIN_HW_ALONE_H

/** This thread is processor number @cpu; without it 0. */
void hw_alone_be_cpu(unsigned cpu);

#endif
