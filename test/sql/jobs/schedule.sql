-- Who calls refresh(), where pg_cron is not.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT replace(cdp.schedule_refresh(), current_database(), 'shop');
SELECT replace(cdp.schedule_refresh(' */15 6-20 * * 1-5 '), current_database(), 'shop');
SELECT c AS cron, cdp.calendar_time(c) FROM unnest('{"* * * * *","*/5 3 * * 1-5","0 4 1,15 * *","30 0 */2 1-6 7","59 23 31 12 0,3"}'::text[]) c;
SELECT cdp.unschedule_refresh();
-- pg_cron is in another database
SET LOCAL cron.database_name = 'postgres';
SELECT replace(cdp.schedule_refresh('*/5 * * * *'), current_database(), 'shop');
\set VERBOSITY terse
SAVEPOINT a;
SELECT cdp.schedule_refresh('every minute');
ROLLBACK TO a;
SELECT cdp.schedule_refresh('* * * *');
ROLLBACK TO a;
SELECT cdp.schedule_refresh('* * * * *; DROP TABLE x');
ROLLBACK TO a;
SELECT cdp.schedule_refresh(NULL);
ROLLBACK;
