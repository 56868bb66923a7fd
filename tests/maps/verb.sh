#!/bin/sh
# memtwin maps: the figures of every bundled map, and one line for what is no
# map.
. "${srcdir:-.}/tests/memtwin/tap.sh"

maps=$data/maps
t=$dir/t.map
python=${TEST_PYTHON3:-python3}

# JSON: every member that expected.json has too is equal.
run maps --json "$maps"/*.map
[ $code -eq 0 ] && [ ! -s "$dir/err" ] || show
ok "all bundled maps can be given at once"
"$python" - "$maps/expected.json" "$dir/out" <<'END' >"$dir/differs" 2>&1
import json, os, sys
expected, said = (json.load(open(name)) for name in sys.argv[1:])
seen = {os.path.basename(m.pop("map"))[:-4]: m for m in said}
assert set(seen) == set(expected), set(seen) ^ set(expected)
for name, figures in seen.items():
    assert len(figures) == 11, sorted(figures)
    for key, value in figures.items():
        if value != expected[name][key]:
            sys.exit(f"{name}: {key} is {value}, expected {expected[name][key]}")
END
[ $? -eq 0 ] || { sed 's/^/# /' "$dir/differs"; false; }
ok "--json says what is expected of each map"

cat >"$dir/want" <<END
$maps/crosvm-3g-no-second-mib.map: 4 entries, 1048223 usable frames, 4.0 GiB
END
run maps "$maps/crosvm-3g-no-second-mib.map"
head -n 1 "$dir/out" | cmp -s - "$dir/want" || show
ok "the text starts with what the map amounts to"
run maps "$data/pc.map" "$data/pc.map"
[ "$(grep -c 'entries, ' "$dir/out")" = 2 ] || show
ok "each map has its paragraph"

run maps --ram 128M
cat >"$dir/want" <<END
pc: 7 entries, 32639 usable frames, 127.5 MiB
  0x0000000000000 .. 0x000000009efff          159 frames, 636.0 KiB
  0x0000000100000 .. 0x0000007fdffff        32480 frames, 126.9 MiB
  below 1 MiB 159, 16 MiB 3999, 4 GiB 32639 frames; whole blocks of 2 MiB 62, of 1 GiB 0; highest frame 0x7fdf
END
cmp -s "$dir/out" "$dir/want" || show
ok "--ram shows the map of a PC"

# --- what is no map
expect "no map at all is refused" 2 \
	"memtwin: maps: no memory map given; see 'memtwin maps --help'" maps
expect "a map beside --ram is refused" 2 \
	"memtwin: maps: --ram is instead of files; 'x' is one" \
	maps --ram 64M x
expect "a size that is none is refused" 2 \
	"memtwin: --ram: '64X' is not right; right would be a size, as 64M or 2G" \
	maps --ram 64X
expect "a file that is not there is refused" 2 \
	"memtwin: $t: cannot be opened: No such file or directory; it should be a readable memory map" \
	maps "$data/pc.map" "$t"
expect "a file without an end is refused" 2 \
	"memtwin: /dev/zero:1: a zero byte; the file should be text" maps /dev/zero
printf '%s\n' '0000000000000000 000000000009ffff 2' >"$t"
expect "a map without usable memory is refused" 2 \
	"memtwin: $t:1: the map ends without usable memory; there should be an entry of type 1" \
	maps "$t"
printf '%s\n' 'ffffffffffff0000 0000000000000fff 1' >"$t"
expect "an entry that wraps at the end of the address space is refused" 2 \
	"memtwin: $t:1: the end lies before the start; it should be the last byte, or start - 1 for an empty range" \
	maps "$data/pc.map" "$t"
finish
