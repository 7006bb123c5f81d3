-- jobs: who calls refresh()

CREATE FUNCTION cdp.calendar_time(cron text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	field text[] := regexp_split_to_array(btrim(cron), '\s+');
	names text[] := '{Sun,Mon,Tue,Wed,Thu,Fri,Sat}';
	part text;
	days text;
BEGIN
	FOR i IN 1 .. 5 LOOP
		-- */5: from the first value on, every five
		part := regexp_replace(field[i], '^\*/(\d+)$', CASE WHEN i IN (3, 4) THEN '1/\1' ELSE '0/\1' END);
		field[i] := regexp_replace(regexp_replace(part, '(\d+)-(\d+)', '\1..\2', 'g'), '\m(\d)\M', '0\1', 'g');
	END LOOP;
	-- days of the week have names there, and 7 is Sunday as well
	IF field[5] <> '*' THEN
		days := field[5];
		FOR i IN 0 .. 7 LOOP
			days := regexp_replace(days, '\m0' || i || '\M', names[i % 7 + 1], 'g');
		END LOOP;
	END IF;
	RETURN coalesce(days || ' ', '') || format('*-%s-%s %s:%s:00', field[4], field[3], field[2], field[1]);
END $$;
COMMENT ON FUNCTION cdp.calendar_time(text) IS
'Five fields of cron (minute, hour, day, month, weekday) as a calendar event of systemd: */5 * * * * is *-*-* *:00/05:00.';

CREATE FUNCTION cdp.schedule_refresh(cron text DEFAULT '* * * * *') RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	job bigint;
	elsewhere text := nullif(current_setting('cron.database_name', true), current_database());
	command text := format('psql -X -q -d %s -c ''CALL cdp.refresh()''', quote_literal('dbname=' || current_database()));
BEGIN
	PERFORM cdp.check_tables();
	IF cron IS NULL OR btrim(cron) !~ '^([0-9*/,-]+\s+){4}[0-9*/,-]+$' THEN
		RAISE EXCEPTION 'invalid schedule "%"', cron
			USING ERRCODE = '22023', DETAIL = 'It has five fields: minute, hour, day of the month, month, day of the week.',
				  HINT = 'Every minute is ''* * * * *'', every quarter of an hour ''*/15 * * * *''.';
	END IF;
	IF EXISTS (SELECT FROM pg_extension x WHERE x.extname = 'pg_cron') THEN
		EXECUTE 'SELECT cron.schedule(''cdp refresh'', $1, ''CALL cdp.refresh()'')' INTO job USING btrim(cron);
		RETURN format('pg_cron calls refresh at "%s" as job %s; cron.job_run_details and cdp.job_history tell how it went', btrim(cron), job);
	END IF;
	IF elsewhere IS NOT NULL THEN
		RETURN format('pg_cron is in database "%s"; run there:', elsewhere) || E'\n'
			|| format('SELECT cron.schedule_in_database(%L, %L, %L, %L);', 'cdp refresh ' || current_database(), btrim(cron), 'CALL cdp.refresh()', current_database());
	END IF;
	RETURN 'pg_cron is not installed in this database; a line of crontab does it:' || E'\n'
		|| format('%s %s', btrim(cron), replace(command, '%', '\%')) || E'\n'
		|| 'or of systemd, in cdp-refresh.timer and cdp-refresh.service:' || E'\n'
		|| '[Timer]' || E'\n' || format('OnCalendar=%s', cdp.calendar_time(cron)) || E'\n'
		|| '[Service]' || E'\n' || 'Type=oneshot' || E'\n' || format('ExecStart=%s', replace(command, '%', '%%'));
END $$;
COMMENT ON FUNCTION cdp.schedule_refresh(text) IS
'Has pg_cron, where it is installed in this database, call refresh() at that time (five fields of cron; again = change), and says so. Elsewhere it changes nothing and returns the statement for the database that has pg_cron, or the lines for crontab and systemd. Raises 22023 for a schedule that is none.';
REVOKE ALL ON FUNCTION cdp.schedule_refresh(text) FROM PUBLIC;

CREATE FUNCTION cdp.unschedule_refresh() RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_extension x WHERE x.extname = 'pg_cron') THEN
		RETURN false;
	END IF;
	EXECUTE 'SELECT count(cron.unschedule(j.jobid)) FROM cron.job j WHERE j.jobname = ''cdp refresh'' AND j.username = current_user' INTO n;
	RETURN n > 0;
END $$;
COMMENT ON FUNCTION cdp.unschedule_refresh() IS
'Takes back schedule_refresh(): pg_cron calls refresh() no more. False when it did not.';
REVOKE ALL ON FUNCTION cdp.unschedule_refresh() FROM PUBLIC;
