# packages.sh: installs what is missing, and only that.
#
# Sourced by test/check and others.  packages_need NAME... looks with dpkg
# first and asks apt only when something is missing; it says what and why.
# No database cluster is created on the way: for the time of the installation
# create_main_cluster is switched off, and the file is put back afterwards.
#
#   choose_postgres          sets pg_major, PG_CONFIG: the PostgreSQL to build for
#   packages_need [EXTRA...] installs that PostgreSQL, its headers, compiler and test tools

createcluster_conf=/etc/postgresql-common/createcluster.conf

has_package() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The newest supported PostgreSQL whose server is installed; if there is none,
# the one of this Debian.  PG_CONFIG in the environment decides before all.
choose_postgres() {
	local server major
	if [ -n "${PG_CONFIG:-}" ]; then
		pg_major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
		return
	fi
	pg_major=
	for server in $(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -Vr); do
		major=${server#/usr/lib/postgresql/} && major=${major%%/*}
		case $major in 15 | 16 | 17 | 18)
			# one that can be built for at once goes before a newer one that cannot
			if [ -f "/usr/include/postgresql/$major/server/postgres.h" ]; then
				pg_major=$major
				break
			fi
			: "${pg_major:=$major}"
			;;
		esac
	done
	if [ -z "$pg_major" ]; then
		case $(sed 's/[./].*//' /etc/debian_version 2>/dev/null) in
		12 | bookworm) pg_major=15 ;;
		13 | trixie) pg_major=17 ;;
		*)
			# a bare system knows of no packages before the first update
			[ -n "$(apt-cache show postgresql 2>/dev/null)" ] || as_root apt-get -qq update >/dev/null 2>&1
			pg_major=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
			;;
		esac
	fi
	if [ -z "$pg_major" ]; then
		echo "no PostgreSQL 15 to 18 found; set PG_CONFIG to the pg_config of one" >&2
		return 1
	fi
	PG_CONFIG=/usr/lib/postgresql/$pg_major/bin/pg_config
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		return 1
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" >>"$apt_log" 2>&1 </dev/null
}

packages_need() {
	local missing='' name why apt_log failed='' conf_kept=''
	local -A reason=(
		[make]='runs the build'
		[gcc]='compiles the extension'
		[libc6-dev]='headers of the C library'
		[libicu-dev]='headers of ICU (Unicode)'
		[perl]='runs the TAP tests (prove)'
		[libipc-run-perl]='used by the TAP tests'
		["postgresql-$pg_major"]='the PostgreSQL to build for; a throwaway server is made of it'
		["postgresql-server-dev-$pg_major"]='headers of the PostgreSQL server'
	)
	if ! command -v dpkg-query >/dev/null; then
		# not Debian: whoever set PG_CONFIG brings the rest
		[ -x "$("$PG_CONFIG" --bindir 2>/dev/null)/postgres" ] && return 0
		echo "this is no Debian: set PG_CONFIG, and have make, a C compiler, ICU and IPC::Run" >&2
		return 1
	fi
	for name in make gcc libc6-dev libicu-dev perl libipc-run-perl "$@"; do
		has_package "$name" || missing="$missing $name"
	done
	case $PG_CONFIG in /usr/lib/postgresql/*)
		for name in "postgresql-$pg_major" "postgresql-server-dev-$pg_major"; do
			has_package "$name" || missing="$missing $name"
		done
		;;
	esac
	[ -n "$missing" ] || return 0

	echo "missing packages, to be installed by apt:"
	for name in $missing; do
		printf '  %-28s %s\n' "$name" "${reason[$name]:-asked for by the caller}"
	done
	if ! as_root true; then
		echo "neither root nor sudo: run this as root, then try again:" >&2
		echo "  apt-get install --no-install-recommends$missing" >&2
		return 1
	fi

	apt_log=$(mktemp /tmp/cdp-apt.XXXXXX)
	# a source that does not answer matters only if a package is missing then
	apt update || echo "  apt-get update reported an error; trying all the same"
	case $missing in *" postgresql-$pg_major"*)
		apt install --no-install-recommends postgresql-common || failed=1
		if [ -f $createcluster_conf ] && ! grep -q '^ *create_main_cluster' $createcluster_conf; then
			conf_kept=$createcluster_conf.before-cdp
			as_root cp -p $createcluster_conf $conf_kept &&
				echo 'create_main_cluster = false' | as_root tee -a $createcluster_conf >/dev/null
		fi
		;;
	esac
	# shellcheck disable=SC2086
	[ -n "$failed" ] || apt install --no-install-recommends $missing || failed=1
	[ -z "$conf_kept" ] || as_root mv $conf_kept $createcluster_conf
	if [ -n "$failed" ]; then
		tail -n 30 "$apt_log" >&2
		echo "apt could not install them; the whole log: $apt_log" >&2
		return 1
	fi
	rm -f "$apt_log"
	echo "installed."
}
