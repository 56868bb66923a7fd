# Helpers for TAP tests of the grader; read by the scripts beside.

. "${srcdir:-.}/tests/memtwin/tap.sh"
memtwin=${MEMTWIN_GRADE:-./memtwin-grade}
labs=${srcdir:-.}/labs

# submit LAB FOLDER: the reference, as it would be handed in.
submit() {
	mkdir -p "$2"
	sed -n 's/^file \([^ ]*\) replaces \(.*\)/\1 \2/p' "$labs/$1/lab.conf" |
		while read -r file place; do
			cp "${srcdir:-.}/src/$place" "$2/$file"
		done
}

# starter LAB FOLDER: what students begin with.
starter() {
	sh "$labs/make-starters" "$labs/$1" "$2"
}
# attacked: the starter's bitmap.c of lab 1, whose init calls attack().
attacked() {
	[ -d "$dir/starter" ] || starter 1-frames "$dir/starter"
	sed -e 's/^    hw_panic(.*lab1.bitmap_metadata_size.*/    return PAGE_SIZE;/' \
		-e 's/^    hw_panic(.*lab1.bitmap_init.*/    attack();/' \
		"$dir/starter/bitmap.c"
}
if ! command -v python3 >/dev/null; then
	echo "1..0 # SKIP python3 is missing, which cuts the starters"
	exit 0
fi

# score: of the JSON result in $dir/out
score() {
	sed -n 's/^  "score": \([0-9.]*\).*/\1/p' "$dir/out"
}

# scores NUMBER: the result says so.
scores() {
	[ "$(score)" = "$1" ] || { echo "# score $(score), wanted $1"; show; }
}

# lab_of_one_file FOLDER: lab 1 with bitmap.c alone, and little patience.
lab_of_one_file() {
	mkdir -p "$1"
	cp "$labs"/1-frames/weights "$labs"/1-frames/hints "$1"
	sed 's/^seconds .*/seconds 1/; /memmap/d' "$labs/1-frames/lab.conf" \
		>"$1/lab.conf"
}
