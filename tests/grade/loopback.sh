#!/bin/sh
# Results that another machine made, through GNU parallel and ssh.  The other
# machine is this one: ssh talks to an sshd of its own, with keys of its own.
. "${srcdir:-.}/tests/grade/tap.sh"

sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)
why=
command -v ssh >/dev/null && [ -n "$sshd" ] ||
	why="ssh or sshd is missing: apt install openssh-server"
parallel --version 2>/dev/null | grep -q '^GNU' ||
	why="GNU parallel is missing: apt install parallel"
if [ -z "$why" ]; then
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
	cat >"$dir/sshd_config" <<-END
		HostKey $dir/host
		AuthorizedKeysFile $dir/key.pub
		StrictModes no
		PidFile none
	END
	cat >"$dir/ssh_config" <<-END
		Host other
		ProxyCommand $sshd -i -f $dir/sshd_config
		IdentityFile $dir/key
		StrictHostKeyChecking no
		UserKnownHostsFile /dev/null
		LogLevel ERROR
	END
	ssh -F "$dir/ssh_config" other true >"$dir/log" 2>&1 </dev/null ||
		why="sshd does not let us in: $(tail -n 1 "$dir/log")"
fi
if [ -n "$why" ]; then
	echo "1..0 # SKIP $why"
	exit 0
fi

lab_of_one_file "$dir/1-frames"
grep -E '^category|_freed_twice' "$labs/1-frames/weights" >"$dir/1-frames/weights"
for name in anna ben cleo; do
	mkdir -p "$dir/class/$name"
	cp "${srcdir:-.}/src/pmm/bitmap.c" "$dir/class/$name"
done
mkdir "$dir/class.grades"
here=$PWD
memtwin=$(cd "$(dirname "$memtwin")" && pwd)/${memtwin##*/}
cd "$dir" || exit 99
ls class | parallel --will-cite --workdir "$dir" --jobs 2 \
	--sshlogin "ssh -F $dir/ssh_config other" "$memtwin" --format json \
	--student '{}' --output 'class.grades/{}.json' "$dir/1-frames" 'class/{}' \
	>"$dir/log" 2>&1
[ $? -eq 0 ] && [ "$(ls class.grades | wc -l)" -eq 3 ] || {
	sed 's/^/# /' "$dir/log"
	false
}
ok "another machine makes results"
run --jobs 1 "$dir/1-frames" class
[ $code -eq 0 ] && [ ! -s "$dir/out" ] &&
	[ "$(grep -c ',good,100.000' class.grades/grades.csv)" -eq 3 ] || show
ok "they are taken as they are, and are in the table"
cd "$here" || exit 99
finish
