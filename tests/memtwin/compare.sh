#!/bin/sh
# memtwin compare: the table, JSON, the drawing, and contenders that fail.
# Prints TAP.
. "${srcdir:-.}/tests/memtwin/tap.sh"

demo=$data/demo.trace.xz
few="--ops 3000 --rounds 1"

# row NAME: what the table says of it
row() {
	sed -n "s/^$1  *//p" "$dir/out" | head -n 1
}
# number NAME COLUMN: that figure, or nothing
number() {
	row "$1" | awk -v n="$2" '{ print $n }' | grep -E '^[0-9.]+$'
}

# shellcheck disable=SC2086 # options
run compare $few --no-count --svg "$dir/a.svg" "$demo"
[ $code -eq 0 ] && [ ! -s "$dir/err" ] || show
ok "compare prints a table"
for name in bump bump-noreset list list-nomerge boundary buddy tlsf fixed slab slab-locked glibc; do
	[ -n "$(number $name 1)" ] || { echo "# no time of $name"; show; break; }
done
ok "every heap class that can runs the trace, and so does the C library"
[ "$(row dummy)" = "no memory for operation 1 of 5104" ] || show
ok "who has no memory says at which operation"
for name in mimalloc jemalloc tcmalloc; do
	case $(row $name) in
	[0-9]* | "not installed") ;;
	*) show && break ;;
	esac
done
ok "other libraries are measured, or said to be missing"
[ "$(number list 3)" = "" ] && [ -n "$(number list 6)" ] && [ -n "$(number list 7)" ] &&
	[ "$(number glibc 7)" = "" ] || show
ok "an arena is a heap's figure; without counting there are no instructions"
if command -v xmllint >/dev/null; then
	xmllint --noout "$dir/a.svg"
	ok "the drawing is XML"
elif command -v python3 >/dev/null; then
	python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$dir/a.svg"
	ok "the drawing is XML"
else
	skip "the drawing is XML" "neither xmllint nor python3"
fi
curves=$(grep -c '<polyline' "$dir/a.svg")
[ "$curves" -ge 11 ] && ! grep -q 'text-anchor="start">dummy' "$dir/a.svg" || {
	echo "# $curves curves"
	false
}
ok "it has a curve for each contender that came to the end"

# shellcheck disable=SC2086 # options
run compare $few --no-count --heap slab,tlsf --json "$demo" "$demo"
cat >"$dir/look.py" <<'END'
import json, sys
tables = json.load(open(sys.argv[1]))
assert len(tables) == 2, "two tables"
for t in tables:
    rows = {r["name"]: r for r in t["contenders"]}
    assert list(rows) == ["mimalloc", "glibc", "slab", "tlsf"], list(rows)
    assert t["operations"] == 5104 and t["live_bytes_peak"] > 0
    assert rows[t["reference"]]["time_ratio"] == 1
    for name in "slab", "tlsf":
        r = rows[name]
        assert r["ns_per_operation"] > 0
        assert t["live_bytes_peak"] < r["smallest_arena"], r
        assert r["smallest_arena"] < 4 * t["live_bytes_peak"] + 2**20, r
        assert 0 < r["cycles"]["p50"] <= r["cycles"]["p99.99"]
        assert r["cycles"]["p99.99"] <= r["cycles"]["worst"]
        live = [s["live"] for s in r["samples"]]
        assert max(live) == t["live_bytes_peak"] and live[-1] == 0, live
        assert [s["operations"] for s in r["samples"]] == sorted(
            s["operations"] for s in r["samples"])
        assert all(s["resident"] >= s["live"] for s in r["samples"])
END
if command -v python3 >/dev/null; then
	[ $code -eq 0 ] && python3 "$dir/look.py" "$dir/out" || show
	ok "the JSON has the figures of those that were asked for"
else
	skip "the JSON has the figures of those that were asked for" "no python3"
fi

if command -v valgrind >/dev/null && [ "${INSTRUMENTED-}" != --enable-sanitizers ]; then
	run compare --ops 300 --rounds 1 --heap slab "$demo"
	awk -v n="$(number slab 3)" 'BEGIN { exit !(n > 5 && n < 5000) }' || show
	ok "instructions are counted"
else
	skip "instructions are counted" "no valgrind, or not with sanitizers"
fi
# shellcheck disable=SC2086 # options
run compare $few --no-count --heap slab --built-in
[ "$(grep -c '^.* operations; at most' "$dir/out")" -eq 5 ] && [ $code -eq 0 ] &&
	grep -q '^geom. mean' "$dir/out" || show
ok "there are workloads without a trace, and means over all"

# The command of doc/traces.md, shorter.
doc=${srcdir:-.}/doc/traces.md
set -- $(sed -n "s|^memtwin \(compare .*\)|\1 $few --no-count|p" "$doc" |
	sed "s|tests/data|$data|; s|waste.svg|$dir/waste.svg|")
[ $# -gt 5 ] && run "$@" && [ $code -eq 0 ] && [ -s "$dir/waste.svg" ] || show
ok "the command of the document works"

# --- cells that fail: a program of that name, beside a copy of this one
cp "$memtwin" "$dir/memtwin"
cat >"$dir/memtwin-cell" <<'END'
#!/bin/sh
case $1 in
list) kill -SEGV $$ ;;
buddy) echo "panic: this cannot be" && exit 3 ;;
tlsf) exec sleep 30 ;;
mimalloc) while read -r _; do :; done ;;
fixed) exit 4 ;;
boundary) exit 0 ;;
esac
while q=$(dd bs=1 count=1 2>/dev/null) && [ -n "$q" ]; do
	case $q in
	h) [ "$1" != jemalloc ] && echo here || echo missing ;;
	t) echo time 10.0 ;;
	esac
	echo .
done
END
chmod +x "$dir/memtwin-cell"
real=$memtwin memtwin=$dir/memtwin
run compare $few --no-count --patience 1 --heap list,buddy,tlsf,jemalloc,fixed,boundary,bump "$demo"
memtwin=$real
[ $code -eq 0 ] && [ "$(row list)" = "ended by signal 11 (Segmentation fault)" ] || show
ok "a contender that crashes has a row, and the others theirs"
[ "$(row buddy)" = "panic: this cannot be" ] && [ "$(row fixed)" = "ended with status 4" ] &&
	[ "$(row boundary)" = "ended without an answer" ] || show
ok "one that panics is quoted, one that just ends is noticed"
[ "$(row tlsf)" = "took too long" ] || show
ok "one that takes too long is given up"
[ "$(row jemalloc)" = "not installed" ] && [ "$(number bump 1)" = 10.0 ] || show
ok "one that is not installed is skipped by name"

expect "a contender that nobody knows is refused" 2 \
	"memtwin: --heap: 'slob' is not right; right would be a heap class (with or without -locked), mimalloc, glibc, jemalloc or tcmalloc" \
	compare --heap slab,slob "$demo"
expect "no round at all is refused" 2 \
	"memtwin: --rounds: '0' is not right; right would be a number from 1 to 99" \
	compare --rounds 0 "$demo"
expect "no trace at all is refused" 2 \
	"memtwin: compare: no trace given; see 'memtwin compare --help'" compare
expect "a trace that is not there is refused" 2 \
	"memtwin: $dir/none: No such file or directory" compare "$demo" "$dir/none"
# shellcheck disable=SC2086 # options
expect "a drawing that cannot be written is said so" 1 \
	"memtwin: $dir/no/a.svg: No such file or directory" \
	compare $few --no-count --heap glibc --svg "$dir/no/a.svg" "$demo"
finish
