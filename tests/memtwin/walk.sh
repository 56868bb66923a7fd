#!/bin/sh
# memtwin walk: the bundled image, raw and as an ELF core, and one line for what
# cannot be walked.
. "${srcdir:-.}/tests/memtwin/tap.sh"

image=$data/walk.ram
make=${srcdir:-.}/tests/memtwin/make_image.py
python=${TEST_PYTHON3:-python3}
core=$dir/core

"$python" "$make" raw "$dir/raw.ram" && cmp -s "$dir/raw.ram" "$image"
ok "the bundled image is what make_image.py writes"

# tells NAME TEXT ARGUMENT...: it is in the answer, which is a good one.
tells() {
	name=$1 text=$2
	shift 2
	run walk --image "$image" --cr3 0x1000 "$@"
	[ $code -eq 0 ] && [ ! -s "$dir/err" ] && has "$text" || show
	ok "$name"
}

cat >"$dir/want" <<'END'
user write to 0x5000: the PTE (level 1, 0x5005 at physical 0x4028) is not writable: R/W is 0
  PML4E   0 at 0x1000 0x0000000000002007: table at 0x2000, P W U
  PDPTE   0 at 0x2000 0x0000000000003007: table at 0x3000, P W U
  PDE     0 at 0x3000 0x0000000000004007: table at 0x4000, P W U
  PTE     5 at 0x4028 0x0000000000005005: page at 0x5000, P U <- R/W is 0
  error code 0x7: present write user
    it says: a write by the user; the page is there, U/S or R/W refuses
    it does not say: which of the two, and at which level
  CR2: 0x5000
END
run walk --image "$image" --cr3 0x1000 --access write --user 0x5000
cmp -s "$dir/out" "$dir/want" && [ $code -eq 0 ] || show
ok "a refused write is told with entries, bit and error code"

sed -n '/^\$ memtwin walk/,/^```$/p' "${srcdir:-.}/doc/simulator.md" |
	sed '1d; /^```$/d' | cmp -s - "$dir/want"
ok "doc/simulator.md shows this story"

tells "a page of 4 KiB" "shows physical 0x5008" 0x5008
tells "a page of 2 MiB" "shows physical 0x234567" 0x234567
tells "a page of 1 GiB" "shows physical 0x1234" 0x40001234
tells "the table that maps itself" "shows physical 0x1ff8" 0xfffffffffffffff8
tells "a page that is not there" "<- P is 0" 0x7000
tells "a reserved bit" "<- reserved: 0x2000" 0x400000
tells "a fetch" "<- XD is 1" --access fetch 0x6000
tells "an update is a write" "update of 0x5000" --access update --user 0x5000
tells "a protection key" "<- key 3" --user --cr4 0x4000a0 --pkru 0xc0 0x9000
tells "SMAP" "CR4.SMAP forbids" --cr4 0x2000a0 0x5000
tells "SMAP lifted" "shows physical 0x5000" --cr4 0x2000a0 --ac 0x5000
tells "SMEP" "CR4.SMEP forbids" --cr4 0x1000a0 --access fetch 0x5000
tells "writes of the kernel without WP" "shows physical 0x5000" \
	--cr0 0x80000001 --access write 0x8000
tells "NX without NXE" "XD while EFER.NXE is 0" --efer 0x500 0x6000
tells "no 1 GiB pages" "PS, but this processor has no 1 GiB pages" \
	--no-1g 0x40000000
tells "an address that is not canonical" "#GP(0), no page fault" 0x800000000000
tells "five levels" "PML5E   0 at 0x1000" --cr4 0x10a0 0
tells "tables that are not in the image" "0xffffffffffffffff" --cr3 0x90000 0

run walk --image "$image" --cr3 0x1000 0x5000 0x7000
[ "$(grep -c '^read of' "$dir/out")" = 2 ] || show
ok "every address has its story"

"$python" "$make" core "$core"
run walk --image "$core" 0x5008
[ $code -eq 0 ] && has "shows physical 0x5008" || show
ok "an ELF core brings its CR3, and memory in several segments"
run walk --image "$core" --cr3 0x2000 0x0
has "PML4E   0 at 0x2000" || show
ok "--cr3 wins over the dump's"

run walk --image "$image" --cr3 0x1000 --json --user --access fetch \
	0x6004 0x5004 0x800000000000
"$python" - "$dir/out" <<'END' >"$dir/differs" 2>&1
import json, sys
denied, allowed, other = json.load(open(sys.argv[1]))
assert denied["result"] == "no execute" and denied["error"] == 21, denied
assert denied["entries"][3]["decides"] == "XD is 1", denied
assert denied["entries"][3]["at"] == "0x4030", denied
assert denied["cr2"] == "0x6004" and denied["vector"] == 14, denied
assert "U/S or XD" in denied["error_says"] and denied["error_does_not_say"]
assert allowed["result"] == "allowed" and allowed["physical"] == "0x5004"
assert allowed["page_size"] == 4096 and allowed["executable"] is True
assert allowed["writable"] is False and allowed["by_user"] is True
assert other["vector"] == 13 and "cr2" not in other and not other["entries"]
END
[ $? -eq 0 ] || { sed 's/^/# /' "$dir/differs"; false; }
ok "--json says the same"

