/**
 * @file serial.h
 * The first serial port: the kernel's console.
 */
#ifndef ARCH_SERIAL_H
#define ARCH_SERIAL_H

/** 115200 baud, 8 bits, no parity, no interrupts. */
void serial_init(void);
/** Waits until the port takes a character. */
void serial_put(char c);

#endif
