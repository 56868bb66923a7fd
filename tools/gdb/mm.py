"""memtwin at the debugger: page tables, TLB, frames and heap in words.

    gdb -x tools/gdb/mm.py PROGRAM        the simulated machine, on the host
    gdb -x tools/gdb/mm.py KERNEL         then: target remote :1234 (QEMU)

    mm walk ADDR     the entries that translate ADDR, decoded
    mm tlb           what the processor still believes
    mm frames        which frames are managed and how many are in use
    mm heap          the heap's blocks, free and used
    mm events        what the subsystem did last
    mm check         does everything hold that must hold?

Memory is read the way the simulator or QEMU sees it, by physical address, so
that pages which the host does not show at the moment can be read as well.
"""
import re
import struct

import gdb

PRESENT, WRITABLE, USER = 1 << 0, 1 << 1, 1 << 2
ACCESSED, DIRTY, HUGE, GLOBAL = 1 << 5, 1 << 6, 1 << 7, 1 << 8
NO_EXECUTE = 1 << 63
ADDRESS = 0x000FFFFFFFFFF000
LEVELS = {4: "PML4E", 3: "PDPTE", 2: "PDE", 1: "PTE"}


def field(value, *names):
    """A field of a structure, through typedefs of one member (.v)."""
    for name in names:
        value = value[name]
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        value = value["v"]
    return int(value)


class Simulated:
    """The machine of src/sim: RAM is the alias mapping of the simulator."""

    def __init__(self, sim):
        self.sim = sim

    def cr3(self):
        return field(self.sim["cpu"], "cr3")

    def local(self):
        return int(self.sim["cpu"]["local"])

    def physical(self, pa, size):
        if pa + size > int(self.sim["ram"]["size"]):
            return b"\xff" * size  # a hole reads as ones
        alias = int(self.sim["ram"]["alias"])
        return bytes(gdb.selected_inferior().read_memory(alias + pa, size))

    def virtual(self, va, size):
        """Through the page tables, since a page may not be shown now."""
        data = b""
        while size > 0:
            part = min(size, 4096 - va % 4096)
            pa = translate(self, va)
            if pa is None:
                raise gdb.GdbError("0x%x is not mapped" % va)
            data += self.physical(pa, part)
            va, size = va + part, size - part
        return data

    def tlb(self):
        tlb = self.sim["cpu"]["tlb"]
        slots = tlb["slots"]
        at, lines = int(tlb["newest"]), []
        for _ in range(int(tlb["count"])):
            slot = slots[at]
            entry = slot["entry"]
            rights = entry["rights"]
            lines.append(
                "0x%012x %-5s -> 0x%010x %s%s%s%s%s"
                % (
                    field(entry, "page"),
                    size_name(1 << int(entry["page_shift"])),
                    field(entry, "frame"),
                    "W" if rights["writable"] else "-",
                    "U" if rights["user"] else "-",
                    "-" if rights["no_execute"] else "X",
                    "G" if entry["global"] else "-",
                    "D" if entry["dirty"] else "-",
                )
            )
            at = int(slot["older"])
        return lines


class Remote:
    """A kernel behind QEMU's gdb stub."""

    def cr3(self):
        return int(gdb.parse_and_eval("(unsigned long)$cr3")) & ADDRESS

    def local(self):
        return int(gdb.parse_and_eval("(unsigned long)$gs_base"))

    def physical(self, pa, size):
        gdb.execute("maintenance packet Qqemu.PhyMemMode:1", to_string=True)
        try:
            return bytes(gdb.selected_inferior().read_memory(pa, size))
        finally:
            gdb.execute(
                "maintenance packet Qqemu.PhyMemMode:0", to_string=True
            )

    def virtual(self, va, size):
        return bytes(gdb.selected_inferior().read_memory(va, size))

    def tlb(self):
        """QEMU keeps its TLB to itself; its monitor walks the tables.  Not by
        `info tlb`, which has a line for each page: each takes a fifth of a
        second on the way here."""
        lines = ["QEMU does not show its TLB; the tables say now:"]
        for row in gdb.execute("monitor info mem", to_string=True).split("\n"):
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) [0-9a-f]+ (\S+)", row)
            if match:
                lines.append("0x%s .. 0x%s %s" % match.groups())
        return lines


def machine():
    symbol = gdb.lookup_static_symbol("sim_now")
    if symbol is None:
        return Remote()
    sim = symbol.value()
    if int(sim) == 0:
        raise gdb.GdbError("no simulated machine is on yet")
    return Simulated(sim.dereference())


def size_name(size):
    return {1 << 12: "4 KiB", 1 << 21: "2 MiB", 1 << 30: "1 GiB"}[size]


