#!/bin/sh
# The package for Gradescope, in a folder that is laid out as theirs.
. "${srcdir:-.}/tests/grade/tap.sh"
python=${PYTHON3:-python3}
AUTOGRADER=$dir/autograder
export AUTOGRADER
mkdir -p "$AUTOGRADER/source" "$AUTOGRADER/results" "$AUTOGRADER/submission"

echo archive >"$dir/a.tar.xz"
echo secret >"$dir/salt"
"$python" "${srcdir:-.}/tools/make-gradescope" 1-frames "$dir/a.tar.xz" \
	"$dir/out.zip" "$dir/salt"
"$python" - "$dir/out.zip" "$AUTOGRADER/source" <<'END'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as package:
    for info in package.infolist():
        path = package.extract(info, sys.argv[2])
        os.chmod(path, info.external_attr >> 16 & 0o777)
END
[ -x "$AUTOGRADER/source/setup.sh" ] && [ -x "$AUTOGRADER/source/run_autograder" ]
ok "setup.sh and run_autograder are at the root, and programs"

# The program of this build, on one file of the lab.
mkdir "$dir/1-frames"
cp "$labs"/1-frames/hints "$dir/1-frames"
grep -E '^category|_freed_twice' "$labs/1-frames/weights" >"$dir/1-frames/weights"
sed '/memmap/d' "$labs/1-frames/lab.conf" >"$dir/1-frames/lab.conf"
echo "$dir/1-frames" >"$AUTOGRADER/source/lab"
MEMTWIN_GRADE=$(cd "$(dirname "$memtwin")" && pwd)/${memtwin##*/}
export MEMTWIN_GRADE
echo '{"id": 1, "users": [{"email": "anna@example.org", "id": 7}]}' \
	>"$AUTOGRADER/submission_metadata.json"
cp "${srcdir:-.}/src/pmm/bitmap.c" "$AUTOGRADER/submission"
"$AUTOGRADER/source/run_autograder" >"$dir/out" 2>&1
[ $? -eq 0 ] && "$python" "${srcdir:-.}/tests/grade/rules.py" gradescope \
	"$AUTOGRADER/results/results.json" &&
	grep -q '"score": 100.0' "$AUTOGRADER/results/results.json" || {
	sed 's/^/# /' "$dir/out" "$AUTOGRADER/results/results.json"
	false
}
ok "run_autograder writes results.json, and the product has all points"

echo /no/such/lab >"$AUTOGRADER/source/lab"
"$AUTOGRADER/source/run_autograder" >"$dir/out" 2>&1
[ $? -ne 0 ] && "$python" "${srcdir:-.}/tests/grade/rules.py" gradescope \
	"$AUTOGRADER/results/results.json"
ok "results.json is written also when the grader fails"
finish
