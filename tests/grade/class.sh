#!/bin/sh
# A class of N (300): the product, attacks, and builds that fail, mixed.  Prints
# how many submissions a minute; make check-class runs it.
. "${srcdir:-.}/tests/grade/tap.sh"
count=${CLASS_SIZE:-300}
jobs=${CLASS_JOBS:-2}
attacks=${srcdir:-.}/tests/grade/attacks

lab_of_one_file "$dir/1-frames"
set -- "$attacks"/*.inc
n=0
while [ $n -lt "$count" ]; do
	student=$dir/class/s$n
	mkdir -p "$student"
	case $((n % 4)) in
	0 | 1) cp "${srcdir:-.}/src/pmm/bitmap.c" "$student" ;;
	2)
		{
			echo '#include "pmm/inside.h"'
			cat "$attacks/../attack_call.inc" "$1"
			attacked
		} >"$student/bitmap.c"
		shift
		[ $# -gt 0 ] || set -- "$attacks"/*.inc
		;;
	3) echo 'int x = ;' >"$student/bitmap.c" ;;
	esac
	n=$((n + 1))
done

start=$(date +%s)
run --jobs "$jobs" "$dir/1-frames" "$dir/class"
seconds=$(($(date +%s) - start + 1))
[ $code -eq 0 ] && [ "$(ls "$dir/class.grades" | grep -c json)" -eq "$count" ]
ok "$count submissions have a result each"
full=$(grep -c ',good,100.000' "$dir/class.grades/grades.csv")
[ "$full" -eq $(((count + 3) / 4 + (count + 2) / 4)) ] || {
	echo "# $full have all points"
	false
}
ok "the product has all points, every time"
none=$(grep -c ',0.000,100.000,' "$dir/class.grades/grades.csv")
[ "$none" -eq $((count - full)) ] || {
	echo "# $none have none"
	false
}
ok "nobody else has any"
echo "# $count submissions in $seconds s with $jobs at a time: $((count * 60 / seconds)) a minute"
finish
