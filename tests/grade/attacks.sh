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

# What is handed in is no plain file, or no text.
handed_in() { # NAME, WANTS, SENTENCE
	run --format json --only $only "$dir/1-frames" "$dir/attack"
	[ $code -eq 1 ] && scores 0.0 && has "$2"
	ok "$1: $3"
	rm -rf "$dir/attack/bitmap.c"
}
rm "$dir/attack/bitmap.c"
ln -s "$dir/reference/bitmap.c" "$dir/attack/bitmap.c"
handed_in link 'no plain file' "Hands in a link to what the grader can read."
mkfifo "$dir/attack/bitmap.c"
handed_in fifo 'no plain file' "Hands in a pipe that nobody writes to."
mkdir "$dir/attack/bitmap.c"
handed_in folder 'no plain file' "Hands in a folder."
truncate -s 100M "$dir/attack/bitmap.c"
handed_in large 'larger than 1 MiB' "Hands in 100 MiB."
printf '#error \377\376 \033[2J\0\n' >"$dir/attack/bitmap.c"
handed_in bytes 'error' "Hands in bytes that are no text."
finish
