#!/usr/bin/env bash
# After a person is erased, a text dump of the whole database has none of the
# person's identifiers, in canonical form or as the files had them, nor their
# keys; the digests of all others are as before; and their old files bring
# nothing back.  With the data of the demo, for several persons.
set -eu

top=${CDP_TOP:-.}
tmp=${CDP_TMP:?}
data=$top/test/data
export PGOPTIONS='-c client_min_messages=warning'
cp "$data"/*.ndjson "$data"/crm.csv "$tmp"/
psql -qX -v ON_ERROR_STOP=1 -v data="$tmp" <<'SQL' >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
UPDATE cdp.setting SET value = 'PL' WHERE name = 'default_region';
SELECT cdp.add_source('web', 'file', 100), cdp.add_source('mobile', 'file', 110), cdp.add_source('crm', 'crm', 200);
CREATE TABLE crm (numer text, imie text, nazwisko text, email text, telefon text, data_urodzenia date, miasto text,
	kod_pocztowy text, karta text, zgoda_email text, zgoda_sms text, zmieniono timestamp);
CREATE TABLE line (source text DEFAULT current_setting('load.source', true), payload text);
\set crm :data '/crm.csv'
\set web :data '/web.ndjson'
\set mobile :data '/mobile.ndjson'
\set bad :data '/bad.ndjson'
COPY crm FROM :'crm' (FORMAT csv, HEADER);
SET load.source = 'web';
COPY line (payload) FROM :'web' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
COPY line (payload) FROM :'bad' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
SET load.source = 'mobile';
COPY line (payload) FROM :'mobile' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
CREATE FUNCTION load() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO cdp.inbox (source, payload) SELECT source, payload FROM line;
	PERFORM cdp.process_batch(1000000);
	PERFORM cdp.import_table('crm', 'crm', '{
		"identifiers": {"crm_id": "numer", "email": "email", "phone": {"column": "telefon", "region": "PL"}, "loyalty_id": "karta"},
		"traits": {"first_name": "imie", "last_name": "nazwisko", "birthday": "data_urodzenia", "address.city": "miasto"},
		"consents": {"email_marketing": "zgoda_email", "sms_marketing": "zgoda_sms"}, "observed_at": "zmieniono"}');
END $$;
SELECT load();
SELECT cdp.create_segment('buyers', $$did('Order Completed')$$);
SELECT cdp.refresh_segments();
SELECT cdp.seal_consents();
-- what is told of each person, to compare others before and after
CREATE FUNCTION person_digest(id bigint) RETURNS text LANGUAGE sql AS $$
	SELECT md5(concat_ws('|', (SELECT p.traits::text FROM cdp.profile p WHERE p.profile_id = id),
		(SELECT string_agg(i.type || i.value || i.state, ',' ORDER BY i.identity_key) FROM cdp.profile_identity i WHERE i.profile_id = id),
		(SELECT string_agg(e.message_key::text || e.properties::text || e.is_echo, ',' ORDER BY e.message_key) FROM cdp.event e WHERE e.profile_id = id),
		(SELECT string_agg(c.statement_key::text || c.status, ',' ORDER BY c.statement_key) FROM cdp.consent_record c WHERE c.profile_id = id),
		(SELECT s.segment_ids::text FROM cdp.profile_state s WHERE s.profile_id = id))) $$;
CREATE SCHEMA truth;
CREATE TABLE truth.victim AS
SELECT p.profile_id, row_number() OVER (ORDER BY c.event_count DESC, p.profile_id) AS n
FROM cdp.profile p JOIN cdp.profile_counter c USING (profile_id)
WHERE p.merged_into IS NULL AND (SELECT count(*) FROM cdp.profile_identity i WHERE i.profile_id = p.profile_id AND i.state = 'active') >= 5
  AND EXISTS (SELECT FROM cdp.profile_identity i WHERE i.profile_id = p.profile_id AND i.type = 'email' AND i.state = 'active')
ORDER BY 2 LIMIT 5;
CREATE TABLE truth.identifier AS SELECT i.* FROM cdp.profile_identity i JOIN truth.victim USING (profile_id);
CREATE TABLE truth.before AS SELECT p.profile_id, person_digest(p.profile_id) AS digest FROM cdp.profile p
	WHERE p.merged_into IS NULL AND p.profile_id NOT IN (SELECT profile_id FROM truth.victim);
SQL
[ "$(psql -qAtX -c 'SELECT count(*) FROM truth.victim')" = 5 ] || { echo 'no five persons to erase'; exit 1; }
psql -qAtX -v ON_ERROR_STOP=1 -c "SELECT format('erased: %s events, %s identifiers, %s tombstones', x -> 'rows' -> 'event', x -> 'rows' -> 'identity', x -> 'tombstones')
	FROM truth.victim v, LATERAL (SELECT * FROM truth.identifier i WHERE i.profile_id = v.profile_id AND i.type = 'email' LIMIT 1) i, cdp.erase_person(i.type, i.value) x ORDER BY v.n"

# what to look for: values, as the files write them, and keys; the files themselves are not of the platform
psql -qAtX -v ON_ERROR_STOP=1 >"$tmp/patterns" <<'SQL'
SELECT value FROM truth.identifier WHERE length(value) > 4
UNION SELECT identity_key::text FROM truth.identifier
UNION SELECT c.email FROM crm c JOIN truth.identifier i ON i.type = 'crm_id' AND i.value = c.numer WHERE c.email <> ''
UNION SELECT c.telefon FROM crm c JOIN truth.identifier i ON i.type = 'crm_id' AND i.value = c.numer WHERE c.telefon <> '';
SQL
sed -i '/^ *$/d' "$tmp/patterns"
search() {
	"$(command -v pg_dump || ls /usr/lib/postgresql/*/bin/pg_dump | sort -V | tail -1)" --schema=cdp >"$tmp/dump.sql"
	if grep -i -F -w -n -f "$tmp/patterns" "$tmp/dump.sql" >"$tmp/found"; then
		cut -c1-300 "$tmp/found" | head -20
		echo "$1: the dump has identifiers of the erased" && exit 1
	fi
	echo "$1: none of $(wc -l <"$tmp/patterns") patterns in a dump of $(wc -c <"$tmp/dump.sql") bytes"
}
ask() {
	answer=$(psql -qAtX -v ON_ERROR_STOP=1 -c "$2")
	[ "$answer" = "$3" ] || { echo "$1: $answer, wanted $3"; exit 1; }
	echo "$1: $answer"
}
search 'after erasing'
ask 'others changed' "SELECT count(*) FROM truth.before b WHERE person_digest(profile_id) <> digest" 0
ask 'chain' "SELECT count(*) FROM cdp.verify_consent_chain()" 0
psql -qX -v ON_ERROR_STOP=1 -c 'SELECT cdp.refresh_segments()' -c 'SELECT load()' >/dev/null
ask 'messages refused' "SELECT count(*) > 50 FROM cdp.rejected WHERE code = 'CDX14'" t
search 'after loading the old files again'
ask 'others changed' "SELECT count(*) FROM truth.before b WHERE person_digest(profile_id) <> digest" 0
