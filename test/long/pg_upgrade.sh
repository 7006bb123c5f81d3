#!/usr/bin/env bash
# pg_upgrade from the PostgreSQL 15 of this machine to the 17 of Debian 13: the
# platform goes with it as it is, and goes on.
#
# Needs root, debootstrap (see bare_machine.sh, whose bare systems it copies) and
# PostgreSQL 15 here, else exit 77.  15 moves into the Debian 13 with the few
# libraries that it needs and 13 has not.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bare=${CDP_BARE:-/var/tmp/cdp-bare}
mirror=${CDP_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
	sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p; s/^URIs: *\([^ ]*debian\/\{0,1\}\)$/\1/p' | head -1)}
skip() {
	echo "skipped: $*"
	exit 77
}
[ "$(id -u)" = 0 ] || skip "not root: cannot make a bare system"
[ -x /usr/lib/postgresql/15/bin/postgres ] || skip "PostgreSQL 15 is not installed"
unshare --mount --pid --fork true 2>/dev/null || skip "no rights to make namespaces"
mkdir -p "$bare" || exit 1
image=$bare/trixie
if [ ! -d "$image" ]; then
	command -v debootstrap >/dev/null || skip "debootstrap is not installed"
	rm -rf --one-file-system "$image.part"
	debootstrap --variant=minbase trixie "$image.part" "$mirror" >"$bare/trixie.log" 2>&1 ||
		skip "debootstrap could not make a bare trixie: $(tail -n 1 "$bare/trixie.log")"
	mv "$image.part" "$image"
fi

run=
trap '[ -z "$run" ] || rm -rf --one-file-system "$run"' EXIT
run=$(mktemp -d -p "$bare" --suffix=-run) || exit 1
cp -a "$image/." "$run" && cp -L /etc/resolv.conf "$run/etc/resolv.conf" || exit 1

# this tree built for 15, with 15 itself
old=$run/root/old
mkdir -p "$old" "$run/root/tree" "$run/usr/lib/postgresql" "$run/usr/share/postgresql"
tar -C "$top" -cf - --exclude=./.git --exclude=./.build --exclude='*.o' --exclude='*.so' . | tar -C "$run/root/tree" -xf -
cp -a "$run/root/tree/." "$old"
make -s -C "$old" PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config with_llvm=no -j2 all >"$bare/upgrade.log" 2>&1 &&
	make -s -C "$old" PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config with_llvm=no DESTDIR="$run" install >>"$bare/upgrade.log" 2>&1 || {
	cat "$bare/upgrade.log"
	exit 1
}
cp -a /usr/lib/postgresql/15 "$run/usr/lib/postgresql/" && cp -a /usr/share/postgresql/15 "$run/usr/share/postgresql/" || exit 1
# what the copies above have replaced: this build again
make -s -C "$old" PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config with_llvm=no DESTDIR="$run" install >>"$bare/upgrade.log" 2>&1 || exit 1
mkdir "$run/root/libraries"
for program in /usr/lib/postgresql/15/bin/{postgres,pg_ctl,pg_dump,initdb,psql} "$old/cdp.so"; do
	ldd "$program" | awk '$3 ~ /^\// { print $3 }'
done | sort -u | while read -r library; do
	cp -L "$library" "$run/root/libraries/"
done

cat >"$run/inside" <<'INSIDE'
set -u
mount -t tmpfs -o mode=1777 none /dev/shm
new=/usr/lib/postgresql/17/bin old=/usr/lib/postgresql/15/bin
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
{ apt-get -q update && mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf &&
	apt-get -q -y -o Dpkg::Options::=--force-confold --no-install-recommends install postgresql-17 postgresql-server-dev-17 make gcc libc6-dev libicu-dev; } >/tmp/apt.log 2>&1 || {
	tail -n 3 /tmp/apt.log
	echo "skipped: PostgreSQL 17 could not be installed in Debian 13"
	exit 77
}
# the libraries that this system has not
mkdir /usr/lib/of-15
for library in /root/libraries/*; do
	ldconfig -p | grep -q "^[[:space:]]*$(basename "$library") " || cp "$library" /usr/lib/of-15/
done
echo /usr/lib/of-15 >/etc/ld.so.conf.d/of-15.conf && ldconfig
(cd /root/tree && make -s PG_CONFIG=$new/pg_config with_llvm=no -j2 all && make -s PG_CONFIG=$new/pg_config with_llvm=no install) >/tmp/build.log 2>&1 || {
	cat /tmp/build.log
	exit 1
}

mkdir /var/lib/upgrade && cp -r /root/tree/test /var/lib/upgrade/ && chown -R postgres /var/lib/upgrade && cd /var/lib/upgrade
as() { runuser -u postgres -- "$@"; }
$old/postgres --version && $new/postgres --version || exit 1
for version in 15 17; do
	eval bin=\$$([ $version = 15 ] && echo old || echo new)
	as $bin/initdb -D /var/lib/upgrade/$version -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/tmp/initdb.log 2>&1 || { cat /tmp/initdb.log; exit 1; }
	printf "fsync = off\nlisten_addresses = ''\nunix_socket_directories = '/var/lib/upgrade'\n" | as tee -a /var/lib/upgrade/$version/postgresql.conf >/dev/null
done
export PGHOST=/var/lib/upgrade PGUSER=postgres
start() { as $1/pg_ctl -D /var/lib/upgrade/$2 -w -l /var/lib/upgrade/$2.log start >/dev/null || { cat /var/lib/upgrade/$2.log; exit 1; }; }
ask() { psql -qXAt -v ON_ERROR_STOP=1 -d shop -c "SET client_min_messages = warning" -c "$1"; }

start $old 15
as $old/psql -qX -c 'CREATE DATABASE shop' || exit 1
as $old/psql -qX -v ON_ERROR_STOP=1 -v data=/var/lib/upgrade/test/data -d shop -f test/demo.sql >/tmp/demo.log 2>&1 || { tail -n 20 /tmp/demo.log; exit 1; }
ask "CREATE ROLE mailer; SELECT cdp.grant_access('mailer', '{email_marketing}', 'analyst')" >/dev/null || exit 1
as $old/psql -qX -d shop -c 'CALL cdp.refresh()' >/dev/null 2>&1
summary() {
	ask "SELECT cdp.profile_digest(), (SELECT count(*) FROM cdp.event), (SELECT count(*) FROM cdp.customer),
		(SELECT string_agg(segment || ' ' || n, ', ' ORDER BY segment) FROM (SELECT segment, count(*) AS n FROM cdp.segment_member GROUP BY 1) s),
		(SELECT count(*) FROM cdp.verify_consent_chain()), cdp.count_matching(\$\$did('Order Completed')\$\$),
		(SELECT count(*) FROM cdp.job_history WHERE state = 'done') > 5"
	ask "SET ROLE mailer; SELECT count(*), md5(string_agg(c::text, '' ORDER BY profile_id)) FROM cdp.customer c"
}
objects() { ask "SELECT md5(string_agg(format('%s %s', c.relkind, c.relname), ',' ORDER BY c.relkind, c.relname COLLATE \"C\")) FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace"; }
before=$(summary) && here=$(objects) || exit 1
as $old/pg_ctl -D 15 -m fast -w stop >/dev/null

as $new/pg_upgrade -b $old -B $new -d /var/lib/upgrade/15 -D /var/lib/upgrade/17 -U postgres -j 2 >/tmp/upgrade.log 2>&1 || {
	tail -n 40 /tmp/upgrade.log
	cat /var/lib/upgrade/17/pg_upgrade_output.d/*/*.txt /var/lib/upgrade/17/pg_upgrade_output.d/*/log/*shop* 2>/dev/null | tail -n 40
	exit 1
}
start $new 17
failed=0
is() {
	if [ "$2" = "$3" ]; then echo "ok: $1"; else echo "NOT OK: $1: $2, it was $3"; failed=1; fi
}
is 'persons, events, segments, consents, what a reader sees' "$(summary)" "$before"
is 'tables, views, indexes, sequences' "$(objects)" "$here"
ask 'SELECT cdp.setup()' >/dev/null || failed=1
is 'setup() changes nothing' "$(objects)" "$here"
is 'it still runs on 17' "$(ask "SELECT current_setting('server_version_num')::int / 10000")" 17
# and goes on
ask "SELECT cdp.ingest('web', '{\"type\":\"track\",\"event\":\"After\",\"messageId\":\"after\",\"userId\":\"after\",\"timestamp\":\"2026-10-17T10:00:00Z\"}'::jsonb)" >/dev/null || failed=1
psql -qX -d shop -c 'CALL cdp.refresh()' 2>&1 | grep -q 'step segments' || { echo 'NOT OK: refresh() after the upgrade'; failed=1; }
is 'what comes in after it' "$(ask "SELECT count(*) FROM cdp.customer_event WHERE name = 'After'")" 1
as $new/pg_dump -d shop -f /tmp/shop.sql && psql -qX -c 'CREATE DATABASE again' && psql -qX -v ON_ERROR_STOP=1 -d again -f /tmp/shop.sql >/dev/null 2>/tmp/restore.log || { cat /tmp/restore.log; failed=1; }
is 'dumped and restored on 17' "$(psql -qXAt -d again -c 'SELECT cdp.profile_digest()')" "$(ask 'SELECT cdp.profile_digest()')"
as $new/pg_ctl -D 17 -m fast -w stop >/dev/null
exit $failed
INSIDE
unshare --mount --pid --fork --mount-proc="$run/proc" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/root LANG=C.UTF-8 chroot "$run" bash /inside
