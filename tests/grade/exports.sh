#!/bin/sh
# Every format: as it always was, and as the platform wants it.
#
# With GOLDEN=write the golden files are written instead; read what changed.
. "${srcdir:-.}/tests/grade/tap.sh"
golden=${srcdir:-.}/tests/grade/golden
python=${PYTHON3:-python3}
unset CLASSROOM ASSIGNMENT ASSIGNMENT_TYPE OWNER USERNAME SUBMISSION_TAG \
	COMMIT_URL RELEASE_URL REVIEW_URL
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH

for format in text tap json gradescope classroom50 classroom50-tests github \
	summary junit csv; do
	for state in good broken; do
		name=$format-$state
		tests/grade/exported $format $state >"$dir/$name"
		[ "$GOLDEN" = write ] && cp "$dir/$name" "$golden/$name"
		diff -u "$golden/$name" "$dir/$name" >"$dir/diff" || {
			sed 's/^/# /' "$dir/diff"
			false
		}
		ok "$name is as it was"
		"$python" "${srcdir:-.}/tests/grade/rules.py" $format "$dir/$name" \
			>"$dir/wrong" || {
			sed 's/^/# /' "$dir/wrong"
			false
		}
		ok "$name keeps the rules of who reads it"
	done
done

# The rules can fail.
sed 's/"max-score": [0-9]*/"max-score": 1.5/' "$dir/classroom50-good" >"$dir/bad"
! "$python" "${srcdir:-.}/tests/grade/rules.py" classroom50 "$dir/bad" >/dev/null
ok "half a point breaks the rules of Classroom 50"
finish
