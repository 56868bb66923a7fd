#!/bin/sh
# How a run in QEMU can end, with a stand-in for QEMU that ends so; and two
# machines that do not come to the same.
. "${srcdir:-.}/tests/memtwin/tap.sh"

t=$dir/t.trace
printf '%s\n' 'ktrace 1' 'ops 2' 'ids 1' begin 'a 0 100' 'f 0' >"$t"
: >"$dir/kernel"

# stand_in LINE...: a QEMU that does that.
stand_in() {
	{ echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$dir/qemu"
	chmod +x "$dir/qemu"
}
# ends NAME STATUS LINE: the run of the stand-in ends so.
ends() {
	expect "$1" "$2" "$3" run --on qemu --qemu "$dir/qemu" \
		--kernel "$dir/kernel" --patience 1 "$t"
}

stand_in 'echo "replay: progress 0 2"' 'echo "replay: progress 2 2"' \
	'echo "replay: result ops 2"' 'echo "replay: verdict good"' 'exit 33'
run run --on qemu --qemu "$dir/qemu" --kernel "$dir/kernel" "$t"
[ $code -eq 0 ] && [ ! -s "$dir/err" ] && has operations || show
ok "status 33 with a verdict is a good run"

stand_in 'echo "replay: progress 1 2"' 'exit 33'
ends "status 33 without a verdict is an early end" 1 \
	"memtwin: $t:6: the kernel in QEMU ended early (exit status 33 without a matching verdict) after operation 1 or later: it said nothing"
stand_in 'echo "replay: verdict bad"' 'exit 33'
ends "status 33 with a bad verdict is no good run" 1 \
	"memtwin: $t: the kernel in QEMU ended early (exit status 33 without a matching verdict) before the first operation: it said nothing"
stand_in 'echo "replay: progress 1 2"' 'exit 0'
ends "a triple fault is told" 1 \
	"memtwin: $t:6: the processor in QEMU was reset (triple fault) after operation 1 or later: it said nothing"
stand_in 'echo "replay: progress 1 2"' 'echo "panic: no way out (a.c:7)"' \
	'echo "and more"' 'exit 7'
ends "a panic is told with its words" 1 \
	"memtwin: $t:6: the kernel in QEMU panicked after operation 1 or later: panic: no way out (a.c:7)"
stand_in 'echo "replay: progress 2 2"' 'echo "panic: late (a.c:7)"' 'exit 7'
ends "a panic after the last operation is told so" 1 \
	"memtwin: $t: the kernel in QEMU panicked after the last operation: panic: late (a.c:7)"
stand_in 'echo "replay: progress 0 2"' 'echo "trap: page fault error 0x2"' \
	'echo "write at 0x8000000 by the kernel: the page is not present"' \
	'echo "  PTE 3 not present, the walk ends here"' \
	'echo "panic: no way out (a.c:7)"' 'exit 7'
ends "a trap that nobody repaired is told with its story" 1 \
	"memtwin: $t:5: the kernel in QEMU panicked after operation 0 or later: panic: no way out (a.c:7)
memtwin:   trap: page fault error 0x2
memtwin:   write at 0x8000000 by the kernel: the page is not present
memtwin:     PTE 3 not present, the walk ends here"
stand_in 'echo "replay: progress 1 2"' 'exec sleep 60'
ends "a hang is told" 1 \
	"memtwin: $t:6: the kernel in QEMU hangs after operation 1 or later: silent for 1 s; stopped it"
stand_in 'echo "qemu: no such machine" >&2' 'exit 1'
ends "QEMU's own error is told with its words" 77 \
	"memtwin: QEMU could not run: qemu: no such machine"
stand_in 'kill -9 $$'
ends "a QEMU that was killed is told" 77 "memtwin: QEMU was killed by signal 9"
stand_in 'exit 12'
ends "any other end is told" 1 \
	"memtwin: $t: QEMU ended with the unexpected status 12 before the first operation: it said nothing"
stand_in 'echo "replay: error op 1: it went wrong"' \
	'echo "replay: result ops 1"' 'echo "replay: verdict bad"' 'exit 3'
ends "what the kernel found wrong is told with the trace's line" 1 \
	"memtwin: $t:6: QEMU: it went wrong"
[ "$(tail -n 1 "$dir/out")" = "FAILED on QEMU: it went wrong" ] || show
ok "and is the last line of the report"
expect "a QEMU that is not there is no failure" 77 \
	"memtwin: $dir/none: No such file or directory; install QEMU (package qemu-system-x86) or run with --on sim" \
	run --on qemu --qemu "$dir/none" --kernel "$dir/kernel" "$t"

# The stand-in looks at what it was given: the module comes by -initrd.
stand_in 'while [ "$1" != -initrd ]; do shift; done' \
	'head -c 8 "$2"; echo' 'exit 7'
ends "the module reaches QEMU by a file" 1 \
	"memtwin: $t: the kernel in QEMU panicked before the first operation: m_reply1"

# --- both: a machine as QEMU has it, and results that differ
both() {
	stand_in 'echo "boot: map 0x0 0x9fc00 1"' \
		'echo "boot: map 0x100000 0x7ee0000 1"' \
		'echo "boot: module 0x7fde000 0x98"' \
		"echo 'boot: reserved 0x100000 ${load:-0x300000}'" \
		'echo "boot: reserved 0x7fde000 0x98"' "$@" \
		'echo "replay: verdict good"' 'exit 33'
	run run --on both --qemu "$dir/qemu" --kernel "$dir/kernel" "$t"
}
both 'echo "replay: result ops 7"' 'echo "replay: state end here"'
grep -q "^memtwin: $t: the two machines differ: ops is 2 (simulator), 7 (QEMU); line 1 of the state is 'halfway .*' (simulator), 'end here' (QEMU)\$" "$dir/err" &&
	[ $code -eq 1 ] && has 'THE TWO MACHINES DIFFER' || show
ok "machines that differ are a finding, with the first difference"

load=0x400000 both
grep -q "^memtwin: the two machines are not the same: the kernel in QEMU reserved 1024 pages at 0x100000, the simulator's firmware 768 at 0x100000;" "$dir/err" &&
	[ $code -eq 1 ] || show
ok "machines that reserve different frames are told apart before they run"

# What the simulator says, as the stand-in's words: then they are the same.
if command -v python3 >/dev/null; then
	run run --json --map "$data/pc.map" "$t"
	both 'echo "replay: result ops 2"'
	run run --on both --json --qemu "$dir/qemu" --kernel "$dir/kernel" "$t"
	python3 -c 'import json, sys
for k, v in json.load(open(sys.argv[1]))["machines"]["simulator"].items():
    if k not in ("good", "us_per_op", "tlb_fills", "tlb_evictions", "invlpgs", "signals", "walk_reads"):
        print("echo \"replay: result %s %s\"" % (k, {True: "yes"}.get(v, v) if isinstance(v, bool) else v))
' "$dir/out" >"$dir/lines"
	both "$(cat "$dir/lines")"
	[ $code -eq 0 ] && [ ! -s "$dir/err" ] && has 'came to the same state' || show
	ok "machines that say the same are equal"
	both "$(sed 's/digest_addresses 0x./digest_addresses 0xz/' "$dir/lines")"
	[ $code -eq 1 ] && grep -q 'digest_addresses is 0x' "$dir/err" || show
	ok "one digit of one digest is a difference"
	both "$(sed '/digest_halfway/d' "$dir/lines")"
	[ $code -eq 1 ] && grep -q 'digest_halfway is 0x.* (simulator), not reported (QEMU)' "$dir/err" || show
	ok "a result that is missing is a difference"
else
	skip "machines that say the same are equal" "no python3 here"
fi
stand_in 'echo "replay: verdict good"' 'exit 33'
expect "a kernel that does not tell its memory map has no twin" 1 \
	"memtwin: the kernel in QEMU did not say its memory map; the simulator can't be made its twin" \
	run --on both --qemu "$dir/qemu" --kernel "$dir/kernel" "$t"

# --- a signal ends QEMU too
stand_in "echo \$\$ >'$dir/pid'" 'exec sleep 60'
"$memtwin" run --on qemu --qemu "$dir/qemu" --kernel "$dir/kernel" "$t" \
	>/dev/null 2>&1 &
program=$!
tries=0
while [ ! -s "$dir/pid" ] && [ $tries -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
kill -TERM $program
wait $program
sleep 0.2
pid=$(cat "$dir/pid")
! kill -0 "$pid" 2>/dev/null || grep -q '^State:.Z' "/proc/$pid/status"
ok "a signal that ends the program ends QEMU too"
stand_in "trap 'echo hup >>$dir/hup' HUP" "echo \$\$ >'$dir/pid'" \
	'sleep 1' 'echo "replay: verdict good"' 'exit 33'
rm -f "$dir/pid"
(
	trap '' HUP
	exec "$memtwin" run --on qemu --qemu "$dir/qemu" --kernel "$dir/kernel" "$t" \
		>"$dir/out" 2>"$dir/err"
) &
program=$!
tries=0
while [ ! -s "$dir/pid" ] && [ $tries -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
kill -HUP $program
wait $program
code=$?
[ $code -eq 0 ] || show
ok "a hang-up that is ignored (nohup) stays ignored"
finish
