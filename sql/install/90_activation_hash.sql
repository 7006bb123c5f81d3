-- activation: values as advertising platforms want them

CREATE FUNCTION cdp.birth_digits(value text) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	groups text[] := ARRAY(SELECT g FROM regexp_split_to_table(value COLLATE "C", '[^0-9]+') g WHERE g <> '');
	n numeric[];
	y numeric;
	m numeric;
	d numeric;
BEGIN
	IF cardinality(groups) >= 3 THEN
		n := ARRAY[groups[1]::numeric, groups[2]::numeric, groups[3]::numeric];
		-- the number that can be no day is the year; of the others the one that can be no month is the day
		IF n[1] > 31 THEN
			SELECT n[1], CASE WHEN n[2] > 12 THEN n[3] ELSE n[2] END, CASE WHEN n[2] > 12 THEN n[2] ELSE n[3] END INTO y, m, d;
		ELSIF n[2] > 31 THEN
			SELECT n[2], CASE WHEN n[3] > 12 THEN n[1] ELSE n[3] END, CASE WHEN n[3] > 12 THEN n[3] ELSE n[1] END INTO y, m, d;
		ELSE
			SELECT n[3], CASE WHEN n[1] > 12 THEN n[2] ELSE n[1] END, CASE WHEN n[1] > 12 THEN n[1] ELSE n[2] END INTO y, m, d;
		END IF;
		IF y BETWEEN 1800 AND extract(year FROM now()) + 1 AND m BETWEEN 1 AND 12 AND d BETWEEN 1 AND 31 THEN
			RETURN lpad(y::text, 4, '0') || lpad(m::text, 2, '0') || lpad(d::text, 2, '0');
		END IF;
	ELSIF cardinality(groups) = 1 AND length(groups[1]) = 8 THEN
		RETURN groups[1];
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION cdp.birth_digits(text) IS
'A date of birth as YYYYMMDD, from three numbers in any order (1997-02-16, 16.02.1997, 2/16/1997; of two numbers that could both be the month the first after the year, or the first of all, is) or from eight digits; null when it is none, or more than a year ahead.';
REVOKE ALL ON FUNCTION cdp.birth_digits(text) FROM PUBLIC;

CREATE FUNCTION cdp.hash_step(value text, step text, argument text, region text) RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	-- white space as JavaScript and Python know it, beside what [[:space:]] has in locale C
	space constant text := U&'[[:space:]\00A0\FEFF\1680\2000-\200A\2028\2029\202F\205F\3000]';
	pattern text := replace(argument, '[:space:]', substr(space, 2, length(space) - 2));
	before text;
	result text := value;
BEGIN
	CASE step
		WHEN 'trim' THEN RETURN regexp_replace(value COLLATE "C", format('^%1$s+|%1$s+$', space), '', 'g');
		WHEN 'lower' THEN RETURN lower(value COLLATE "und-x-icu");
		WHEN 'upper' THEN RETURN upper(value COLLATE "und-x-icu");
		WHEN 'remove' THEN RETURN regexp_replace(value COLLATE "C", pattern, '', 'g');
		WHEN 'require' THEN RETURN CASE WHEN value COLLATE "C" ~ pattern THEN value END;
		WHEN 'before' THEN RETURN split_part(value, argument, 1);
		WHEN 'first' THEN RETURN left(value, argument::int);
		WHEN 'pad' THEN RETURN lpad(value, greatest(argument::int, length(value)), '0');
		WHEN 'prefix' THEN RETURN argument || value;
		WHEN 'strip_end' THEN
			LOOP
				before := result;
				result := regexp_replace(before COLLATE "C", pattern, '');
				EXIT WHEN result = before;
			END LOOP;
			RETURN result;
		WHEN 'map' THEN RETURN (SELECT m.value FROM cdp.hash_map m WHERE m.name = argument AND m.given = value);
		WHEN 'find' THEN
			RETURN CASE WHEN length(value) = 2 THEN value ELSE coalesce(
				(SELECT m.value FROM cdp.hash_map m WHERE m.name = argument AND m.given = value),
				(SELECT m.value FROM cdp.hash_map m WHERE m.name = argument AND position(m.given IN value) > 0 ORDER BY m.place LIMIT 1),
				value) END;
		WHEN 'date' THEN RETURN cdp.birth_digits(value);
		WHEN 'mailbox' THEN
			IF split_part(value, '@', 2) NOT IN ('gmail.com', 'googlemail.com') THEN
				RETURN value;
			END IF;
			before := split_part(value, '@', 1);
			RETURN replace(CASE WHEN argument = 'dots and tags' THEN split_part(before, '+', 1) ELSE before END, '.', '')
				|| '@' || split_part(value, '@', 2);
		WHEN 'phone' THEN
			IF region = '' THEN
				RETURN value;
			END IF;
			result := cdp.phone_e164(cdp.try_phone(value, region));
			RETURN CASE WHEN argument = 'digits' THEN substr(result, 2) ELSE result END;
		WHEN 'international' THEN
			before := regexp_replace(value COLLATE "C", argument, '');
			RETURN CASE WHEN before COLLATE "C" ~ '^1[0-9]{10}$|^[2-9][0-9]{6,}$' THEN before ELSE value END;
		ELSE
			RAISE EXCEPTION 'unknown step "%" in a rule of cdp.hash_rule', step USING ERRCODE = '22023';
	END CASE;
