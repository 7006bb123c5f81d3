-- analytics: which touches are credited with the value of conversions

CREATE FUNCTION cdp.attribution_transition(internal, text, text, timestamptz, boolean, numeric) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_attribution_transition';
CREATE FUNCTION cdp.attribution_transition(internal, text, text, timestamptz, boolean, numeric, interval) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_attribution_transition';
CREATE FUNCTION cdp.attribution_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_attribution_combine';
CREATE FUNCTION cdp.attribution_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_attribution_serialize';
CREATE FUNCTION cdp.attribution_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_attribution_deserialize';
CREATE FUNCTION cdp.attribution_final(internal) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_attribution_final';
COMMENT ON FUNCTION cdp.attribution_transition(internal, text, text, timestamptz, boolean, numeric) IS 'Step of the aggregate attribution.';
COMMENT ON FUNCTION cdp.attribution_transition(internal, text, text, timestamptz, boolean, numeric, interval) IS 'Step of the aggregate attribution with a lookback.';
COMMENT ON FUNCTION cdp.attribution_combine(internal, internal) IS 'Takes two partial states of the aggregate attribution together.';
COMMENT ON FUNCTION cdp.attribution_serialize(internal) IS 'A partial state of the aggregate attribution as bytes, for another worker.';
COMMENT ON FUNCTION cdp.attribution_deserialize(bytea, internal) IS 'A partial state of the aggregate attribution from bytes.';
COMMENT ON FUNCTION cdp.attribution_final(internal) IS 'Last step of the aggregate attribution.';

CREATE AGGREGATE cdp.attribution(model text, touch text, occurred_at timestamptz, is_conversion boolean, value numeric) (
	SFUNC = cdp.attribution_transition, STYPE = internal, SSPACE = 512,
	FINALFUNC = cdp.attribution_final, COMBINEFUNC = cdp.attribution_combine,
	SERIALFUNC = cdp.attribution_serialize, DESERIALFUNC = cdp.attribution_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.attribution(text, text, timestamptz, boolean, numeric) IS
'Credits {"touch": credit} of a group''s touches (a channel, a campaign) for the values of its conversions; the credits sum to the values exactly. A row is a touch when touch is not null, a conversion when is_conversion is true, or both. Each conversion, also after earlier ones, looks at all touches at its time or before, ordered by time, then by the bytes of touch; a conversion without any is credited to "(none)". Models: first, last, linear (equal parts), time_decay (a touch weighs half as much for every 7 days before the last one), position_based (40 % the first, 40 % the last, 20 % those between in equal parts; two: half each), last_non_direct (the last touch but direct or (direct) in any case; the last one when there is no other). Parts are rounded to 6 decimals, or those of the value when it has more. Rows without occurred_at and conversions without value do not count; no rows: {}. At most cdp.max_aggregate_events rows a group, 8,192 bytes a touch, 256 MB of touches and values (else 54000). Raises 22023 for an unknown model, or one that differs within the group, 22003 for a value that is not finite.';

CREATE AGGREGATE cdp.attribution(model text, touch text, occurred_at timestamptz, is_conversion boolean, value numeric, lookback interval) (
	SFUNC = cdp.attribution_transition, STYPE = internal, SSPACE = 512,
	FINALFUNC = cdp.attribution_final, COMBINEFUNC = cdp.attribution_combine,
	SERIALFUNC = cdp.attribution_serialize, DESERIALFUNC = cdp.attribution_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.attribution(text, text, timestamptz, boolean, numeric, interval) IS
'As attribution without lookback, where a conversion looks only at touches less than lookback before it. Raises 22023 when lookback has months or is negative or not the same in all rows of a group, 22004 when it is null.';