def walk(m, va):
    """(level, where the entry lies, entry) from the PML4 down."""
    table, steps = m.cr3() & ADDRESS, []
    for level in (4, 3, 2, 1):
        shift = 12 + 9 * (level - 1)
        at = table + (va >> shift & 511) * 8
        (entry,) = struct.unpack("<Q", m.physical(at, 8))
        steps.append((level, at, entry))
        if not entry & PRESENT or (level in (2, 3) and entry & HUGE):
            break
        table = entry & ADDRESS
    return steps


def translate(m, va):
    level, _, entry = walk(m, va)[-1]
    if not entry & PRESENT:
        return None
    mask = (1 << (12 + 9 * (level - 1))) - 1
    return (entry & ADDRESS & ~mask) | (va & mask)


def decode(level, entry):
    if not entry & PRESENT:
        return "not present"
    leaf = level == 1 or (level in (2, 3) and entry & HUGE)
    bits = ["writable" if entry & WRITABLE else "read-only"]
    bits.append("user" if entry & USER else "kernel")
    if entry & NO_EXECUTE:
        bits.append("no execute")
    if entry & ACCESSED:
        bits.append("accessed")
    if leaf and entry & DIRTY:
        bits.append("dirty")
    if leaf and entry & GLOBAL:
        bits.append("global")
    mask = (1 << (12 + 9 * (level - 1))) - 1 if leaf else 0
    where = "shows" if leaf else "table at"
    return "%s 0x%x, %s" % (where, entry & ADDRESS & ~mask, ", ".join(bits))


def subsystem(m):
    """struct mm, found as the trap path finds it."""
    local = m.local()
    if local == 0:
        raise gdb.GdbError("no subsystem yet: mm_init() has not run")
    kind = gdb.lookup_type("struct mm")
    return Structure(m, local, kind)


