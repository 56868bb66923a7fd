#!/bin/sh
# memtwin quiz: its answers, by another opinion.  Prints TAP.
. "${srcdir:-.}/tests/memtwin/tap.sh"
python=${TEST_PYTHON3:-python3}

seed=0
: >"$dir/differs"
while [ $seed -lt 40 ]; do
	"$memtwin" quiz --seed $seed --answers |
		"$python" "${srcdir:-.}/tests/memtwin/quiz_oracle.py" >>"$dir/differs" 2>&1
	seed=$((seed + 1))
done
[ ! -s "$dir/differs" ] || { head -n 20 "$dir/differs" | sed 's/^/# /'; false; }
ok "the answers of 40 quizzes are those of another walk, on paper"

"$memtwin" quiz --seed 5 --answers | sed 's/^   Answer: physical address 0x/&1/' |
	"$python" "${srcdir:-.}/tests/memtwin/quiz_oracle.py" >"$dir/differs"
[ -s "$dir/differs" ]
ok "a wrong answer would be noticed"

run quiz --seed 5
cp "$dir/out" "$dir/first"
run quiz --seed 5
cmp -s "$dir/out" "$dir/first" && ! grep -q Answer "$dir/out" || show
ok "the same seed makes the same quiz, without answers"
run quiz --seed 5 --answers
sed '/^   [A-Za-z]/d' "$dir/out" | cmp -s - "$dir/first" || show
ok "the answers are lines of their own in the same text"
run quiz --seed 6

! cmp -s "$dir/out" "$dir/first"
ok "another seed makes another quiz"
expect "a seed that is none is refused" 2 \
	"memtwin: --seed: 'x' is not right; right would be a number" quiz --seed x
expect "a word too many is refused" 2 \
	"memtwin: quiz: 'x' is too much; see 'memtwin quiz --help'" quiz x
finish
