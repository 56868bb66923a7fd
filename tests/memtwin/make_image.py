#!/usr/bin/env python3
"""Write tests/data/walk.ram, or the same memory as an ELF core.

    make_image.py raw FILE
    make_image.py core FILE      with registers, as QEMU's dump-guest-memory
    make_image.py bare FILE      a core without registers

    0x1000 PML4  0: 0x2000 P W U                511: 0x1000 P W (itself)
    0x2000 PDPT  0: 0x3000 P W U                  1: 1 GiB at 0, P W G NX
    0x3000 PD    0: 0x4000 P W U    1: 2 MiB at 0x200000, P W
                 2: the same with bit 13, which is reserved
    0x4000 PT    5: 0x5000 P U      6: 0x6000 P W U NX     7: nothing
                 8: 0x5000 P        9: 0x6000 P W U, protection key 3
"""
import struct
import sys

P, W, U, PS, G = 1, 2, 4, 0x80, 0x100
NX = 1 << 63
SIZE = 0x7000
CR0, CR3, CR4 = 0x80010011, 0x1000, 0xa0


def memory():
    m = bytearray(SIZE)

    def put(at, entry):
        struct.pack_into("<Q", m, at, entry)

    put(0x1000 + 8 * 0, 0x2000 | P | W | U)
    put(0x1000 + 8 * 511, 0x1000 | P | W)
    put(0x2000 + 8 * 0, 0x3000 | P | W | U)
    put(0x2000 + 8 * 1, P | W | PS | G | NX)
    put(0x3000 + 8 * 0, 0x4000 | P | W | U)
    put(0x3000 + 8 * 1, 0x200000 | P | W | PS)
    put(0x3000 + 8 * 2, 0x200000 | P | W | PS | 1 << 13)
    put(0x4000 + 8 * 5, 0x5000 | P | U)
    put(0x4000 + 8 * 6, 0x6000 | P | W | U | NX)
    put(0x4000 + 8 * 8, 0x5000 | P)
    put(0x4000 + 8 * 9, 0x6000 | P | W | U | 3 << 59)
    return bytes(m)


def note():
    """QEMU's state of a processor: of all of it only the control registers."""
    body = bytearray(440)
    struct.pack_into("<II", body, 0, 1, len(body))
    struct.pack_into("<5Q", body, 392, CR0, 0, 0, CR3, CR4)
    return struct.pack("<III", 5, len(body), 0) + b"QEMU\0\0\0\0" + body


def core(with_registers):
    ram, notes = memory(), note() if with_registers else b""
    low, high = ram[:0x3000], ram[0x3000:]
    parts = [(4, 0, notes), (1, 0, low), (1, 0x3000, high)]
    at = 64 + 56 * len(parts)
    headers, body = b"", b""
    for kind, pa, part in parts:
        headers += struct.pack("<IIQQQQQQ", kind, 0, at + len(body), 0, pa,
                               len(part), len(part), 0)
        body += part
    elf = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(parts), 0, 0, 0)
    return elf + headers + body


kind, path = sys.argv[1:]
with open(path, "wb") as f:
    f.write(memory() if kind == "raw" else core(kind == "core"))
