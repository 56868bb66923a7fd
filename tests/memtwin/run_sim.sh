#!/bin/sh
# Good runs on the simulator, and runs that find something wrong.
. "${srcdir:-.}/tests/memtwin/tap.sh"

demo=$data/demo.trace.xz
t=$dir/t.trace
printf '%s\n' '# small' 'ktrace 1' 'name small' 'ops 8' 'ids 3' 'peak 612' \
	'peakn 3' 'tail 3' begin 'a 0 100' 'z 1 0' 'm 2 256 512' 'r 0 40' \
	'r 1 60' 'f 2' 'f 0' 'f 1' >"$t"

# json EXPRESSION: true of the report, as Python's d.
json() {
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1])); sim = d["machines"].get("simulator")
sys.exit(0 if eval(sys.argv[2]) else 1)' "$dir/out" "$1" ||
		{ echo "# not so: $1"; show; }
}
have_python=$(command -v python3)

run run "$demo"
[ $code -eq 0 ] && [ ! -s "$dir/err" ] && has 'everything sound' &&
	has '63759' && has 'digest' || show
ok "the bundled trace runs to its end"
grep digest "$dir/out" >"$dir/digest"
run run --seed 7 "$demo"
grep digest "$dir/out" | cmp -s - "$dir/digest" || show
ok "the digest does not depend on the junk in RAM"
run run --tlb hostile "$demo"
[ $code -eq 0 ] && grep digest "$dir/out" | cmp -s - "$dir/digest" || show
ok "the digest does not depend on the TLB"
run run --fill-ahead 16 "$demo"
[ $code -eq 0 ] && grep digest "$dir/out" | cmp -s - "$dir/digest" || show
ok "nor on pages that are filled ahead"
run run --ops 5000 "$demo"
grep digest "$dir/out" >"$dir/short"
for tlb in lru:64 lru:8 random random:8; do # eight entries fill without end
	run run --ops 5000 --tlb $tlb "$demo"
	[ $code -eq 0 ] && grep digest "$dir/out" | cmp -s - "$dir/short" || show
	ok "a TLB of $tlb does not change the digest"
done
if xz -dc "$demo" >"$dir/plain" 2>/dev/null; then
	run run "$dir/plain"
	[ $code -eq 0 ] && grep digest "$dir/out" | cmp -s - "$dir/digest" || show
	ok "a trace as plain text gives the same"
else
	skip "a trace as plain text gives the same" "no xz here to unpack it"
fi
for option in --backing=immediate --heap-size=4M --heap-debug \
	--heap-debug=pages '--heap-debug=fenced --heap=list' \
	'--heap-base=0x8000000 --heap-limit=4000K' --heap-base=0x8000000 \
	--heap-base=0x8100000 --heap-limit=2M --ram=32M; do
	# shellcheck disable=SC2086 # two options in one word
	run run $option --ops 20000 "$demo"
	[ $code -eq 0 ] && [ ! -s "$dir/err" ] || show
	ok "it runs with $option"
done
# checks: how often a run looked at everything.
checks() {
	sed -n 's/^times everything was checked *//p' "$dir/out"
}
run run --ops 20000 "$demo"
[ "$(checks)" = 1 ] || show
ok "everything is checked at the end"
run run --ops 20000 --sound-every=100 "$demo"
done=$(sed -n 's/^operations *//p' "$dir/out")
[ $code -eq 0 ] && [ "$done" -ge 20000 ] &&
	[ "$(checks)" = $((done / 100 + 1)) ] || show
ok "with --sound-every=100 everything is checked every 100 operations, too"
run run --map "$data/pc.map" "$t"
[ $code -eq 0 ] || show
ok "it runs on a machine with a memory map from a file"

