# server.sh: a throwaway PostgreSQL server that has this build of cdp.
#
# Sourced by test/check, test/demo and others.  It never touches a server that
# runs, nor the folders of the installed PostgreSQL: the build is installed
# below .build/, and the server is told to look there.
#
#   server_build             builds (when something changed) and installs into .build/
#   server_start DIR         makes a cluster in DIR and starts it on a private socket
#   server_stop              stops it and removes DIR
# afterwards PGHOST, PGPORT, PGUSER and PGDATABASE lead there.
#
# CDP_COPT      compiler flags beside the usual ones (default -Werror)
# SERVER_CONFIG lines for postgresql.conf
# SERVER_COPY   1: the server gets its own copy of the build below DIR

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/test/packages.sh"
choose_postgres || exit 1
CDP_COPT=${CDP_COPT--Werror}
server_dir=

# initdb and postgres refuse to run as root: use the account postgres then
as_owner() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		(cd / && "$@")
	fi
}

# Where the installed PostgreSQL lives; known only once it is installed
find_postgres() {
	pg_bin=$("$PG_CONFIG" --bindir) && pg_share=$("$PG_CONFIG" --sharedir) &&
		pg_lib=$("$PG_CONFIG" --pkglibdir) || return 1
	build_root=$here/.build/root-$pg_major
	if [ ! -x "$pg_bin/postgres" ]; then
		echo "no PostgreSQL server in $pg_bin" >&2
		return 1
	fi
	# programs of this very version, wherever PATH leads
	case :$PATH: in *:"$pg_bin":*) ;; *) PATH=$pg_bin:$PATH ;; esac
}

# A tree that is not ours to write in (or where another account left files) is
# copied to DIR, and the copy is built
server_tree() {
	local probe
	probe=$(find "$here" -path "$here/.git" -prune -o ! -writable -print -quit 2>/dev/null)
	[ -w "$here" ] && [ -z "$probe" ] && return 0
	mkdir -p "$1" || return 1
	(cd "$here" && tar -cf - --exclude=./.git --exclude=./.build --exclude='*.o' --exclude='*.so' \
		--exclude=./results --exclude=./tmp_check .) | tar -xf - -C "$1" || return 1
	here=$1
}

server_build() {
	local flags="$pg_major $CDP_COPT ${MAKE_FLAGS:-}"
	find_postgres || return 1
	mkdir -p "$here/.build" || return 1
	set -- -s -C "$here" PG_CONFIG="$PG_CONFIG" with_llvm=no COPT="$CDP_COPT" ${MAKE_FLAGS:-}
	# objects of another version or other flags are no use
	if [ "$(cat "$here/.build/flags" 2>/dev/null)" != "$flags" ]; then
		make "$@" clean >/dev/null
		echo "$flags" >"$here/.build/flags"
	fi
	make "$@" -j"$(nproc)" all || return 1
	rm -rf "$build_root" "$here/.build/install.log"
	make "$@" DESTDIR="$build_root" install >"$here/.build/install.log" 2>&1 || {
		cat "$here/.build/install.log" >&2
		return 1
	}
}

# Lines of postgresql.conf by which any cluster finds the build in ROOT
server_paths() {
	if [ "$pg_major" -ge 18 ]; then
		echo "extension_control_path = '$1$pg_share:\$system'"
	else
		# Debian's own setting; 18 has the one above instead
		echo "extension_destdir = '$1'"
	fi
	echo "dynamic_library_path = '$1$pg_lib:\$libdir'"
}

server_start() {
	local root
	find_postgres || return 1
	server_dir=$1
	rm -rf "$server_dir" && mkdir -p "$server_dir" || return 1
	root=$build_root
	if [ -n "${SERVER_COPY:-}" ] || ! as_owner test -r "$build_root$pg_share/extension/cdp.control"; then
		root=$server_dir/root
		cp -R "$build_root" "$root" && chmod -R a+rX "$root" || return 1
	fi
	server_root=$root
	[ "$(id -u)" = 0 ] && chown postgres "$server_dir"
	chmod 755 "$server_dir"
	as_owner "$pg_bin/initdb" -D "$server_dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
		--no-sync >"$server_dir/initdb.log" 2>&1 </dev/null || {
		cat "$server_dir/initdb.log" >&2
		return 1
	}
	{
		server_paths "$root"
		cat <<-CONF
			listen_addresses = ''
			unix_socket_directories = '$server_dir'
			port = 5432
			fsync = off
			synchronous_commit = off
			full_page_writes = off
			autovacuum_naptime = 5s
			max_wal_size = 4GB
			shared_buffers = 256MB
			timezone = 'UTC'
			log_timezone = 'UTC'
		CONF
		[ -z "${SERVER_CONFIG:-}" ] || printf '%s\n' "$SERVER_CONFIG"
	} | as_owner tee -a "$server_dir/data/postgresql.conf" >/dev/null
	as_owner "$pg_bin/pg_ctl" -D "$server_dir/data" -w -l "$server_dir/log" start >/dev/null </dev/null || {
		cat "$server_dir/log" >&2
		server_dir=
		return 1
	}
	unset PGSERVICE PGSERVICEFILE PGPASSWORD PGPASSFILE PGOPTIONS PGHOSTADDR PGSSLMODE PGAPPNAME \
		PGTZ PGDATESTYLE PGCLIENTENCODING PSQLRC
	export PGHOST=$server_dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	export LC_ALL=C.UTF-8 PAGER=cat PSQL_PAGER=cat
}

server_stop() {
	[ -n "$server_dir" ] || return 0
	as_owner "$pg_bin/pg_ctl" -D "$server_dir/data" -m immediate stop >/dev/null 2>&1
	rm -rf "$server_dir"
	server_dir=
}
