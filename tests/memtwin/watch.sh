#!/bin/sh
# Runs that are logged, bounded and disturbed.
. "${srcdir:-.}/tests/memtwin/tap.sh"

demo=$data/demo.trace.xz

run run --ops 2000 --events "$dir/log" "$demo"
[ $code -eq 0 ] && [ ! -s "$dir/err" ] || show
ok "a run that is logged ends as one that is not"
{ for kind in walk fill fault 'pmm gives' 'vmm maps' 'page fault' \
	'heap gives' 'heap takes'; do
	grep -q "^{\"event\":\"$kind\",\"cpu\":0,.*}\$" "$dir/log" ||
		echo "# not in the log: $kind"
done; } >"$dir/missing"
cat "$dir/missing"
[ ! -s "$dir/missing" ]
ok "the log has the events of the machine and of the kernel"
! grep -q 'stale' "$dir/log"
ok "no frame was freed while the processor knew a way to it"
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    json.loads(line)' "$dir/log"
	ok "each line of the log is JSON"
	run run --ops 2000 --json "$demo"
	fills=$(sed -n 's/.*"tlb_fills": \([0-9]*\).*/\1/p' "$dir/out")
	[ "$(grep -c '"event":"fill"' "$dir/log")" = "$fills" ] || show
	ok "the log has as many fills as the report"
else
	skip "each line of the log is JSON" "no Python here"
	skip "the log has as many fills as the report" "no Python here"
fi
run run --ops 2000 --tlb hostile --events "$dir/hostile" "$demo"
[ $code -eq 0 ] && ! grep -q stale "$dir/hostile" || show
ok "nor with the hostile TLB"

run run --ops 2000 --budget faults:50 "$demo"
[ $code -eq 1 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -q 'the budget is over: faults 51, at most 50 allowed; passed by event [0-9]*, fault at 0x4444444' \
		"$dir/err" || show
ok "a run that faults too often is stopped with one sentence"
cp "$dir/err" "$dir/first"
run run --ops 2000 --budget faults:50 "$demo"
cmp -s "$dir/err" "$dir/first" || show
ok "it stops at the same event every time"
run run --ops 2000 --budget total:1000000000 --budget frames:100000 "$demo"
[ $code -eq 0 ] && [ ! -s "$dir/err" ] || show
ok "a budget that is kept changes nothing"

run run --ops 2000 --inject block:7 "$demo"
[ $code -eq 1 ] && grep -q 'out of memory: 312 bytes' "$dir/err" || show
ok "a block that is refused is reported by the replay"
run run --ops 2000 --inject frame:5 "$demo"
[ $code -eq 1 ] && grep -q 'MM_NO_MEMORY' "$dir/err" || show
ok "so is a frame"
run run --ops 2000 --inject spurious:1 "$demo"
[ $code -eq 0 ] || show
ok "a spurious fault does no harm"
# A TLB that small walks to pages again that were filled long ago; which of them
# the Nth walk is for depends on the kernel and its compiler, so the first that
# meets a page's entry ends the search.
lost=no silent=no told=no
n=0
while [ $n -lt 1500 ] && [ $lost$told != yesyes ]; do
	n=$((n + 50))
	run run --ops 300 --tlb lru:8 --watch-tables --budget events:200000 \
		--inject flip:$n "$demo"
	[ $code -eq 1 ] || silent=yes
	grep -q 'verdict: MM_REFUSED, an entry lost its P bit: it shows nothing, but is not empty' \
		"$dir/err" && lost=yes
	grep -q 'written by: not known; 0x[0-9a-f]* before, as a walk saw' \
		"$dir/err" && told=yes
done
[ $silent = no ] && [ $lost = yes ] || show
ok "a page that lost its frame by a flipped bit is reported, not filled anew"
[ $told = yes ] || show
ok "the story tells what the entry held before, and that nobody stored to it"
run run --ops 2000 --inject frame:999999 "$demo"
[ $code -eq 0 ] &&
	grep -qE '^memtwin: --inject frame:999999: the run came to [0-9]+ of these only, so nothing was injected$' \
		"$dir/err" || show
ok "an occasion that never came is named"

run run --ops 2000 --watch-tables --walk 0x444444451000 "$demo"
if command -v addr2line >/dev/null; then
	writer='[a-z_]+ at [a-z_]+\.[ch]:[0-9]+.*'
else
	writer='.*memtwin\+0x[0-9a-f]+'
fi
[ $code -eq 0 ] && [ ! -s "$dir/err" ] && tail -n 1 "$dir/out" |
	grep -qE "^    written by: processor 0 at rip 0x[0-9a-f]+, $writer, before: 0x[0-9a-f]+\$" || show
ok "a watched run names the function that wrote an entry"
digest=$(grep digest "$dir/out")
run run --ops 2000 "$demo"
[ "$(grep digest "$dir/out")" = "$digest" ] || show
ok "it comes to the same digest"

usage() {
	name=$1 line=$2
	shift 2
	expect "$name" 2 "$line" "$@"
}
for wrong in frame frame: frame:0 frame:x interrupt:1 ''; do
	usage "an injection of '$wrong' is refused" \
		"memtwin: --inject: '$wrong' is not right; right would be frame, block, flip or spurious, with a number, as frame:17" \
		run --inject "$wrong" "$demo"
done
for wrong in faults faults:0 seconds:3 total:-1; do
	usage "a budget of '$wrong' is refused" \
		"memtwin: --budget: '$wrong' is not right; right would be reads, fills, faults, flushes, frames, events or total, with a number, as faults:1000" \
		run --budget "$wrong" "$demo"
done
usage "a log that cannot be written is named" \
	"memtwin: $dir/none/log: No such file or directory" \
	run --ops 10 --events "$dir/none/log" "$demo"
usage "nor can its tables" \
	"memtwin: --walk, --watch-tables and --report-stale are for the simulator; QEMU keeps its TLB to itself" \
	run --on qemu --watch-tables "$demo"
usage "QEMU cannot be watched" \
	"memtwin: --events, --budget and --inject are for the simulator; QEMU cannot be watched" \
	run --on qemu --events "$dir/log" "$demo"
if [ -c /dev/full ]; then
	expect "a log that does not fit is named" 1 \
		"memtwin: /dev/full: the log could not be written to its end" \
		run --ops 2000 --events /dev/full "$demo"
else
	skip "a log that does not fit is named" "no /dev/full here"
fi
finish
