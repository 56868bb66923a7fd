# Helpers for TAP tests of the program; read by the scripts beside.
#
#   expect NAME STATUS LINE ARGUMENT...
#
# runs memtwin with the arguments: its exit status is STATUS, standard error is
# exactly LINE, and with status 2 nothing is on standard output.

memtwin=${MEMTWIN:-./memtwin}
data=${srcdir:-.}/tests/data
tests=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/memtwin-test.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

# ok NAME: the last command succeeded.
ok() {
	status=$?
	tests=$((tests + 1))
	if [ $status -eq 0 ]; then
		echo "ok $tests - $1"
	else
		echo "not ok $tests - $1"
	fi
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

finish() {
	echo "1..$tests"
}

# run ARGUMENT...: leaves $dir/out, $dir/err and $code.
run() {
	"$memtwin" "$@" >"$dir/out" 2>"$dir/raw" </dev/null
	code=$?
	# With sanitizers: their remark on a stack they do not know.
	sed '/ASan is ignoring requested/,+2d' "$dir/raw" >"$dir/err"
}

# show: what came, as TAP comments, after a failure.
show() {
	echo "# exit status $code"
	sed 's/^/# out: /' "$dir/out" | head -n 40
	sed 's/^/# err: /' "$dir/err" | head -n 40
	return 1
}

expect() {
	name=$1 want=$2 line=$3
	shift 3
	run "$@"
	printf '%s\n' "$line" >"$dir/want"
	{ [ $code -eq "$want" ] && cmp -s "$dir/err" "$dir/want" &&
		{ [ "$want" -ne 2 ] || [ ! -s "$dir/out" ]; }; } || {
		echo "# wanted: $want, $line"
		show
	}
	ok "$name"
}

# has TEXT: it is on standard output.
has() {
	grep -qF -e "$1" "$dir/out" || { echo "# not there: $1"; show; }
}
