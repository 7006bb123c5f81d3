# server.sh: a throwaway PostgreSQL server that has this build of cdp.
#
# Sourced by test/check, test/demo and others.  It never touches a server that
# runs, nor the folders of the installed PostgreSQL: the build is installed
# below .build/, and the server is told to look there.
#
#   server_build [PG_CONFIG]   builds (when something changed) and installs into .build/
#   server_start DIR           makes a cluster in DIR and starts it on a private socket
#   server_stop                stops it and removes DIR
# afterwards PGHOST, PGPORT, PGUSER and PGDATABASE lead there.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-$(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -V | head -1)}
PG_CONFIG=${PG_CONFIG:-pg_config}
pg_bin=$("$PG_CONFIG" --bindir 2>/dev/null)
pg_major=$("$PG_CONFIG" --version 2>/dev/null | sed 's/[^0-9]*\([0-9]*\).*/\1/')
build_root=$here/.build/root-$pg_major
server_dir=

# initdb and postgres refuse to run as root: use the account postgres then
as_owner() {
	if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

server_build() {
	mkdir -p "$here/.build"
	# objects of another major version are no use
	if [ "$(cat "$here/.build/major" 2>/dev/null)" != "$pg_major" ]; then
		make -s -C "$here" PG_CONFIG="$PG_CONFIG" clean >/dev/null
		echo "$pg_major" >"$here/.build/major"
	fi
	make -s -j2 -C "$here" PG_CONFIG="$PG_CONFIG" ${MAKE_FLAGS:-with_llvm=no} all &&
		make -s -C "$here" PG_CONFIG="$PG_CONFIG" ${MAKE_FLAGS:-with_llvm=no} DESTDIR="$build_root" install >"$here/.build/install.log" 2>&1
}

server_start() {
	server_dir=$1
	rm -rf "$server_dir" && mkdir -p "$server_dir" || return 1
	[ "$(id -u)" = 0 ] && chown postgres "$server_dir"
	as_owner "$pg_bin/initdb" -D "$server_dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$server_dir/initdb.log" 2>&1 || {
		cat "$server_dir/initdb.log" >&2
		return 1
	}
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$server_dir'"
		echo "port = 5432"
		echo "fsync = off"
		echo "synchronous_commit = off"
		echo "full_page_writes = off"
		echo "max_wal_size = 4GB"
		echo "shared_buffers = 256MB"
		echo "timezone = 'UTC'"
		echo "log_timezone = 'UTC'"
		if [ "$pg_major" -ge 18 ]; then
			echo "extension_control_path = '$build_root$("$PG_CONFIG" --sharedir):\$system'"
			echo "dynamic_library_path = '$build_root$("$PG_CONFIG" --pkglibdir):\$libdir'"
		else
			echo "extension_destdir = '$build_root'"
			echo "dynamic_library_path = '$build_root$("$PG_CONFIG" --pkglibdir):\$libdir'"
		fi
		[ -z "${SERVER_CONFIG:-}" ] || printf '%s\n' "$SERVER_CONFIG"
	} | as_owner tee -a "$server_dir/data/postgresql.conf" >/dev/null
	as_owner "$pg_bin/pg_ctl" -D "$server_dir/data" -w -l "$server_dir/log" start >/dev/null || {
		cat "$server_dir/log" >&2
		return 1
	}
	export PGHOST=$server_dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	unset PGSERVICE PGPASSWORD PGOPTIONS
}

server_stop() {
	[ -n "$server_dir" ] || return 0
	as_owner "$pg_bin/pg_ctl" -D "$server_dir/data" -m immediate stop >/dev/null 2>&1
	rm -rf "$server_dir"
	server_dir=
}
