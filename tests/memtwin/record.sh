#!/bin/sh
# memtwin record, and traces of the .rep format.  Prints TAP.
. "${srcdir:-.}/tests/memtwin/tap.sh"

recorded=./tests/memtwin/recorded
t=$dir/t.trace

if [ "${INSTRUMENTED-}" = --enable-sanitizers ]; then
	echo "1..0 # SKIP a sanitizer has an allocator of its own"
	exit 0
fi

# ops [FROM]: the operations of $t, from number FROM on
ops() {
	sed '1,/^begin$/d' "$t" | tail -n "+${1-1}"
}

# record WHAT [OPTION...]
record() {
	what=$1
	shift
	run record -o "$t" "$@" -- "$recorded" "$what"
}

record calls
cat >"$dir/want" <<END
a 0 100
z 1 150
m 2 64 200
m 3 4096 300
a 4 32
r 0 100000
r 1 200
f 2
f 4
a 4 7
f 3
f 0
f 1
f 4
END
[ $code -eq 0 ] && ops >"$dir/ops" && cmp -s "$dir/ops" "$dir/want" || {
	diff "$dir/ops" "$dir/want" | sed 's/^/# /'
	show
}
ok "every call is recorded once, and blocks live at the end are freed"
printf '%s\n' "$t: 14 operations, 3 of them frees of what was live at the end" >"$dir/want"
cmp -s "$dir/out" "$dir/want" || show
ok "it says what it wrote"
grep -qx 'name recorded' "$t" && grep -qx 'tail 3' "$t" && grep -qx 'ids 5' "$t"
ok "the header tells the program, the ids and the tail"
run run --on sim "$t"
[ $code -eq 0 ] || show
ok "run replays it"

record calls --ops 3
[ "$(ops | tr '\n' ' ')" = "a 0 100 z 1 150 m 2 64 200 f 0 f 1 f 2 " ] || show
ok "--ops stops the recording, not the program"
run record -o "$t.xz" -- "$recorded" calls
[ "$(xz -dc "$t.xz" | sed '1,/^begin$/d' | wc -l)" -eq 14 ] || show
ok "a trace named .xz is compressed"

record threads
[ $code -eq 0 ] && [ "$(ops | grep -c '^a .* 48$')" -eq 20000 ] &&
	[ "$(ops | awk '$1 == "f"' | wc -l)" -eq "$(ops | awk '$1 != "f" && $1 != "r"' | wc -l)" ] || show
ok "blocks that threads hand to each other are freed once each"
run run --on sim "$t"
[ $code -eq 0 ] || show
ok "their order can be replayed"
record fork
[ "$(ops | grep -c 54321)" -eq 1 ] && ! ops | grep -q 12345 || show
ok "a child process is not recorded"
record exec
[ "$(ops 1 | head -n 3 | tr '\n' ' ')" = "a 0 777 f 0 a 0 100 " ] || { ops | head -n 5 | sed 's/^/# /'; show; }
ok "exec() frees what was live, and the recording goes on"
record killed
[ $code -eq 0 ] && [ "$(ops | tr '\n' ' ')" = "a 0 99 f 0 " ] &&
	grep -q 'was ended by signal 9; what it did until then is recorded' "$dir/err" || show
ok "a program that is killed leaves what it did"

expect "a program that is not there is refused" 2 \
	"memtwin: $dir/nothing: No such file or directory" \
	record -o "$t" -- "$dir/nothing"
expect "no program at all is refused" 2 \
	"memtwin: record: no program given; see 'memtwin record --help'" record
# Program headers: class, machine, and one part that asks for no linker.
elf() { # class machine
	printf "\\177ELF\\00$1\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000$2\\000\\001\\000\\000\\000"
	head -c 8 /dev/zero
	printf '\100\000\000\000\000\000\000\000'
	head -c 12 /dev/zero
	printf '\100\000\070\000\001\000'
	head -c 6 /dev/zero
	printf '\001' && head -c 55 /dev/zero
}
elf 2 '\076' >"$dir/static"
elf 1 '\003' >"$dir/small"
printf '#! %s -x\n' "$dir/static" >"$dir/script"
chmod +x "$dir/static" "$dir/small" "$dir/script"
expect "a program that is linked statically is refused" 2 \
	"memtwin: $dir/static is linked statically; only programs that are linked to the C library dynamically can be recorded" \
	record -o "$t" -- "$dir/static"
expect "so is a script for one" 2 \
	"memtwin: $dir/static is linked statically; only programs that are linked to the C library dynamically can be recorded" \
	record -o "$t" -- "$dir/script"
expect "a 32-bit program is refused" 2 \
	"memtwin: $dir/small is no 64-bit program of this machine; only such can be recorded" \
	record -o "$t" -- "$dir/small"
printf '#!/bin/sh\nexec %s calls\n' "$recorded" >"$dir/good"
chmod +x "$dir/good"
run record -o "$t" -- "$dir/good"
[ $code -eq 0 ] && ops | grep -qx 'a 4 32\|.* 4096 300' || show
ok "a script for a program that can is recorded"
expect "a number of calls that is none is refused" 2 \
	"memtwin: --ops: '0' is not right; right would be a number from 1 to 4294967296" \
	record -n 0 -- true
expect "a trace that cannot be written is said so" 1 \
	"memtwin: $dir/no/t: No such file or directory" \
	record -o "$dir/no/t" -- "$recorded" calls

# --- .rep
rep=$dir/t.rep
printf '%s\n' 20000 3 5 1 'a 0 512' 'a 1 128' 'r 0 640' 'r 2 64' 'f 1' >"$rep"
run run --on sim "$rep"
[ $code -eq 0 ] && grep -q '7 operations, 3 ids' "$dir/out" &&
	grep -Eq 'reallocations +1$' "$dir/out" || show
ok "a .rep trace is replayed, and what is live at its end is freed"
printf '%s\n' 20000 2 5 1 'a 0 512' 'a 1 0' 'r 0 640' 'f 1' 'f 0' >"$rep"
run run --on sim "$rep"
[ $code -eq 0 ] && grep -q '5 operations, 2 ids' "$dir/out" || show
ok "a .rep trace that frees all it took is replayed as it stands"
printf '%s\n' 20000 3 1 1 'z 0 512' >"$rep"
expect "an operation that .rep traces do not have is refused" 2 \
	"memtwin: $rep:5: unknown operation; operations of a .rep trace are a, r, f" \
	run "$rep"
printf '%s\n' 20000 x 1 1 'a 0 512' >"$rep"
expect "a .rep header that is none is refused" 2 \
	"memtwin: $rep:2: 'x'; right in this line of a .rep trace would be the number of ids, at most 16777216" \
	run "$rep"
printf '%s\n' 20000 3 2 1 'a 0 512' >"$rep"
expect "a .rep trace that is cut short is refused" 2 \
	"memtwin: $rep:6: the file ends where operation 2 of 2 is due" run "$rep"
finish
