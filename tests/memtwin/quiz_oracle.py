"""Another opinion on the answers of memtwin quiz: quiz_oracle.py < QUIZ

Written apart from the simulator: reads the entries as a student does, and wants
the same answers.  Prints what differs; silent when nothing does."""
import re
import sys

text = sys.stdin.read()
entries, tables = {}, None
for line in text.split("\n"):
    table = re.match(r"  0x([0-9a-f]+): ", line)
    entry = re.match(r"    \[ *(\d+)\] 0x([0-9a-f]+)$", line)
    if table:
        tables = int(table.group(1), 16)
    elif entry:
        entries[tables + 8 * int(entry.group(1))] = int(entry.group(2), 16)
root = int(re.search(r"CR3 is 0x([0-9a-f]+)", text).group(1), 16)

ADDRESS = (1 << 46) - 1 & ~0xfff
RESERVED = (1 << 52) - (1 << 46)


def answer(va, what, user):
    error = (4 if user else 0) | {"read": 0, "write": 2, "fetch": 16}[what]
    table, writable, users, no_execute = root, True, True, False
    for level in (4, 3, 2, 1):
        e = entries.get(table + 8 * (va >> 12 + 9 * (level - 1) & 511), 0)
        if not e & 1:
            return f"exception 14, error code 0x{error:x}, CR2 0x{va:x}"
        huge = level in (2, 3) and e & 0x80
        low = (1 << 21) - (1 << 13) if huge else 0
        if e & RESERVED or e & low:
            return f"exception 14, error code 0x{error | 9:x}, CR2 0x{va:x}"
        writable &= bool(e & 2)
        users &= bool(e & 4)
        no_execute |= bool(e >> 63)
        if huge or level == 1:
            break
        table = e & ADDRESS
    bad = (user and not users or not user and users
           or what == "write" and not writable
           or what == "fetch" and no_execute)
    if bad:
        return f"exception 14, error code 0x{error | 1:x}, CR2 0x{va:x}"
    size = 1 << 21 if huge else 4096
    pa = (e & ADDRESS & ~(size - 1)) + va % size
    return f"physical address 0x{pa:x}, in a page of {size >> 10} KiB"


def tables_for(va, pages):
    last = va + (pages - 1) * 4096
    return 1 + sum(len(set(range(va >> s, (last >> s) + 1)))
                   for s in (21, 30, 39))


FLUSHES = {
    "makes the page read-only": "INVLPG .* would do",
    "makes the page writable": "nothing: at worst",
    "takes the page away": "INVLPG .* would do",
    "takes the page away, which is global": "INVLPG .* would not do",
    "maps a page where there was none": "nothing: what",
    "forbids the execution of the page": "INVLPG .* would do",
}
asked = 0
for question, said in re.findall(r"\n\d+\. (.*)\n   Answer: (.*)", text):
    access = re.match(r"(A user program|The kernel) (reads|writes|fetches an "
                      r"instruction at) 0x([0-9a-f]+)", question)
    count = re.match(r"A new address space maps (\d+) pages of 4 KiB from "
                     r"0x([0-9a-f]+)", question)
    flush = re.match(r".* and now (.*): its PTE", question)
    if access:
        want = answer(int(access.group(3), 16), access.group(2).split()[0]
                      .removesuffix("es" if "fetches" in question else "s"),
                      access.group(1) == "A user program")
        good = said == want + "."
    elif count:
        want = str(tables_for(int(count.group(2), 16), int(count.group(1))))
        good = said == f"{want}, the PML4 included."
    else:
        want = FLUSHES[flush.group(1)]
        good = re.match(want + r"\b", said)
    asked += 1
    if not good:
        print(f"{question}\n  said: {said}\n  want: {want}")
if asked != 11:
    print(f"{asked} questions")
