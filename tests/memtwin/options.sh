#!/bin/sh
# Every option is in --help and in the man page, and nothing else is.
. "${srcdir:-.}/tests/memtwin/tap.sh"

page=${srcdir:-.}/doc/memtwin.1

run run --help
grep -oE '^ +(-., |    )--[a-z-]+' "$dir/out" | grep -oE '\-\-[a-z-]+' |
	sort -u >"$dir/help"
[ $code -eq 0 ] && [ "$(wc -l <"$dir/help")" -gt 15 ] || show
ok "--help lists the options"
sed 's/\\-/-/g' "$page" | grep -E '^\.(BI|B|BR) .*--[a-z]' |
	grep -oE '^\.(BI|B|BR) (-[?V] ", " )?--[a-z-]+' |
	grep -oE '\-\-[a-z-]+' | grep -v '^--on=' | sort -u >"$dir/page"
missing=$(comm -23 "$dir/help" "$dir/page")
[ -z "$missing" ] || echo "# not in the man page:" $missing
[ -z "$missing" ]
ok "the man page has every option"
{ "$memtwin" walk --help; "$memtwin" record --help; "$memtwin" quiz --help; "$memtwin" compare --help; } | grep -oE '^ +(-., |    )--[a-z-]+' |
	grep -oE '\-\-[a-z-]+' | sort -u - "$dir/help" >"$dir/helps"
missing=$(comm -13 "$dir/helps" "$dir/page")
[ -z "$missing" ] || echo "# not in --help:" $missing
[ -z "$missing" ]
ok "--help has every option of the man page"
run --help
[ $code -eq 0 ] && has 'run TRACE' || show
ok "--help of the program lists the verbs"
run --version
[ $code -eq 0 ] && grep -qE '^memtwin [0-9]+\.[0-9]+' "$dir/out" || show
ok "--version says the version"
run run --version
[ $code -eq 0 ] && grep -qE '^memtwin [0-9]+\.[0-9]+' "$dir/out" || show
ok "--version after the verb says the same"
finish
