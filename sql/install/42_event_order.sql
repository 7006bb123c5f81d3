-- event: money and orders

CREATE FUNCTION cdp.property_number(properties jsonb, path text) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_property_number';
COMMENT ON FUNCTION cdp.property_number(jsonb, text) IS
'A property as numeric: a JSON number, or text that is a plain decimal such as -12.50; else null, never an error. The path''s parts are parted by dots.';

CREATE FUNCTION cdp.property_currency(properties jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN coalesce(properties -> 'currency', 'null') IN ('null', '""') THEN NULL
				WHEN properties ->> 'currency' ~ '^[A-Za-z]{3}$' THEN upper(properties ->> 'currency')
				ELSE 'XXX' END
$$;
COMMENT ON FUNCTION cdp.property_currency(jsonb) IS
'The property currency as event.currency has it: a code of three capital letters; null when none was sent; XXX when what was sent is no code.';

CREATE FUNCTION cdp.convert_revenue(currency text DEFAULT NULL, starts date DEFAULT NULL, ends date DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	base text := cdp.setting_value('base_currency');
	changed bigint;
BEGIN
	-- whoever ingests now has read the rates that were
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.resolver', 0));
	WITH rate AS MATERIALIZED (
		SELECT x.currency, x.rate,
			   x.day::timestamp AT TIME ZONE 'UTC' AS valid_from,
			   coalesce(lead(x.day) OVER (PARTITION BY x.currency ORDER BY x.day)::timestamp AT TIME ZONE 'UTC', 'infinity') AS valid_to
		FROM cdp.exchange_rate x
		WHERE convert_revenue.currency IS NULL OR x.currency = convert_revenue.currency
	), wanted AS (
		SELECT e.profile_id, e.occurred_at, e.message_key,
			   CASE WHEN coalesce(e.currency, base) = base THEN e.revenue ELSE e.revenue * r.rate END AS revenue_base
		FROM cdp.event e
		LEFT JOIN rate r ON r.currency = e.currency AND e.occurred_at >= r.valid_from AND e.occurred_at < r.valid_to
		WHERE e.revenue IS NOT NULL
		  AND (convert_revenue.currency IS NULL OR e.currency = convert_revenue.currency)
		  AND e.occurred_at >= coalesce(starts::timestamp AT TIME ZONE 'UTC', '-infinity')
		  AND e.occurred_at < coalesce(ends::timestamp AT TIME ZONE 'UTC', 'infinity')
	), done AS (
		UPDATE cdp.event e SET revenue_base = w.revenue_base
		FROM wanted w
		WHERE e.profile_id = w.profile_id AND e.occurred_at = w.occurred_at AND e.message_key = w.message_key
		  AND e.revenue_base IS DISTINCT FROM w.revenue_base
		RETURNING e.profile_id
	), dirty AS (
		INSERT INTO cdp.dirty_profile (profile_id) SELECT DISTINCT d.profile_id FROM done d
	)
	SELECT count(*) INTO changed FROM done;
	RETURN changed;
END $$;
COMMENT ON FUNCTION cdp.convert_revenue(text, date, date) IS
'Computes event.revenue_base anew from cdp.exchange_rate: after many rates were loaded at once, or after the setting base_currency was changed. Only events of that currency (null: all), from the day starts up to the day ends, which is not included (null: no bound; days in UTC). Profiles of changed events are marked for the next refresh. Returns how many events changed.';
REVOKE ALL ON FUNCTION cdp.convert_revenue(text, date, date) FROM PUBLIC;

CREATE FUNCTION cdp.set_exchange_rate(currency text, day date, rate numeric) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	base text := cdp.setting_value('base_currency');
	code text := upper(set_exchange_rate.currency);
	next_day date;
BEGIN
	IF code IS NULL OR code !~ '^[A-Z]{3}$' OR code = 'XXX' THEN
		RAISE EXCEPTION 'invalid currency "%"', set_exchange_rate.currency
			USING ERRCODE = '22023', DETAIL = 'A currency is a code of three letters, as "PLN"; XXX stands for none.';
	ELSIF code = base THEN
		RAISE EXCEPTION 'currency "%" is the base currency', code
			USING ERRCODE = '22023', DETAIL = 'Its rate is 1.';
	ELSIF day IS NULL OR NOT isfinite(day) THEN
		RAISE EXCEPTION 'an exchange rate needs a day' USING ERRCODE = '22023';
	ELSIF rate <= 0 OR rate IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'invalid exchange rate %', rate
			USING ERRCODE = '22023', DETAIL = format('It is the price of one %s in %s, a number above zero.', code, base);
	END IF;
	IF rate IS NULL THEN
		DELETE FROM cdp.exchange_rate x WHERE x.currency = code AND x.day = set_exchange_rate.day;
	ELSE
		INSERT INTO cdp.exchange_rate (currency, day, rate) VALUES (code, set_exchange_rate.day, set_exchange_rate.rate)
		ON CONFLICT ON CONSTRAINT exchange_rate_pkey DO UPDATE SET rate = excluded.rate;
	END IF;
	next_day := (SELECT min(x.day) FROM cdp.exchange_rate x WHERE x.currency = code AND x.day > set_exchange_rate.day);
	RETURN cdp.convert_revenue(code, set_exchange_rate.day, next_day);
END $$;
COMMENT ON FUNCTION cdp.set_exchange_rate(text, date, numeric) IS
'Says what one unit of a currency is worth in units of the base currency from a day (UTC) on, until the day of its next rate; a null rate takes that day''s away. Computes revenue_base of the events concerned anew, in one statement, and marks their profiles for the next refresh. Returns how many events changed. Raises 22023 for a bad currency, day or rate, and for the base currency.';
REVOKE ALL ON FUNCTION cdp.set_exchange_rate(text, date, numeric) FROM PUBLIC;
