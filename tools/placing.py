"""Members of an archive, found again in a linked image.

Where a section lies follows from a global symbol in it, or, when it has none,
from the first slot that leads to it; all further slots must agree.

    member     call ....           slot: PLT32, symbol pmm_alloc
    image      call 0x1a2b0        is that where pmm_alloc's member lies?

A name that no member defines (hw_invlpg, memset) must be the name at the place
that the slot leads to, so that a call led elsewhere (--wrap) is found.  One is meant:
Check's note of a passed assertion (tests/support/marks_host.c).
"""
import struct

import elf

R_64, R_PC32, R_PLT32, R_GOTPCREL, R_RELATIVE = 1, 2, 4, 9, 8
R_32, R_32S, R_GOTPCRELX, R_REX_GOTPCRELX = 10, 11, 41, 42
# What a PLT entry may have before its jmp *: nothing, endbr64, endbr64 and bnd.
PLT_STARTS = (b"", b"\xf3\x0f\x1e\xfa", b"\xf3\x0f\x1e\xfa\xf2")
MEANT = {"_mark_point": "__wrap__mark_point"}
GOT_SLOTS = {R_GOTPCREL, R_GOTPCRELX, R_REX_GOTPCRELX}


class Different(Exception):
    """The image is not what the member says."""


def with_address(code, operand):
    """The instruction that takes an address itself, for one that took it from
    memory: mov, test or arithmetic, then ModRM."""
    register = 0xc0 | operand >> 3 & 7
    if code == 0x8b:
        return bytes([0xc7, register])
    if code == 0x85:
        return bytes([0xf7, register])
    if code & 0xc7 == 0x03:
        return bytes([0x81, register | code & 0x38])
    return None


class Member:
    """One object of the archive, and what of it is loaded."""

    def __init__(self, name, body):
        self.name, self.elf = name, elf.Elf(body)
        self.loaded = [
            s for s in self.elf.sections
            if s.flags & elf.SHF_ALLOC and s.size > 0
            and s.type == elf.SHT_PROGBITS and s.name != ".eh_frame"]
        self.slots = {s.index: sorted(self.elf.relocations(s.index))
                      for s in self.loaded}
        self.globals = {
            s.name: s for s in self.elf.symbols
            if s.binding != elf.STB_LOCAL and s.section != elf.SHN_UNDEF}

    def count(self, kind, sections):
        return sum(s.type == kind and s.size > 0 and s.section in sections
                   for s in self.elf.symbols)


class Image:
    """A linked program: addresses, names, and what they lead to."""

    def __init__(self, name, data):
        self.name, self.elf = name, elf.Elf(data)
        self.loaded = [s for s in self.elf.sections
                       if s.flags & elf.SHF_ALLOC and s.address != 0]
        self.address, self.names = {}, {}
        for s in self.elf.symbols:
            if s.section == elf.SHN_UNDEF or s.type in (elf.STT_SECTION,
                                                        elf.STT_FILE):
                continue
            self.names.setdefault(s.value, set()).add(s.name)
            if s.binding != elf.STB_LOCAL:
                self.address[s.name] = s.value
        dynamic = self.elf.read_symbols(elf.SHT_DYNSYM)
        # What the dynamic linker writes: {address: (name or "", addend)}
        self.late = {}
        for r in self.elf.relocations():
            symbol = dynamic[r.symbol] if r.symbol else None
            name = symbol.name if symbol else ""
            value = r.addend + (symbol.value if symbol else 0)
            self.late[r.offset] = (name, value)

    def offset(self, address):
        """Where in the file, or None: not in it."""
        for s in self.loaded:
            if s.address <= address < s.address + s.size:
                if s.type == elf.SHT_NOBITS:
                    return None
                return s.offset + address - s.address
        return None

    def read(self, address, size):
        at = self.offset(address)
        if at is None:
            raise Different(f"0x{address:x} is not in the file")
        return bytes(self.elf.data[at:at + size])

    def signed32(self, address):
        return struct.unpack("<i", self.read(address, 4))[0]

    def pointer(self, address):
        """(name, value) of the 8 bytes at @address once the program runs."""
        if address in self.late:
            return self.late[address]
        return "", struct.unpack("<Q", self.read(address, 8))[0]

    def names_at(self, address):
        """The names of what is there; of a PLT entry: of what it jumps to."""
        if address in self.names:
            return self.names[address]
        code = self.elf.data[self.offset(address) or 0:][:11]
        jump = next((len(start) for start in PLT_STARTS
                     if code.startswith(start + b"\xff\x25")), None)
        if jump is None:
            return set()
        slot = address + jump + 6 + self.signed32(address + jump + 2)
        return {self.pointer(slot)[0]} - {""}


