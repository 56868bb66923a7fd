#!/bin/sh
# memtwin walk on the memory of a kernel in QEMU: a dump with its registers, and
# the same memory raw.
. "${srcdir:-.}/tests/memtwin/tap.sh"

qemu=${TEST_QEMU-qemu-system-x86_64}
kernel=src/boot/memtwin-kernel
if [ -n "${KERNEL_WHY_NOT-}" ]; then
	echo "1..0 # SKIP $KERNEL_WHY_NOT"
	exit 0
fi
if ! command -v "${qemu:-none}" >/dev/null 2>&1; then
	echo "1..0 # SKIP QEMU is missing: apt install qemu-system-x86"
	exit 0
fi

# The kernel has no module and no way to end the machine: it says so, and stays.
mkfifo "$dir/mon.in" "$dir/mon.out"
cat "$dir/mon.out" >"$dir/monitor" &
timeout 120 "$qemu" -kernel "$kernel" -accel tcg -cpu max -m 16 -display none \
	-nodefaults -no-reboot -serial stdio -monitor "pipe:$dir/mon" \
	</dev/null 2>"$dir/said" |
	while read -r line; do
		case $line in
		*verdict*)
			{
				echo "info registers"
				echo "dump-guest-memory $dir/core"
				echo "pmemsave 0 0x1000000 \"$dir/memory\""
				echo quit
			} >"$dir/mon.in"
			;;
		esac
	done
wait
[ -s "$dir/core" ] && [ -s "$dir/memory" ] || {
	grep -v '\[K' "$dir/said" "$dir/monitor" | sed 's/^/# /'
	false
}
ok "QEMU dumps the memory of the kernel"

cr3=$(tr -d '\r' <"$dir/monitor" |
	sed -n 's/.*CR3=0*\([0-9a-f]*\).*/0x\1/p' | sed -n 1p)
boot=0xffff800000001000 # the second frame, in the direct map
run walk --image "$dir/core" $boot
[ $code -eq 0 ] && has "PML4E 256 at 0x$(printf '%x' $((cr3 + 8 * 256))) " &&
	has "shows physical 0x1000 in a page" || show
ok "the dump brings the CR3 that QEMU says, and the tables behind it"
cp "$dir/out" "$dir/want"
run walk --image "$dir/memory" --cr3 "$cr3" $boot
cmp -s "$dir/out" "$dir/want" || show
ok "the same memory raw tells the same"
finish
