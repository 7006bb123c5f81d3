/*
 * rule_io.c
 *		Type segment_rule: input, output, comparison.  Format: see rule.h.
 */
#include "core/core.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"

#include "segment/rule.h"

PG_FUNCTION_INFO_V1(cdp_segment_rule_in);
PG_FUNCTION_INFO_V1(cdp_segment_rule_out);
PG_FUNCTION_INFO_V1(cdp_segment_rule_recv);
PG_FUNCTION_INFO_V1(cdp_segment_rule_send);
PG_FUNCTION_INFO_V1(cdp_segment_rule_eq);
PG_FUNCTION_INFO_V1(cdp_segment_rule_ne);
PG_FUNCTION_INFO_V1(cdp_segment_rule_lt);
PG_FUNCTION_INFO_V1(cdp_segment_rule_le);
PG_FUNCTION_INFO_V1(cdp_segment_rule_gt);
PG_FUNCTION_INFO_V1(cdp_segment_rule_ge);
PG_FUNCTION_INFO_V1(cdp_segment_rule_cmp);
PG_FUNCTION_INFO_V1(cdp_segment_rule_hash);
PG_FUNCTION_INFO_V1(cdp_segment_rule_hash_extended);
PG_FUNCTION_INFO_V1(cdp_segment_rule_and);
PG_FUNCTION_INFO_V1(cdp_segment_rule_or);
PG_FUNCTION_INFO_V1(cdp_segment_rule_not);

/* Checks the text and stores its canonical form; NULL after a soft error */
static SegmentRule *
MakeSegmentRule(const char *text, int length, Node *escontext)
{
	RuleNode   *tree = ParseRule(text, length, escontext);
	char	   *canonical;
	Size		size;
	SegmentRule *rule;

	if (tree == NULL)
		return NULL;
	canonical = PrintRule(tree);
	length = strlen(canonical);
	if (length > RULE_MAX_TEXT)
		CdpReturnError(escontext, NULL,
					   (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("segment rule is too long"),
						errdetail("Its canonical text has %d bytes, %d are allowed.", length, RULE_MAX_TEXT)));
	size = offsetof(SegmentRule, text) + length;
	rule = palloc(size);
	SET_VARSIZE(rule, size);
	rule->version = RULE_FORMAT_VERSION;
	memcpy(rule->text, canonical, length);
	return rule;
}

/* The tree of a stored rule; its literals are copies, so the rule may go away */
RuleNode *
SegmentRuleTree(SegmentRule *rule)
{
	if (VARSIZE(rule) <= offsetof(SegmentRule, text) || rule->version != RULE_FORMAT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored segment rule has an unknown format")));
	return ParseRule(rule->text, SegmentRuleTextLength(rule), NULL);
}

Datum
cdp_segment_rule_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	SegmentRule *rule = MakeSegmentRule(text, strlen(text), CdpErrorContext(fcinfo));

	if (rule == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(rule);
}

Datum
cdp_segment_rule_out(PG_FUNCTION_ARGS)
{
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));

	PG_RETURN_CSTRING(pnstrdup(rule->text, SegmentRuleTextLength(rule)));
}

Datum
cdp_segment_rule_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgbyte(buf);
	char	   *text;
	int			length;

	if (version != RULE_FORMAT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown version %d of binary segment_rule", version)));
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &length);
	PG_RETURN_POINTER(MakeSegmentRule(text, length, NULL));
}

Datum
cdp_segment_rule_send(PG_FUNCTION_ARGS)
{
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, RULE_FORMAT_VERSION);
	pq_sendtext(&buf, rule->text, SegmentRuleTextLength(rule));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static int
CompareRules(FunctionCallInfo fcinfo)
{
	SegmentRule *a = DatumGetSegmentRule(PG_GETARG_DATUM(0));
	SegmentRule *b = DatumGetSegmentRule(PG_GETARG_DATUM(1));
	int			la = SegmentRuleTextLength(a);
	int			lb = SegmentRuleTextLength(b);
	int			result = memcmp(a->text, b->text, Min(la, lb));

	if (result == 0)
		result = (la > lb) - (la < lb);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
cdp_segment_rule_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareRules(fcinfo) == 0);
}

Datum
cdp_segment_rule_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareRules(fcinfo) != 0);
}

Datum
cdp_segment_rule_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareRules(fcinfo) < 0);
}

Datum
cdp_segment_rule_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareRules(fcinfo) <= 0);
}

Datum
cdp_segment_rule_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareRules(fcinfo) > 0);
}

Datum
cdp_segment_rule_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareRules(fcinfo) >= 0);
}

Datum
cdp_segment_rule_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareRules(fcinfo));
}

Datum
cdp_segment_rule_hash(PG_FUNCTION_ARGS)
{
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));

	return hash_any((unsigned char *) rule->text, SegmentRuleTextLength(rule));
}

Datum
cdp_segment_rule_hash_extended(PG_FUNCTION_ARGS)
{
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));

	return hash_any_extended((unsigned char *) rule->text, SegmentRuleTextLength(rule), PG_GETARG_INT64(1));
}

/* ---- rules made of rules ---- */

/* before, a, between, b, after: canonical again; b may be NULL */
static Datum
JoinRules(const char *before, SegmentRule *a, const char *between, SegmentRule *b, const char *after)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, before);
	appendBinaryStringInfo(&buf, a->text, SegmentRuleTextLength(a));
	appendStringInfoString(&buf, between);
	if (b)
		appendBinaryStringInfo(&buf, b->text, SegmentRuleTextLength(b));
	appendStringInfoString(&buf, after);
	return PointerGetDatum(MakeSegmentRule(buf.data, buf.len, NULL));
}

Datum
cdp_segment_rule_and(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(JoinRules("(", DatumGetSegmentRule(PG_GETARG_DATUM(0)), ") AND (",
							  DatumGetSegmentRule(PG_GETARG_DATUM(1)), ")"));
}

Datum
cdp_segment_rule_or(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(JoinRules("(", DatumGetSegmentRule(PG_GETARG_DATUM(0)), ") OR (",
							  DatumGetSegmentRule(PG_GETARG_DATUM(1)), ")"));
}

Datum
cdp_segment_rule_not(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(JoinRules("NOT (", DatumGetSegmentRule(PG_GETARG_DATUM(0)), ")", NULL, ""));
}