class Structure:
    """A structure read through the machine, wherever it lies."""

    def __init__(self, m, at, kind):
        self.m, self.at = m, at
        self.kind = kind.strip_typedefs()

    def __getitem__(self, name):
        for f in self.kind.fields():
            if f.name == name:
                return Structure(self.m, self.at + f.bitpos // 8, f.type)
            if not f.name or f.is_base_class:
                inner = Structure(self.m, self.at + f.bitpos // 8, f.type)
                try:
                    return inner[name]
                except KeyError:
                    pass
        raise KeyError(name)

    def element(self, i):
        target = self.kind.target().strip_typedefs()
        return Structure(self.m, self.at + i * target.sizeof, target)

    def bytes(self, size):
        try:
            return self.m.virtual(self.at, size)
        except gdb.GdbError:
            return bytes(gdb.selected_inferior().read_memory(self.at, size))

    def int(self):
        size = self.kind.sizeof
        return int.from_bytes(self.bytes(size), "little")

    def text(self):
        """The C string that this pointer leads to (in the program)."""
        pointer = gdb.Value(self.int()).cast(gdb.lookup_type("char").pointer())
        return pointer.string()


class Mm(gdb.Command):
    """memtwin: mm walk ADDR | tlb | frames | heap | events | check"""

    def __init__(self):
        super().__init__("mm", gdb.COMMAND_DATA, gdb.COMPLETE_SYMBOL, True)


class Walk(gdb.Command):
    """mm walk ADDR: the page-table entries that translate ADDR."""

    def __init__(self):
        super().__init__("mm walk", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("mm walk needs an address")
        try:
            va = int(gdb.parse_and_eval("(unsigned long)(%s)" % argument))
        except gdb.error as why:
            raise gdb.GdbError("mm walk %s: %s" % (argument, why))
        m = machine()
        print("0x%x  CR3 0x%x" % (va, m.cr3()))
        for level, at, entry in walk(m, va):
            print(
                "  %-5s [%3d] at 0x%08x: 0x%016x  %s"
                % (
                    LEVELS[level],
                    va >> (12 + 9 * (level - 1)) & 511,
                    at,
                    entry,
                    decode(level, entry),
                )
            )
        pa = translate(m, va)
        print("  not mapped" if pa is None else "  physical 0x%x" % pa)


class Tlb(gdb.Command):
    """mm tlb: the translations that the processor remembers."""

    def __init__(self):
        super().__init__("mm tlb", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for line in machine().tlb():
            print(line)


class Frames(gdb.Command):
    """mm frames: the physical memory manager's books."""

    def __init__(self):
        super().__init__("mm frames", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        pmm = subsystem(machine())["pmm"]
        stats = pmm["stats"]
        total, reserved, allocated = (
            stats[name].int() for name in ("total", "reserved", "allocated")
        )
        print(
            "frames: %d total = %d reserved + %d allocated + %d free "
            "(peak %d)"
            % (
                total,
                reserved,
                allocated,
                total - reserved - allocated,
                stats["peak"].int(),
            )
        )
        for i in range(pmm["run_count"].int()):
            run = pmm["runs"].element(i)
            first, count = run["first"].int(), run["count"].int()
            print(
                "  run 0x%x .. 0x%x (%d frames)"
                % (first << 12, ((first + count) << 12) - 1, count)
            )


class Heap(gdb.Command):
    """mm heap: where the heap lies and what is in it."""

    def __init__(self):
        super().__init__("mm heap", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        m = machine()
        heap = subsystem(m)["heap"]
        start, end, limit = (
            heap[name].int() for name in ("start", "end", "limit")
        )
        fronts = heap["fronts"]
        count = fronts.kind.range()[1] + 1
        counts = [fronts.element(n)["counts"] for n in range(count)]

        def over_all(name):
            return sum(c[name].int() for c in counts) & (1 << 64) - 1

        kind = Structure(
            m, heap["class"].int(), gdb.lookup_type("struct heap_class")
        )
        name = program_text(kind["name"])
        print(
            "heap %s: 0x%x .. 0x%x of 0x%x, %d live blocks, %d live bytes"
            % (
                name,
                start,
                end,
                limit,
                over_all("allocs") - over_all("frees"),
                over_all("peak_bytes") - over_all("below_peak"),
            )
        )
        if name.startswith("list"):
            self.holes(m, heap, start, end)

    @staticmethod
    def holes(m, heap, start, end):
        kind, at = gdb.lookup_type("struct heap_hole"), start
        hole = heap["list"]["first"].int()
        while hole != 0:
            node = Structure(m, hole, kind)
            size = node["bytes"].int()
            if hole > at:
                print("  0x%x used %d bytes" % (at, hole - at))
            print("  0x%x hole %d bytes" % (hole, size))
            at, hole = hole + size, node["next"].int()
        if at < end:
            print("  0x%x used %d bytes" % (at, end - at))


def program_text(pointer):
    at = int.from_bytes(
        gdb.selected_inferior().read_memory(pointer.at, 8), "little"
    )
    return gdb.Value(at).cast(gdb.lookup_type("char").pointer()).string()


class Events(gdb.Command):
    """mm events [N]: the newest events of the subsystem, oldest first."""

    def __init__(self):
        super().__init__("mm events", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        events = subsystem(machine())["events"]
        ring, total = events["ring"], events["total"].int()
        kept = ring.kind.range()[1] + 1
        count = min(int(argument) if argument else 16, total, kept)
        names = gdb.lookup_type("enum event_kind").fields()
        for i in range(total - count, total):
            event = ring.element(i % kept)
            kind = event["kind"].int()
            print(
                "%6d %-18s 0x%x 0x%x"
                % (i, names[kind].name, event["a"].int(), event["b"].int())
            )


class Check(gdb.Command):
    """mm check: call mm_check(), where the program stands.

    By hand, since gdb would let the call return to the stack, which holds no
    code on our machines: the registers are kept, the call returns to the line
    where the program stands, and they are put back."""

    KEPT = (
        "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 "
        "rip eflags"
    ).split()

    def __init__(self):
        super().__init__("mm check", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        at = subsystem(machine()).at
        check = gdb.lookup_global_symbol("mm_check")
        if check is None:
            raise gdb.GdbError("this program has no mm_check()")
        gdb.newest_frame().select()
        kept = {r: register(r) for r in self.KEPT}
        why = (kept["rsp"] - 256) & ~15  # below a red zone
        write_word(why, 0)
        write_word(why - 8, kept["rip"])
        stop = gdb.Breakpoint(
            "*0x%x" % kept["rip"],
            gdb.BP_BREAKPOINT,
            internal=True,
            temporary=True,
        )
        stop.silent = True
        for name, value in (
            ("rdi", at),
            ("rsi", why),
            ("rsp", why - 8),
            ("rip", int(check.value().address)),
        ):
            set_register(name, value)
        gdb.execute("continue", to_string=True)
        came_back = register("rip") == kept["rip"] and register("rsp") == why
        sound = register("rax") & 0xFF
        sentence = read_word(why)
        if stop.is_valid():
            stop.delete()
        if not came_back:
            raise gdb.GdbError("mm_check() did not come back; see backtrace")
        for name, value in kept.items():
            set_register(name, value)
        if sound:
            print("everything is sound")
        else:
            pointer = gdb.Value(sentence)
            kind = gdb.lookup_type("char").pointer()
            print("not sound: " + pointer.cast(kind).string())


def register(name):
    return int(gdb.parse_and_eval("$" + name).format_string(format="x"), 16)


def set_register(name, value):
    """Of the innermost frame; each change may move the selected one."""
    gdb.newest_frame().select()
    gdb.execute("set $%s = 0x%x" % (name, value))


def read_word(at):
    return int.from_bytes(
        gdb.selected_inferior().read_memory(at, 8), "little"
    )


def write_word(at, value):
    gdb.selected_inferior().write_memory(at, value.to_bytes(8, "little"))


gdb.execute("handle SIGSEGV nostop noprint pass", to_string=True)
for command in (Mm, Walk, Tlb, Frames, Heap, Events, Check):
    command()