END $$;
COMMENT ON FUNCTION cdp.hash_step(text, text, text, text) IS 'One step of normalize_for(); see cdp.hash_rule. Raises 22023 for an unknown step.';
REVOKE ALL ON FUNCTION cdp.hash_step(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.normalize_for(platform text, field text, value text, region text DEFAULT NULL,
								  OUT normalized text, OUT is_final boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	rule record;
	s jsonb;
BEGIN
	PERFORM cdp.check_tables();
	SELECT r.steps, r.is_hashed INTO rule FROM cdp.hash_rule r
	WHERE r.platform = normalize_for.platform AND (r.field = normalize_for.field OR normalize_for.field = ANY (r.aliases))
	ORDER BY r.field = normalize_for.field DESC LIMIT 1;
	IF NOT FOUND THEN
		IF NOT EXISTS (SELECT FROM cdp.hash_rule r WHERE r.platform = normalize_for.platform) THEN
			PERFORM cdp.refuse_name('platform', coalesce(platform, ''), ARRAY(SELECT DISTINCT r.platform FROM cdp.hash_rule r ORDER BY 1));
		END IF;
		PERFORM cdp.refuse_name('field', coalesce(field, ''), ARRAY(SELECT r.field FROM cdp.hash_rule r WHERE r.platform = normalize_for.platform ORDER BY 1));
	END IF;
	normalized := value;
	is_final := NOT rule.is_hashed;
	FOR s IN SELECT e FROM jsonb_array_elements(rule.steps) e LOOP
		IF s ->> 0 = 'hashed' THEN
			value := lower(btrim(normalized, E' \t\r\n'));
			IF value COLLATE "C" ~ coalesce(s ->> 1, '^([0-9a-f]{64}|[0-9a-f]{32})$') THEN
				normalized := value;
				is_final := true;
				RETURN;
			END IF;
		ELSE
			normalized := cdp.hash_step(normalized, s ->> 0, coalesce(s ->> 1, ''), coalesce(region, ''));
		END IF;
		EXIT WHEN normalized IS NULL;
	END LOOP;
	normalized := nullif(normalized, '');
END $$;
COMMENT ON FUNCTION cdp.normalize_for(text, text, text, text) IS
'A value as a platform wants it before hashing, by cdp.hash_rule; null when the platform would take no such value. is_final: it is not hashed, because the field never is or because it is a hash already. Raises CDX20 for an unknown platform or field.';
REVOKE ALL ON FUNCTION cdp.normalize_for(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.hash_for(platform text, field text, value text, region text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN (SELECT CASE WHEN n.is_final THEN n.normalized
						ELSE encode(sha256(convert_to(n.normalized, 'UTF8')), 'hex') END
			FROM cdp.normalize_for(platform, field, value, region) n);
END $$;
COMMENT ON FUNCTION cdp.hash_for(text, text, text, text) IS
'A value as it is sent to a platform: SHA-256 in lower-case hex over normalize_for(), or the value itself where the platform wants that (country and postal code at Google) or where it is a hash already. region: country of phone numbers that come without a code; with it a number that is none gives null. Null when the platform would take no such value. Raises CDX20 for an unknown platform or field.';
REVOKE ALL ON FUNCTION cdp.hash_for(text, text, text, text) FROM PUBLIC;
