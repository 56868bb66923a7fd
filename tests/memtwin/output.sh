#!/bin/sh
# Standard output that is full or closed, and descriptors that are not there:
# what does not arrive is no success.
. "${srcdir:-.}/tests/memtwin/tap.sh"

t=$dir/t.trace
printf '%s\n' 'ktrace 1' 'ops 2' 'ids 1' begin 'a 0 100' 'f 0' >"$t"

# lost NAME REASON ARGUMENT...: standard output is what the caller made it.
lost() {
	name=$1
	why=$2
	shift 2
	"$memtwin" "$@" 2>"$dir/raw" </dev/null
	code=$?
	sed '/ASan is ignoring requested/,+2d' "$dir/raw" >"$dir/err"
	: >"$dir/out"
	[ $code -eq 1 ] &&
		[ "$(cat "$dir/err")" = "memtwin: standard output: $why" ] || show
	ok "$name" >&3
}
exec 3>&1
if [ -w /dev/full ]; then
	for what in "run $t" "run --json $t" --help --version 'run --help'; do
		# shellcheck disable=SC2086 # words
		lost "'${what%% /*}' to a full disk fails" "No space left on device" \
			$what >/dev/full
	done
else
	skip "a report to a full disk fails" "no /dev/full here"
fi
for what in "run $t" "run --json $t" --help --version; do
	# shellcheck disable=SC2086
	lost "'${what%% /*}' to a closed standard output fails" "Bad file descriptor" \
		$what >&-
done
exec 3>&-

# A stand-in for QEMU that has its module, and whose words arrive.
: >"$dir/kernel"
{
	echo '#!/bin/sh'
	echo 'while [ "$1" != -initrd ]; do shift; done'
	echo '[ "$(head -c 8 "$2")" = m_reply1 ] || exit 7'
	echo 'echo "replay: result ops 2"'
	echo 'echo "replay: verdict good"; exit 33'
} >"$dir/qemu"
chmod +x "$dir/qemu"
set -- run --on qemu --qemu "$dir/qemu" --kernel "$dir/kernel" "$t"
"$memtwin" "$@" >"$dir/out" 2>"$dir/err" <&-
code=$?
[ $code -eq 0 ] && [ ! -s "$dir/err" ] && has operations || show
ok "QEMU runs with standard input closed"
"$memtwin" "$@" >"$dir/out" 2>&- <&-
code=$?
[ $code -eq 0 ] && has operations || show
ok "QEMU runs with standard input and error closed"
"$memtwin" "$@" 2>"$dir/raw" <&- >&-
code=$?
sed '/ASan is ignoring requested/,+2d' "$dir/raw" >"$dir/err"
[ $code -eq 1 ] &&
	[ "$(cat "$dir/err")" = "memtwin: standard output: Bad file descriptor" ] ||
	show
ok "with standard output closed it is the report that fails, not QEMU"
finish
