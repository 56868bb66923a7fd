"""As much of ELF64 and of ar archives as the checks of what was built need."""
import struct
from collections import namedtuple

Section = namedtuple(
    "Section", "index name type flags address offset size link info entry")
Symbol = namedtuple("Symbol", "name type binding section value size")
# @offset is an address in an image, counts from the section in an object.
Relocation = namedtuple("Relocation", "offset kind symbol addend")

SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_DYNSYM = 1, 2, 4, 8, 11
SHF_WRITE, SHF_ALLOC, SHF_EXEC, SHF_MERGE, SHF_STRINGS = 1, 2, 4, 16, 32
SHN_UNDEF, SHN_COMMON = 0, 0xfff2
STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 1, 2, 3, 4
STB_LOCAL = 0


class Elf:
    """An object or a linked image, for little-endian x86_64."""

    def __init__(self, data):
        self.data = bytearray(data)
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no 64-bit little-endian ELF file")
        table, = struct.unpack_from("<Q", data, 40)
        size, count, names = struct.unpack_from("<HHH", data, 58)
        raw = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size)
               for i in range(count)]
        strings = raw[names][4]
        self.sections = [
            Section(i, self.string(strings + r[0]), r[1], r[2], r[3], r[4],
                    r[5], r[6], r[7], r[9]) for i, r in enumerate(raw)]
        self.symbols = self.read_symbols(SHT_SYMTAB)

    def string(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def read_symbols(self, kind):
        found = []
        for table in self.sections:
            if table.type != kind:
                continue
            strings = self.sections[table.link].offset
            for at in range(table.offset, table.offset + table.size, 24):
                name, info, _, section, value, size = struct.unpack_from(
                    "<IBBHQQ", self.data, at)
                found.append(Symbol(self.string(strings + name), info & 15,
                                    info >> 4, section, value, size))
        return found

    def relocations(self, of=None):
        """Those of the section with index @of; None: of the whole image."""
        for table in self.sections:
            if table.type != SHT_RELA or (
                    of is None and not table.flags & SHF_ALLOC) or (
                    of is not None and table.info != of):
                continue
            for at in range(table.offset, table.offset + table.size, 24):
                offset, info, addend = struct.unpack_from("<QQq", self.data, at)
                yield Relocation(offset, info & 0xffffffff, info >> 32, addend)

    def content(self, section):
        if section.type == SHT_NOBITS:
            return bytes(section.size)
        return bytes(self.data[section.offset:section.offset + section.size])


def members(archive):
    """(name, bytes) of each member of an ar archive."""
    at, long_names = 8, b""
    while at + 60 <= len(archive):
        name = archive[at:at + 16].decode().rstrip()
        size = int(archive[at + 48:at + 58])
        body = archive[at + 60:at + 60 + size]
        at += 60 + size + size % 2
        if name == "//":
            long_names = body
        elif name != "/":
            if name.startswith("/"):
                start = int(name[1:])
                name = long_names[start:long_names.index(b"/", start)].decode()
            yield name.rstrip("/"), body
