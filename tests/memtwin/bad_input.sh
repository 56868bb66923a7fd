#!/bin/sh
# Bad input: one line with file and line number, exit status 2, nothing on
# standard output, and nothing runs.
. "${srcdir:-.}/tests/memtwin/tap.sh"

t=$dir/t.trace

# trace LINE...: a trace of these lines.
trace() {
	printf '%s\n' "$@" >"$t"
}
# ops N IDS OPERATION...: a trace with a short header; operations from line 5.
ops() {
	n=$1 ids=$2
	shift 2
	trace 'ktrace 1' "ops $n" "ids $ids" begin "$@"
}
bad() {
	name=$1 line=$2
	expect "$name" 2 "memtwin: $t:$line" run "$t"
}

# --- files
expect "a file that is not there is refused" 2 \
	"memtwin: $dir/none: No such file or directory" run "$dir/none"
expect "a folder is refused" 2 \
	"memtwin: $dir: Is a directory" run "$dir"
: >"$t"
bad "an empty file is refused" "1: the file ends where 'ktrace 1' is due"
if [ "$(id -u)" -ne 0 ]; then
	ops 1 1 'a 0 1'
	chmod 000 "$t"
	expect "an unreadable file is refused" 2 \
		"memtwin: $t: Permission denied" run "$t"
	rm -f "$t"
else
	skip "an unreadable file is refused" "root reads every file"
fi
ops 3 1 'a 0 8' 'r 0 9'
bad "a trace with operations missing is refused" \
	"7: the file ends where operation 3 of 3 is due"
printf 'ktrace 1\nops 1\nids 1\nbegin\na 0 4' >"$t"
bad "a last line cut short is refused" \
	"5: the last line has no end; the file is cut short"