class Placing:
    """One archive, looked up in one image."""

    def __init__(self, members, image):
        self.image, self.base = image, {}
        self.home = {name: (m, s) for m in members
                     for name, s in m.globals.items()}
        # A member is in the image when one of its global names is.
        self.present = [m for m in members
                        if any(n in image.address for n in m.globals)]
        self.wrong = {}
        self.seen = {m: set() for m in self.present}  # sections compared
        for m in self.present:
            for name, s in m.globals.items():
                if name in image.address and s.section < len(m.elf.sections):
                    self.put(m, s.section, image.address[name] - s.value, name)

    def put(self, member, section, base, because):
        """@section of @member starts at @base, or a complaint."""
        known = self.base.setdefault((member, section), base)
        if known != base:
            raise_at = f"{because} leads to another place than its member"
            self.wrong.setdefault(member, raise_at)
            return False
        return True

    def check(self, member):
        """None, or what is wrong; may find out where further sections lie."""
        if member in self.wrong:
            return self.wrong[member]
        left = list(member.loaded)
        while left:
            section = next((s for s in left if (member, s.index) in self.base),
                           None)
            if section is None:
                break  # merged, or of no use to the image
            left.remove(section)
            self.seen[member].add(section.index)
            try:
                self.check_section(member, section)
            except Different as why:
                return f"{section.name}: {why}"
            if member in self.wrong:
                return self.wrong[member]
        return None

    def check_section(self, member, section):
        base = self.base[(member, section.index)]
        want = bytearray(member.elf.content(section))
        seen = bytearray(self.image.read(base, section.size))
        if len(seen) != len(want):
            raise Different("it does not fit into the image's section")
        for r in member.slots[section.index]:
            first, last = self.check_slot(member, section, r, base, want, seen)
            want[first:last] = seen[first:last] = bytes(last - first)
        if want != seen:
            at = next(i for i in range(len(want)) if want[i] != seen[i])
            raise Different(f"{where(member, section, at)}: other bytes than "
                            "the member's")

    def check_slot(self, member, section, r, base, want, seen):
        """@return [first, last) of the bytes that the linker may have changed
        """
        spot, slot = where(member, section, r.offset), base + r.offset
        name, first, size = "", r.offset, 4
        if r.kind == R_64:
            size = 8
            name, value = self.image.pointer(slot)
            value -= r.addend
        elif r.kind in (R_PC32, R_PLT32):
            value = self.image.signed32(slot) + slot - r.addend
        elif r.kind in (R_32, R_32S):
            value = self.image.signed32(slot) - r.addend
        elif r.kind in GOT_SLOTS:
            name, value, first = self.through_the_got(r, slot, want, seen)
        else:
            raise Different(f"{spot}: relocation of kind {r.kind}")
        self.check_target(member, section, r, spot, name,
                          value & (1 << 64) - 1)
        return first, r.offset + size

    def through_the_got(self, r, slot, want, seen):
        """A load from the GOT may have become a direct use of the address."""
        at = r.offset
        before, after = bytes(want[at - 2:at]), bytes(seen[at - 2:at])
        near = self.image.signed32(slot) + slot - r.addend
        if before == after:
            name, value = self.image.pointer(near)
            return name, value, at
        if before[0] == 0x8b and after == b"\x8d" + before[1:]:
            return "", near, at - 2  # mov -> lea
        if after == with_address(*before):
            return "", self.image.signed32(slot), at - 3
        if (before, after) == (b"\xff\x15", b"\x67\xe8"):
            return "", near, at - 2  # call * -> call
        if before == b"\xff\x25" and after[0] == 0xe9:
            # jmp * -> jmp, one byte earlier
            near = self.image.signed32(slot - 1) + slot - 1 - r.addend
            return "", near, at - 2
        raise Different(f"an instruction became {after.hex()}")

    def check_target(self, member, section, r, spot, name, value):
        symbol = member.elf.symbols[r.symbol]
        if symbol.section != elf.SHN_UNDEF:
            self.check_own(member, section, symbol, r, spot, value)
        elif symbol.name in self.home:
            other, there = self.home[symbol.name]
            base = self.base.get((other, there.section))
            if base is None or base + there.value != value:
                raise Different(f"{spot}: leads elsewhere than to {symbol.name}"
                                f" in {other.name}")
        elif not {symbol.name, MEANT.get(symbol.name)} & (
                {name} | self.image.names_at(value)):
            raise Different(f"{spot}: leads elsewhere than to {symbol.name}")

    def check_own(self, member, holder, symbol, r, spot, value):
        """A place in the member itself; the slot is in section @holder."""
        section = member.elf.sections[symbol.section]
        if not section.flags & elf.SHF_MERGE:
            if not self.put(member, section.index, value - symbol.value, spot):
                raise Different(f"{spot}: leads elsewhere than in the member")
            return
        # Merged with its like from other objects: the content counts.
        inside = symbol.value
        if symbol.type == elf.STT_SECTION:
            # The addend says which string, and how far from the slot it is
            # counted.
            more = r.addend
            if r.kind in (R_PC32, R_PLT32):
                more += counted_from(member, holder, r.offset)
            value, inside = value + more, inside + more
        content = member.elf.content(section)
        if section.flags & elf.SHF_STRINGS:
            want = content[inside:content.index(b"\0", inside) + 1]
        else:
            want = content[inside:inside + section.entry]
        if self.image.read(value, len(want)) != want:
            raise Different(f"{spot}: leads to other bytes than "
                            f"{want.rstrip(bytes(1))!r}")


def counted_from(member, section, at):
    """What a distance is counted from, as a distance from its slot: the end of
    an instruction, of which the 4 bytes of the slot are sure; in data the start
    of the object, as in clang's tables of distances."""
    if section.flags & elf.SHF_EXEC:
        return 4
    return -min((at - s.value for s in member.elf.symbols
                 if s.section == section.index and s.size > 0
                 and s.value <= at < s.value + s.size), default=0)


def where(member, section, at):
    """The function or object that byte @at of @section belongs to."""
    for s in member.elf.symbols:
        if (s.section == section.index and s.size > 0
                and s.value <= at < s.value + s.size):
            return f"{s.name}+0x{at - s.value:x}"
    return f"{section.name}+0x{at:x}"
