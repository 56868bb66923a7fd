#!/bin/sh
# An installed memtwin-grade needs nothing else: it finds its kit and its labs.
. "${srcdir:-.}/tests/grade/tap.sh"

make -s install-binPROGRAMS install-exec-local install-data-local \
	DESTDIR="$dir/stage" >"$dir/log" 2>&1 || sed 's/^/# /' "$dir/log"
memtwin=$(find "$dir/stage" -name memtwin-grade -type f)
[ -x "$memtwin" ]
ok "make install installs memtwin-grade"
[ -z "$(find "$dir/stage" -name 'hidden.c' -o -name '*.patch')" ]
ok "what is installed of the labs is what students may see"

submit 1-frames "$dir/reference"
if [ -x "$memtwin" ]; then
	mkdir "$dir/elsewhere"
	mv "$dir/stage" "$dir/elsewhere"
	memtwin=$dir/elsewhere/stage${memtwin#"$dir/stage"}
fi
(cd / && "$memtwin" --only a_frame_cannot_be_freed_twice 1 "$dir/reference") \
	>"$dir/out" 2>&1 || { sed 's/^/# /' "$dir/out"; false; }
ok "it grades, wherever it was moved to"
rm -r "$dir"/elsewhere/stage/*/*/libexec/memtwin/kit 2>/dev/null ||
	find "$dir/elsewhere" -depth -path '*memtwin/kit*' -delete
"$memtwin" 1 "$dir/reference" >"$dir/out" 2>&1
[ $? -eq 2 ] && [ "$(wc -l <"$dir/out")" -eq 1 ] && has 'no kit to build with'
ok "without its kit it says so in one line"
finish
