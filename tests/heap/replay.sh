#!/bin/sh
# Traces through every heap class on the simulator: contents, alignment, overlap
# and soundness are checked by the replay.  Prints TAP.
#
# tests/heap/replay.sh [TRACE ...]   default: the trace of the tests; others by
# `make replay-heaps TRACES="..."`.  Classes that walk over all blocks get the first
# QUADRATIC operations (15000), and "bump" may come to the end of its memory.
set -u
cd "${top_builddir:-.}" || exit 99
[ $# -gt 0 ] || set -- "$top_srcdir/tests/data/demo.trace.xz"
said=$(mktemp) || exit 99
trap 'rm -f "$said"' EXIT

classes="bump bump-noreset list list-nomerge boundary buddy tlsf fixed slab"
number=0
status=0
echo "1..$((9 * $#))"
for trace; do
	for class in $classes; do
		number=$((number + 1))
		case $class in
		list-nomerge | boundary) ops=${QUADRATIC-15000} ;;
		*) ops=4000000000 ;;
		esac
		./memtwin run --heap "$class" --ops "$ops" --ram 1G "$trace" \
			>"$said" 2>&1
		code=$?
		name="$class replays $(basename "$trace" .trace.xz)"
		if [ $code -eq 0 ]; then
			echo "ok $number - $name"
		elif [ "${class#bump}" != "$class" ] && grep -q 'out of memory' "$said"; then
			echo "ok $number - $name, as far as memory goes that is used once"
		else
			sed 's/^/# /' "$said" | tail -n 5
			echo "not ok $number - $name"
			status=1
		fi
	done
done
exit $status
