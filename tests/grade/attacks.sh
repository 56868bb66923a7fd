#!/bin/sh
# What tries to get points without work gets none, and is named in the report.
#
# Each file of tests/grade/attacks is put in front of the starter's bitmap.c,
# which calls attack() in its init; "wants:" in it is what the report has to say.
. "${srcdir:-.}/tests/grade/tap.sh"
attacks=${srcdir:-.}/tests/grade/attacks
source=$(cd "${srcdir:-.}" && pwd)
only=every_frame_of_a_simple_map_is_handed_out_once

# One file to compile, and a ceiling of one second: the endless loop takes it.
lab_of_one_file "$dir/1-frames"

submit 1-frames "$dir/reference"
mkdir "$dir/attack"

# with FRAGMENT: the starter, attacked
with() {
	{
		echo '#include "pmm/inside.h"'
		cat "$attacks/../attack_call.inc"
		sed "s|@SRC@|$source|" "$1"
		attacked
	} >"$dir/attack/bitmap.c"
}

run --format json --only $only "$dir/1-frames" "$dir/reference"
[ $code -eq 0 ] && [ "$(score)" != 0.0 ] || show
ok "the reference has points here"

if grep -q 'filter of system calls' "$dir/out"; then
	skip "attacks gain nothing" "this build or host has no filter of system calls"
	finish
	exit 0
fi

for attack in "$attacks"/*.inc; do
	name=$(basename "$attack" .inc)
	wants=$(sed -n 's|^/\* wants: \(.*\) \*/$|\1|p' "$attack")
	with "$attack"
	run --format json --only $only "$dir/1-frames" "$dir/attack"
	[ $code -eq 1 ] && scores 0.0 && { [ -z "$wants" ] || has "$wants"; }
	ok "$name: $(sed -n '1s|^/\* \(.*\) \*/$|\1|p' "$attack")"
done

ln -sf "$dir/reference/bitmap.c" "$dir/link"
rm "$dir/attack/bitmap.c"
ln -s "$dir/reference/bitmap.c" "$dir/attack/bitmap.c"
run --format json --only $only "$dir/1-frames" "$dir/attack"
[ $code -eq 1 ] && scores 0.0 && has 'no plain file'
ok "link: hands in a link to what the grader can read"
finish
