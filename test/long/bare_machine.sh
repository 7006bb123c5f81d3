#!/usr/bin/env bash
# The promise of the README on bare machines: a minimal Debian 12 and 13 that
# hold nothing but the base system, a clone, and the two commands.
#
#   bash test/long/bare_machine.sh [12|13|12-user|13-user|sid ...]
#
# Needs root and debootstrap (else exit 77).  The bare systems are kept in
# $CDP_BARE (default /var/tmp/cdp-bare) and copied for each run; the copy runs in
# namespaces of its own, so that no process or mount outlives it.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bare=${CDP_BARE:-/var/tmp/cdp-bare}
# the archive that this machine itself uses
mirror=${CDP_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
	sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p; s/^URIs: *\([^ ]*debian\/\{0,1\}\)$/\1/p' | head -1)}

skip() {
	echo "$*"
	exit 77
}
[ "$(id -u)" = 0 ] || skip "not root: cannot make a bare system"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
unshare --mount --pid --fork true 2>/dev/null || skip "no rights to make namespaces"
mkdir -p "$bare" || exit 1

run=
trap '[ -z "$run" ] || rm -rf --one-file-system "$run"' EXIT

# What happens inside.  Arguments: user, folder of the clone
inside=$(mktemp -p /tmp --suffix=-cdp-inside)
cat >"$inside" <<'INSIDE'
set -u
user=$1 tree=$2 failed=0
mount -t tmpfs -o mode=1777 none /dev/shm
as() {
	if [ "$user" = root ]; then (cd "$tree" && "$@"); else
		runuser -u "$user" -- bash -c 'cd "$0" && "$@"' "$tree" "$@"
	fi
}
if [ "$user" != root ]; then
	{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install sudo; } >/dev/null 2>&1
	useradd -m -s /bin/bash "$user"
	echo "$user ALL=(ALL) NOPASSWD: ALL" >"/etc/sudoers.d/$user"
	chown -R "$user" "$tree"
fi
try() {
	local start=$SECONDS
	echo "--- $* (as $user)"
	if as "$@" >/tmp/output 2>&1; then
		echo "--- passed in $((SECONDS - start)) s: $(tail -n 1 /tmp/output)"
	else
		cat /tmp/output
		echo "--- FAILED: $*"
		failed=1
	fi
	[ -z "${SHOW:-}" ] || cat /tmp/output
	rm -f /tmp/output
}
try bash test/check
SHOW=1 try bash test/check lint core
try bash test/demo

# nothing is left but what apt installed
for pattern in /usr/lib/postgresql /usr/share/postgresql /usr/include/postgresql; do
	find $pattern -name 'cdp*'
done >/tmp/left
dpkg -V $(dpkg-query -W -f '${Package}\n' 'postgresql-*') 2>/dev/null | grep -v ' c /' >>/tmp/left
pg_lsclusters -h >>/tmp/left
ls -d /tmp/*cdp* >>/tmp/left 2>/dev/null
grep -lE '^postgres' /proc/[0-9]*/comm >>/tmp/left 2>/dev/null
if [ -s /tmp/left ]; then
	echo "left behind:"
	cat /tmp/left
	failed=1
fi
exit $failed
INSIDE

failed=0
for what in "${@:-12 13 12-user}"; do for machine in $what; do
	case ${machine%-user} in
	12) suite=bookworm ;;
	13) suite=trixie ;;
	sid) suite=sid ;;
	*) echo "no machine \"$machine\": 12, 13, 12-user, 13-user, sid" && exit 2 ;;
	esac
	image=$bare/$suite
	if [ ! -d "$image" ]; then
		rm -rf --one-file-system "$image.part"
		if ! debootstrap --variant=minbase $suite "$image.part" "$mirror" >"$bare/$suite.log" 2>&1; then
			tail -n 5 "$bare/$suite.log"
			skip "debootstrap could not make a bare $suite"
		fi
		mv "$image.part" "$image"
	fi
	run=$(mktemp -d -p "$bare" --suffix=-run) || exit 1
	cp -a "$image/." "$run" && cp -L /etc/resolv.conf "$run/etc/resolv.conf"
	user=root home=/root
	case $machine in *-user) user=anna home=/home/anna ;; esac
	mkdir -p "$run$home"
	if [ -e "$top/.git" ]; then
		git -c safe.directory='*' clone -q --no-hardlinks "$top" "$run$home/cdp" || exit 1
	else
		mkdir "$run$home/cdp" && tar -C "$top" -cf - --exclude=./.build . | tar -C "$run$home/cdp" -xf -
	fi
	cp "$inside" "$run/inside"
	echo "=== Debian $suite, as $user"
	unshare --mount --pid --fork --mount-proc="$run/proc" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=$home LANG=C.UTF-8 chroot "$run" bash /inside "$user" "$home/cdp" || failed=1
	rm -rf --one-file-system "$run"
	run=
done; done
rm -f "$inside"
[ $failed = 0 ]
