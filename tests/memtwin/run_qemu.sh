#!/bin/sh
# The same traces in QEMU and on the simulator: equal in every result line.
. "${srcdir:-.}/tests/memtwin/tap.sh"

qemu=${TEST_QEMU-qemu-system-x86_64}
if ! command -v "${qemu:-none}" >/dev/null; then
	echo "1..0 # SKIP no qemu-system-x86_64 here (package qemu-system-x86)"
	exit 0
fi
if [ -n "$KERNEL_WHY_NOT" ]; then
	echo "1..0 # SKIP no kernel image: $KERNEL_WHY_NOT"
	exit 0
fi

demo=$data/demo.trace.xz
t=$dir/t.trace

run run --on qemu --qemu "$qemu" --ops 20000 "$demo"
[ $code -eq 0 ] && [ ! -s "$dir/err" ] && has 'everything sound' || show
ok "a trace runs in QEMU"

# equal NAME OPTION...: both machines come to the same.
equal() {
	name=$1
	shift
	run run --on both --qemu "$qemu" "$@"
	[ $code -eq 0 ] && [ ! -s "$dir/err" ] &&
		has 'The two machines came to the same state.' || show
	ok "$name"
}
equal "the bundled trace leads to the same state on both machines" "$demo"
equal "so it does with the bump heap" --heap bump --ops 5000 "$demo"
equal "so it does with immediate backing" --backing immediate --ops 5000 "$demo"
equal "so it does in debug mode with guard pages" --heap-debug=pages \
	--ops 3000 "$demo"
equal "so it does with the hostile TLB" --tlb hostile --ops 5000 "$demo"
equal "so it does with a heap at 0x8000000" --heap-base 0x8000000 \
	--heap-size 4000K --heap-limit 8000K --ops 5000 "$demo"
equal "so it does with 64 MiB of RAM" --ram 64M --ops 5000 "$demo"

printf '%s\n' 'ktrace 1' 'ops 4' 'ids 2' begin 'a 0 4000' 'a 1 4000' 'f 0' \
	'f 1' >"$t"
run run --on both --qemu "$qemu" --heap-size 8K --heap-limit 8K "$t"
[ $code -eq 1 ] || show
ok "what is wrong on both machines is a finding"
printf '%s\n' \
	"memtwin: $t:6: simulator: out of memory: 4000 bytes aligned to 16 for block 1" \
	"memtwin: $t:6: QEMU: out of memory: 4000 bytes aligned to 16 for block 1" |
	cmp -s - "$dir/err" || show
ok "it is named with its line for each machine"
run run --on both --qemu "$qemu" --ram 8M --heap-size 16M --backing immediate "$t"
printf '%s\n' \
	"memtwin: $t: simulator, at the start: no heap: MM_NO_MEMORY" \
	"memtwin: $t: QEMU, at the start: no heap: MM_NO_MEMORY" |
	cmp -s - "$dir/err" && [ $code -eq 1 ] && ! has DIFFER || show
ok "two machines that cannot start, for one reason, do not differ"
if command -v xz >/dev/null; then
	xz -dc "$demo" | sed 's/^ops .*/ops 255036/; /^tail/d' >"$dir/once"
	{
		sed '/^begin/q' "$dir/once"
		for i in 1 2 3 4; do
			sed '1,/^begin/d' "$dir/once"
		done
	} >"$dir/long"
	expect "a trace that does not fit into RAM is refused" 2 \
		"memtwin: a module of 4080672 bytes does not fit beside the kernel in 8 MiB of RAM; give the machine more with --ram" \
		run --on qemu --qemu "$qemu" --ram 8M "$dir/long"
else
	skip "a trace that does not fit into RAM is refused" "no xz here"
fi
mkdir -p "$dir/usr/bin" "$dir/usr/libexec/memtwin"
cp src/boot/memtwin-kernel "$dir/usr/libexec/memtwin"
cp "$memtwin" "$dir/usr/bin"
built=$memtwin
memtwin=$dir/usr/bin/memtwin
equal "a program that was moved with its kernel finds it" --ops 1000 "$demo"
rm "$dir/usr/libexec/memtwin/memtwin-kernel"
run run --on qemu --qemu "$qemu" --ops 1000 "$demo"
# Another may be installed for good.
[ $code -eq 0 ] || { [ $code -eq 77 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -q '^memtwin: no kernel to boot in QEMU: ' "$dir/err"; } || show
ok "without its kernel it says so"
memtwin=$built

run run --on qemu --qemu "$qemu" --kernel "$t" "$t"
[ $code -eq 77 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -q '^memtwin: QEMU could not run: ' "$dir/err" || show
ok "a file that is no kernel is told in QEMU's words"
finish