if [ -n "$have_python" ]; then
	run run --json "$t"
	[ $code -eq 0 ] && json 'd["trace"]["name"] == "small"' &&
		json 'sim["good"] and sim["sound"] is True' &&
		json 'sim["ops"] == 8 and sim["allocs"] == 1 and sim["zeroed"] == 1' &&
		json 'sim["aligned"] == 1 and sim["reallocs"] == 2 and sim["frees"] == 3' &&
		json 'sim["bytes_peak"] == 613 and sim["blocks_peak"] == 3' &&
		json 'sim["tlb_fills"] > 0 and sim["walk_reads"] >= sim["tlb_fills"]' &&
		json 'sim["heap_size"] == 102400 and sim["faults"] == sim["heap_pages"]'
	ok "the JSON report says what was done"
	run run --json --backing immediate "$t"
	json 'sim["faults"] == 0 and sim["heap_pages"] == 25'
	ok "with immediate backing no page faults"
	run run --json --ops 4 "$t"
	json 'sim["ops"] == 7 and sim["frees"] == 3 and sim["reallocs"] == 1'
	ok "a trace cut short ends with frees of what is live"
	run run --json --ops 8 "$t"
	json 'sim["ops"] == 8'
	ok "a cut at the end changes nothing"
	run run --json --heap dummy "$t"
	[ $code -eq 1 ] && json 'sim["good"] is False and "out of memory" in sim["error"]'
	ok "a run that fails is reported in JSON too"
	if python3 -c 'import pty; pty.openpty()' 2>"$dir/tty"; then
		python3 -c 'import pty, sys
pty.spawn(sys.argv[1:])' "$memtwin" run "$demo" >"$dir/tty" </dev/null
		grep -qF '] 100 %' "$dir/tty"
		ok "on a terminal there is a progress bar"
	else
		skip "on a terminal there is a progress bar" \
			"no terminal to be had: $(tail -n 1 "$dir/tty")"
	fi
	run run "$demo"
	! grep -qF '] 100 %' "$dir/out" && [ ! -s "$dir/err" ]
	ok "elsewhere there is none"
else
	skip "the JSON report says what was done" "no python3 here to read it"
fi

expect "a heap without memory is a finding at its line" 1 \
	"memtwin: $t:10: simulator: out of memory: 100 bytes aligned to 16 for block 0" \
	run --heap dummy "$t"
big=$dir/big.trace
printf '%s\n' 'ktrace 1' 'ops 4' 'ids 2' begin 'a 0 4000' 'a 1 4000' 'f 0' \
	'f 1' >"$big"
expect "a heap that reaches its limit is a finding at its line" 1 \
	"memtwin: $big:6: simulator: out of memory: 4000 bytes aligned to 16 for block 1" \
	run --heap-size 8K --heap-limit 8K "$big"
expect "a heap that cannot be is a finding at the start" 1 \
	"memtwin: $big: simulator, at the start: no heap: MM_NO_MEMORY" \
	run --ram 8M --heap-size 64M --backing immediate "$big"
edge=$dir/edge.trace
good=0 refused=0 other=0
size=27600000
while [ $size -le 29000000 ]; do
	printf '%s\n' 'ktrace 1' 'ops 2' 'ids 1' begin "a 0 $size" 'f 0' >"$edge"
	run run --ram 32M "$edge"
	if [ $code -eq 0 ]; then
		good=$((good + 1))
	elif [ $code -eq 1 ] && [ "$(cat "$dir/err")" = "memtwin: $edge:5: simulator: out of memory: $size bytes aligned to 16 for block 0" ]; then
		refused=$((refused + 1))
	else
		other=$((other + 1))
		show
	fi
	size=$((size + 100000))
done
[ $good -gt 0 ] && [ $refused -gt 0 ] && [ $other -eq 0 ]
ok "one block at the edge of memory is served or a finding at its line"
run run --ram 8M --heap bump "$demo"
[ $code -eq 1 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -Eq "^memtwin: $demo:[0-9]+: simulator: out of memory: " "$dir/err" ||
	show
ok "a machine that runs out of frames is a finding at a line"
finish