head -c 3000 "$data/demo.trace.xz" >"$t"
run run "$t"
[ $code -eq 2 ] && [ ! -s "$dir/out" ] &&
	[ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -Eq "^memtwin: $t:[0-9]+: the xz data end too early; the file is cut short\$" "$dir/err" ||
	show
ok "xz data cut short are refused, with the line where the text ends"
# One byte flipped in the middle: the text goes wrong before the end is seen.
for at in 20000 30000 40000; do
	cp "$data/demo.trace.xz" "$t"
	chmod u+w "$t"
	printf '\125\252\125' | dd of="$t" bs=1 seek=$at conv=notrunc 2>/dev/null
	expect "xz data damaged at byte $at are refused as such" 2 \
		"memtwin: $t: the xz data are corrupt" run "$t"
done
if command -v xz >/dev/null; then
	# A trace that is wrong and damaged: the damage comes first.
	trace 'ktrace 1' 'colour 3'
	xz -c "$t" >"$dir/wrong.xz"
	head -c $(($(wc -c <"$dir/wrong.xz") - 4)) "$dir/wrong.xz" >"$t"
	bad "xz data of bad text that are cut short are refused as such" \
		"3: the xz data end too early; the file is cut short"
	head -c 60000000 /dev/zero | xz -1 -c >"$t"
	size=$(wc -c <"$t")
	expect "xz data that unpack to thousands of times their size are refused" 2 \
		"memtwin: $t: $size bytes of xz data unpack to more than $((16777216 + 256 * size)); a trace that shrinks so well can be given unpacked" \
		run "$t"
else
	skip "xz data that unpack to thousands of times their size are refused" \
		"no xz here"
fi
printf '\177ELF\002\001\n' >"$t"
bad "a file that is no trace is refused" \
	"1: '?ELF??' is no trace; a trace starts with 'ktrace 1'"

# --- the header
trace '# frames' 'ftrace 1' 'ops 0' 'ids 0' begin
bad "a trace of frames is refused" \
	"2: a trace of frames (ftrace); 'run' replays heap traces (ktrace 1)"
trace 'ktrace 2'
bad "a version that is not known is refused" \
	"1: version '2' of the format is not known; this program reads 'ktrace 1'"
trace 'ktrace 1' 'colour 3'
bad "an unknown header line is refused" \
	"2: unknown header line 'colour 3'; known are name, ops, ids, peak, peakn, tail, begin"
trace 'ktrace 1' 'ops 1' 'ops 2'
bad "a header line that comes twice is refused" \
	"3: a second 'ops'; the first is in line 2"
trace 'ktrace 1' 'ops many'
bad "a header number that is none is refused" \
	"2: 'ops many'; right would be 'ops NUMBER'"
trace 'ktrace 1' 'ids 1' begin
bad "a header without ops is refused" "3: 'begin' before a line 'ops NUMBER'"
trace 'ktrace 1' 'ops 1' 'ids 99999999' begin
bad "an absurd number of ids is refused" \
	"3: ids 99999999 is absurd; at most 16777216"
trace 'ktrace 1' 'ops 1' 'ids 1'
bad "a header without an end is refused" "4: the file ends where 'begin' is due"
trace 'ktrace 1' 'ops 2' 'ids 1' 'peak 9' begin 'a 0 8' 'f 0'
bad "a peak that the operations do not come to is refused" \
	"4: the header says peak is 9, the operations come to 8"
trace 'ktrace 1' 'ops 2' 'ids 1' 'tail 2' begin 'a 0 8' 'f 0'
bad "a tail longer than the frees at the end is refused" \
	"4: the header says tail is 2, but only the last 1 operations are all frees"

# --- operations
ops 1 1 'x 0 8'
bad "an unknown operation is refused" \
	"5: unknown operation 'x 0 8'; operations are a, z, m, r, f"
ops 1 1 'a 0'
bad "an operation with a word missing is refused" \
	"5: 'a 0'; right would be 'a ID SIZE'"
ops 1 1 'f 0 0'
bad "an operation with a word too many is refused" \
	"5: 'f 0 0'; right would be 'f ID'"
ops 1 1 'a 0 -8'
bad "a negative size is refused" "5: 'a 0 -8'; right would be 'a ID SIZE'"
ops 1 1 'a  0 8'
bad "two blanks in a row are refused" "5: 'a  0 8'; right would be 'a ID SIZE'"
ops 1 1 ''
bad "an empty line is refused" \
	"5: unknown operation ''; operations are a, z, m, r, f"
ops 3 2 'a 0 8' 'f 1' 'f 0'
bad "a free of a dead id is refused" \
	"6: free of id 1, which is not live; allocate it first"
ops 3 2 'a 0 8' 'f 0' 'f 0'
bad "a second free is refused" \
	"7: free of id 0, which is not live; allocate it first"
ops 3 2 'a 0 8' 'r 1 9' 'f 0'
bad "a reallocation of a dead id is refused" \
	"6: reallocation of id 1, which is not live; allocate it first"
ops 3 2 'a 0 8' 'a 0 8' 'f 0'
bad "an allocation of a live id is refused" \
	"6: allocation of id 0, which is live; free it first or use another id"
ops 2 1 'a 1 8' 'f 1'
bad "an id that is not below ids is refused" \
	"5: id 1 of a trace with 1 ids; ids are 0 .. ids - 1"
ops 2 1 'a 4294967296 8' 'f 0'
bad "an absurd id is refused" \
	"5: id 4294967296 is absurd; ids are below 16777216"
ops 2 1 'a 0 1099511627777' 'f 0'
bad "an absurd size is refused" \
	"5: size 1099511627777 is absurd; a block has at most 1099511627776 bytes"
ops 2 1 'a 0 99999999999999999999999999' 'f 0'
bad "a size beyond 64 bits is refused" \
	"5: size 99999999999999999999999999 is absurd; a block has at most 1099511627776 bytes"
for align in 48 0 16 4194304; do
	ops 2 1 "m 0 $align 8" 'f 0'
	bad "an alignment of $align is refused" \
		"5: alignment $align; right would be a power of two from 32 to 2097152"
done
ops 1 1 'a 0 8' 'f 0'
bad "more operations than the header says are refused" \
	"6: more than the 1 operations of the header (line 2)"
ops 1 1 'a 0 8'
bad "a trace that leaves a block live is refused" \
	"5: the trace ends with 1 live blocks (id 0 is one); free all of them"

# --- usage
ops 2 1 'a 0 8' 'f 0'
usage() {
	name=$1 line=$2
	shift 2
	expect "$name" 2 "$line" "$@"
}
usage "no verb is refused" "memtwin: no verb given; see 'memtwin --help'"
usage "an unknown verb is refused" \
	"memtwin: 'fly' is no verb; see 'memtwin --help'" fly
usage "an unknown option before the verb is refused" \
	"memtwin: unrecognized option '--fly'" --fly run "$t"
usage "an unknown option is refused" \
	"memtwin run: unrecognized option '--fly'" run --fly "$t"
usage "an option without its value is refused" \
	"memtwin run: option '--on' requires an argument" run "$t" --on
usage "no trace is refused" \
	"memtwin: run: no trace given; see 'memtwin run --help'" run
usage "two traces are refused" \
	"memtwin: one trace at a time: 'b' is a second one" run "$t" b
usage "an unknown machine is refused" \
	"memtwin: --on: 'mars' is not right; right would be sim, qemu or both" \
	run --on mars "$t"
usage "an unknown frame allocator is refused" \
	"memtwin: --pmm: 'x' is not right; right would be one of: areas bitmap bump stack buddy" \
	run --pmm x "$t"
for ahead in -1 16385 x ''; do
	usage "'$ahead' pages ahead are refused" \
		"memtwin: --fill-ahead: '$ahead' is not right; right would be a number from 0 to 16384" \
		run --fill-ahead="$ahead" "$t"
done
for tlb in lru:0 lru:1 lru:7 lru:16385 lru: lruxy random:7 Random; do
	usage "a TLB of '$tlb' is refused" \
		"memtwin: --tlb: '$tlb' is not right; right would be lru, lru:N, random or random:N with N from 8 to 16384, or hostile" \
		run --tlb "$tlb" "$t"
done
usage "no TLB at all is refused" \
	"memtwin: --tlb: without a TLB ('none') no compiled code can run; lru:8 is the least" \
	run --tlb none "$t"
usage "an unknown debug mode is refused" \
	"memtwin: --heap-debug: 'x' is not right; right would be zones, pages or fenced" \
	run --heap-debug=x "$t"
usage "guard pages are refused where they can't be" \
	"memtwin: --heap-debug with guard pages needs demand backing and a heap class other than buddy" \
	run --heap-debug=pages --heap buddy "$t"
usage "an unknown backing is refused" \
	"memtwin: --backing: 'x' is not right; right would be demand or immediate" \
	run --backing x "$t"
for ram in 7M 100 64X '' 1010G 16T 99999T 18446744073709551616; do
	usage "RAM of '$ram' is refused" \
		"memtwin: --ram: '$ram' is not right; right would be whole MiB from 8M to 1009G, as 64M or 2G" \
		run --ram "$ram" "$t"
done
for size in 0 1 4095 -4096 100KB; do
	usage "a heap size of '$size' is refused" \
		"memtwin: --heap-size: '$size' is not right; right would be a size in whole pages, as 100K, 64M, 1G" \
		run "--heap-size=$size" "$t"
done
usage "a heap larger than its limit is refused" \
	"memtwin: --heap-size is larger than --heap-limit" \
	run --heap-size 2M --heap-limit 1M "$t"
nowhere() {
	name=$1 size=$2 base=$3
	shift 3
	for on in sim qemu both; do
		usage "$name is refused (on $on)" \
			"memtwin: there is no room for a heap of up to $size bytes at $base; it can be in 0x8000000 .. 0x10000000 or 0x444400000000 .. 0x445000000000" \
			run --on $on "$@" "$t"
	done
}
nowhere "a heap that reaches into the replay's books" 107374182400 \
	0x444444440000 --heap-limit 100G
nowhere "a heap in the replay's books" 1073741824 0x445000000000 \
	--heap-base 0x445000000000
nowhere "a heap in the first page" 1073741824 0x1000 --heap-base 0x1000
nowhere "a heap larger than its window" 134217728 0x8001000 \
	--heap-base 0x8001000 --heap-limit 128M
nowhere "a heap between the windows" 1073741824 0x10000000 \
	--heap-base 0x10000000
usage "a heap at an odd address is refused" \
	"memtwin: --heap-base: '0x8000001' is not right; right would be a page-aligned address, as 0x8000000" \
	run --heap-base 0x8000001 "$t"
usage "a count that is no number is refused" \
	"memtwin: --ops: '-1' is not right; right would be a number from 1 to 4294967296" \
	run --ops=-1 "$t"
usage "a map for QEMU is refused" \
	"memtwin: --map is for the simulator alone; QEMU makes its own map from --ram" \
	run --map "$t" --on both "$t"
usage "a kernel that is not there is refused" \
	"memtwin: kernel $dir/none: No such file or directory" \
	run --on qemu --kernel "$dir/none" "$t"

# --- what the host cannot
if (ulimit -v 4000000 && "$memtwin" --version) >/dev/null 2>&1; then
	(
		ulimit -v 4000000
		run run --ram 64G "$t"
		[ $code -eq 77 ] && [ ! -s "$dir/out" ] &&
			[ "$(wc -l <"$dir/err")" -eq 1 ] &&
			grep -q '^memtwin: no simulator on this host: cannot map the 66560 MiB ' "$dir/err" ||
			show
	)
	ok "RAM that the host has no room for is the host's fault"
else
	skip "RAM that the host has no room for is the host's fault" \
		"the program does not run under 'ulimit -v' here"
fi

# --- memory maps
map=$dir/m.map
printf '%016x %016x 2 # reserved\n' 0 0xfffffff >"$map"
run run --map "$map" "$t"
[ $code -eq 2 ] && [ ! -s "$dir/out" ] &&
	[ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -q "^memtwin: $map:1: .*usable" "$dir/err" || show
ok "a map without RAM is refused"
echo 'what is this' >"$map"
run run --map "$map" "$t"
[ $code -eq 2 ] && [ ! -s "$dir/out" ] &&
	[ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -q "^memtwin: $map:1: " "$dir/err" || show
ok "a map that is none is refused"
expect "a map that is not there is refused" 2 \
	"memtwin: $dir/none: cannot be opened: No such file or directory; it should be a readable memory map" \
	run --map "$dir/none" "$t"


# --- the ISO image
expect "an ISO image for the simulator is refused" 2 \
	"memtwin: --iso is for --on qemu or both, and has a kernel of its own" \
	run --iso x "$data/demo.trace.xz"
expect "an ISO image beside a kernel is refused" 2 \
	"memtwin: --iso is for --on qemu or both, and has a kernel of its own" \
	run --on qemu --iso x --kernel y "$data/demo.trace.xz"
expect "a module that cannot be written is told" 2 \
	"memtwin: $dir/none/x: No such file or directory" \
	run --save-module "$dir/none/x" "$data/demo.trace.xz"
if [ -c /dev/full ]; then
	expect "a module that does not fit is told" 1 \
		"memtwin: /dev/full: the module could not be written to its end" \
		run --save-module /dev/full "$data/demo.trace.xz"
else
	skip "a module that does not fit is told" "no /dev/full here"
fi
finish