# --- after a run
run run --ops 100 --walk 0x444444440000 --walk 0x1 "$data/demo.trace.xz"
[ $code -eq 0 ] && has "read of 0x444444440000: the PTE (level 1" &&
	has "read of 0x1: the PML4E (level 4" || show
ok "run --walk tells of the machine after the run"
run run --ops 100 --json --walk 0x444444440000 "$data/demo.trace.xz"
"$python" -c 'import json, sys
w = json.load(sys.stdin)["machines"]["simulator"]["walks"]
assert w[0]["result"] == "allowed", w' <"$dir/out" || show
ok "also as JSON"
expect "run --walk wants an address" 2 \
	"memtwin: --walk: 'here' is not right; right would be at most 16 addresses, as 0x444444440000" \
	run --walk here "$data/demo.trace.xz"

run run --ops 2000 --tlb hostile --report-stale "$data/demo.trace.xz"
[ $code -eq 0 ] && [ ! -s "$dir/err" ] &&
	grep -Eq '^flushes missing +0$' "$dir/out" || show
ok "run --report-stale: no flush is missing in a replay"

expect "run --walk is for the simulator" 2 \
	"memtwin: --walk, --watch-tables and --report-stale are for the simulator; QEMU keeps its TLB to itself" \
	run --on qemu --walk 0x1000 "$data/demo.trace.xz"

# --- what cannot be walked
bad() { # NAME LINE ARGUMENT...
	name=$1 line=$2
	shift 2
	expect "$name" 2 "memtwin: $line" walk "$@"
}
bad "no image" "walk: no --image given; see 'memtwin walk --help'" 0x1000
bad "no address" "walk: no address given; see 'memtwin walk --help'" \
	--image "$image" --cr3 0x1000
bad "no address at all" \
	"walk: 'main' is no address; right would be 0x444444440000" \
	--image "$image" --cr3 0x1000 main
bad "a file that is not there" "$dir/none: No such file or directory" \
	--image "$dir/none" 0x1000
bad "a folder" "$dir: Is a directory" --image "$dir" 0x1000
printf x >"$dir/short"
bad "a file without a frame" \
	"$dir/short: less than one frame; this is no memory image" \
	--image "$dir/short" 0x1000
bad "a raw image without CR3" \
	"$image: does not say where its tables begin; give --cr3" \
	--image "$image" 0x1000
"$python" "$make" bare "$dir/bare"
bad "a core without registers" \
	"$dir/bare: does not say where its tables begin; give --cr3" \
	--image "$dir/bare" 0x1000
bad "a register that is no number" \
	"--cr3: 'top' is not right; right would be a number, as 0x80050033" \
	--image "$image" --cr3 top 0x1000
bad "a CR3 beyond the physical addresses" \
	"CR3 is 0x400000001000, with bits beyond the 46 of a physical address (--phys-bits); no processor takes that" \
	--image "$image" --cr3 0x400000001000 0x1000
bad "a CR3 with bits that no address has" \
	"CR3 is 0x10000000001000, with bits beyond the 52 of a physical address (--phys-bits); no processor takes that" \
	--image "$image" --cr3 0x10000000001000 --phys-bits 52 0x1000
run walk --image "$image" --cr3 0x8000000000001000 0x5000
[ $code -eq 0 ] && [ ! -s "$dir/err" ] || show
ok "bit 63 of --cr3, which asks to flush nothing, is no address"
bad "a PKRU of more than 32 bits" \
	"--pkru: '0x100000000' is not right; right would be a number of 32 bits, two for each key" \
	--image "$image" --pkru 0x100000000 0x1000
bad "an access that is none" \
	"--access: 'jump' is not right; right would be read, write, fetch or update" \
	--image "$image" --access jump 0x1000
bad "a processor that is none" \
	"--cpu: 'z80' is not right; right would be intel or amd" \
	--image "$image" --cpu z80 0x1000
bad "too many address bits" \
	"--phys-bits: '64' is not right; right would be a number from 36 to 52" \
	--image "$image" --phys-bits 64 0x1000
bad "a processor that does not page" \
	"no 64-bit paging: CR0.PG is 0, CR4.PAE is 1, EFER.LME is 1, and all must be 1" \
	--image "$image" --cr0 1 --cr3 0x1000 0x1000

head -c 8000 "$core" >"$dir/cut"
bad "a core cut short" \
	"$dir/cut: a segment goes on after the end of the file" \
	--image "$dir/cut" 0x1000
# Bytes of the core's header changed: each is refused, none is believed.
damage() { # NAME LINE OFFSET BYTES
	cp "$core" "$dir/bad"
	printf "$4" | dd of="$dir/bad" bs=1 seek="$3" conv=notrunc 2>/dev/null
	bad "$1" "$dir/bad: $2" --image "$dir/bad" 0x1000
}
damage "a core of another machine" \
	"an ELF file, but no memory dump of an x86-64 machine" 18 '\003'
damage "a program is no dump" \
	"an ELF file, but no memory dump of an x86-64 machine" 16 '\002'
damage "headers beyond the end" "the file is cut short" 39 '\100'
damage "a segment beyond physical memory" \
	"a segment lies beyond physical memory" 151 '\100'
damage "notes without an end" "the notes are larger than 1 MiB" 101 '\100'
damage "notes that are not there" "the file is cut short" 75 '\100'
finish
