/*
 * COM1, a 16550: polled, output only.
 *
 * Lines end in a plain '\n': whoever reads them is a program.
 */
#include "arch/x86_64/serial.h"

#include "arch/x86_64/x86.h"

#define COM1 0x3f8

/* Registers, as offsets from the port's base. */
enum {
    DATA = 0,       /* with DLAB: low byte of the divisor */
    INTERRUPTS = 1, /* with DLAB: high byte of the divisor */
    FIFO = 2,
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5
};

#define LINE_8N1 0x03
#define LINE_DLAB 0x80 /* the divisor is at DATA and INTERRUPTS */
#define FIFO_ON_AND_CLEAR 0x07
#define MODEM_DTR_RTS 0x03
#define STATUS_CAN_TAKE 0x20 /* all ones where there is no port: no hang */

static void set(int reg, uint8_t value) {
    x86_out8((uint16_t)(COM1 + reg), value);
}

void serial_init(void) {
    set(INTERRUPTS, 0);
    set(LINE_CONTROL, LINE_DLAB);
    set(DATA, 1); /* 115200 / 1 */
    set(INTERRUPTS, 0);
    set(LINE_CONTROL, LINE_8N1);
    set(FIFO, FIFO_ON_AND_CLEAR);
    set(MODEM_CONTROL, MODEM_DTR_RTS);
}

void serial_put(char c) {
    while ((x86_in8(COM1 + LINE_STATUS) & STATUS_CAN_TAKE) == 0) {
    }
    set(DATA, (uint8_t)c);
}
