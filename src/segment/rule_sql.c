/*
 * rule_sql.c
 *		A rule as one plain SQL query: the oracle of the evaluator.
 *
 * It shares nothing with the evaluator but the parser, rule_time() for text
 * that is a time, and consents_at(): windows, truth and aggregates are SQL's
 * own.  Random rules over random data must give the same profiles both ways.
 */
#include "core/core.h"

#include "executor/spi.h"
#include "utils/datetime.h"
#include "utils/json.h"

#include "segment/computed_rule.h"
#include "segment/rule.h"
#include "segment/rule_time.h"

PG_FUNCTION_INFO_V1(cdp_segment_sql);
PG_FUNCTION_INFO_V1(cdp_rule_time);

#define MAX_NESTED_SEGMENTS 100

typedef struct SqlWriter
{
	StringInfoData buf;
	char	   *as_of;			/* literal */
	char	   *zone;			/* literal */
	int			segments;		/* member_of() inside member_of() */
	int			aliases;
	const char *account;		/* alias of the account at hand */
	ComputedSet *computed;
} SqlWriter;

static void WriteNode(SqlWriter *w, RuleNode *node, const char *event);
static void WriteOperand(SqlWriter *w, RuleOperand *operand, const char *event);

/* rule_time(value, zone): a text that is an ISO 8601 time, else null */
Datum
cdp_rule_time(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	pg_tz	   *zone = pg_tzset(name);
	TimestampTz at;

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name)));
	if (!ParseIsoTime(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), zone, &at))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(at);
}

static char *
LiteralSql(SqlWriter *w, const RuleLiteral *literal)
{
	if (literal->kind == LITERAL_TEXT)
		return quote_literal_cstr(literal->text);
	if (literal->kind == LITERAL_TIME)
		return psprintf("cdp.rule_time(%s, %s)", quote_literal_cstr(literal->text), w->zone);
	if (literal->kind == LITERAL_NUMBER)
		return psprintf("'%s'::numeric", literal->text);
	return pstrdup(literal->text);
}

/* ---- windows ---- */

static const char *const trunc_units[] = {"minute", "hour", "day", "week", "month", "quarter", "year"};

static char *
IntervalSql(const RuleWindow *window)
{
	switch (window->unit)
	{
		case UNIT_MINUTE:
			return psprintf("interval '%d minutes'", window->count);
		case UNIT_HOUR:
			return psprintf("interval '%d hours'", window->count);
		case UNIT_DAY:
			return psprintf("interval '" INT64_FORMAT " hours'", (int64) window->count * 24);
		case UNIT_WEEK:
			return psprintf("interval '" INT64_FORMAT " hours'", (int64) window->count * 168);
		case UNIT_MONTH:
			return psprintf("interval '%d months'", window->count);
		case UNIT_QUARTER:
			return psprintf("interval '%d months'", window->count * 3);
		case UNIT_YEAR:
			return psprintf("interval '%d years'", window->count);
	}
	return NULL;
}

static char *
MovedSql(SqlWriter *w, const RuleWindow *window, char sign)
{
	if (WindowIsFixed(window))
		return psprintf("(%s %c %s)", w->as_of, sign, IntervalSql(window));
	return psprintf("(((%s AT TIME ZONE %s) %c %s) AT TIME ZONE %s)", w->as_of, w->zone, sign,
					IntervalSql(window), w->zone);
}

static char *
CalendarSql(SqlWriter *w, WindowUnit unit, int units)
{
	const char *name = unit == UNIT_QUARTER ? "month" : trunc_units[unit];

	return psprintf("((date_trunc('%s', %s AT TIME ZONE %s) + interval '%d %s') AT TIME ZONE %s)",
					trunc_units[unit], w->as_of, w->zone, unit == UNIT_QUARTER ? 3 * units : units, name, w->zone);
}

/* Condition on the time t; NULL when the window is all time */
static char *
WindowSql(SqlWriter *w, const RuleWindow *window, const char *t)
{
	switch (window->kind)
	{
		case WINDOW_NONE:
			return NULL;
		case WINDOW_LAST:
			return psprintf("%s > %s AND %s <= %s", t, MovedSql(w, window, '-'), t, w->as_of);
		case WINDOW_NEXT:
			return psprintf("%s > %s AND %s <= %s", t, w->as_of, t, MovedSql(w, window, '+'));
		case WINDOW_THIS:
			return psprintf("%s >= %s AND %s < %s", t, CalendarSql(w, window->unit, 0), t,
							CalendarSql(w, window->unit, 1));
		case WINDOW_CALENDAR:
			return psprintf("%s >= %s AND %s < %s", t, CalendarSql(w, window->unit, -window->count), t,
							CalendarSql(w, window->unit, 0));
		case WINDOW_SINCE:
			return psprintf("%s >= %s", t, LiteralSql(w, window->low));
		case WINDOW_AFTER:
			return psprintf("%s > %s", t, LiteralSql(w, window->low));
		case WINDOW_BEFORE:
			return psprintf("%s < %s", t, LiteralSql(w, window->low));
		case WINDOW_BETWEEN:
			return psprintf("%s >= %s AND %s <= %s", t, LiteralSql(w, window->low), t,
							LiteralSql(w, window->high));
	}
	return NULL;
}

/* ---- operands ---- */

static char *
PropertySql(RuleOperand *operand, const char *event)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (operand->kind == OPERAND_REVENUE)
		appendStringInfo(&buf, "%s.revenue_base", event);
	else
	{
		appendStringInfo(&buf, operand->kind == OPERAND_ELEMENT ? "(%s.value" : "(%s.properties", event);
		for (int i = 0; i < operand->npath; i++)
			appendStringInfo(&buf, " -> %s", quote_literal_cstr(operand->path[i]));
		appendStringInfoChar(&buf, ')');
	}
	return buf.data;
}

/* FROM cdp.event eN WHERE ... */
static void
WriteEvents(SqlWriter *w, RuleEvent *event, const RuleWindow *window, const char *alias)
{
	char	   *occurred_at = psprintf("%s.occurred_at", alias);
	char	   *in_window = window ? WindowSql(w, window, occurred_at) : NULL;

	appendStringInfo(&w->buf, " FROM cdp.event %s WHERE %s.profile_id = p.profile_id AND NOT %s.is_echo AND %s.traffic IS NULL AND %s <= %s",
					 alias, alias, alias, alias, occurred_at, w->as_of);
	if (event->name)
		appendStringInfo(&w->buf, " AND %s.name = %s", alias, quote_literal_cstr(event->name));
	if (in_window)
		appendStringInfo(&w->buf, " AND %s", in_window);
	if (event->where)
	{
		appendStringInfoString(&w->buf, " AND (");
		WriteNode(w, event->where, alias);
		appendStringInfoChar(&w->buf, ')');
	}
}

static void
WriteAggregate(SqlWriter *w, RuleOperand *operand)
{
	char	   *alias = psprintf("e%d", ++w->aliases);
	RuleOperand *value = operand->value;
	char	   *v = value ? PropertySql(value, alias) : psprintf("%s.occurred_at", alias);
	bool		json = value && value->kind == OPERAND_PROPERTY;
	char	   *number = json ? psprintf("CASE WHEN jsonb_typeof(%s) = 'number' THEN %s::numeric END", v, v) : v;
	char	   *present = json ? psprintf("jsonb_typeof(%s) <> 'null'", v) : psprintf("%s IS NOT NULL", v);
	bool		limit = false;

	if (operand->aggregate == AGGREGATE_MOST_FREQUENT)
	{
		appendStringInfo(&w->buf, "(SELECT to_jsonb(f.x) FROM (SELECT %s AS x, %s.occurred_at, %s.message_key", v, alias, alias);
		WriteEvents(w, operand->event, &operand->window, alias);
		appendStringInfo(&w->buf, " AND %s) f GROUP BY f.x ORDER BY count(*) DESC, max(f.occurred_at) DESC, "
						 "(array_agg(f.message_key ORDER BY f.occurred_at DESC, f.message_key DESC))[1] DESC LIMIT 1)", present);
		return;
	}
	appendStringInfoString(&w->buf, "(SELECT ");
	switch (operand->aggregate)
	{
		case AGGREGATE_UNIQUE_LIST:
			appendStringInfo(&w->buf, "coalesce(jsonb_agg(DISTINCT %s) FILTER (WHERE %s), '[]')", v, present);
			break;
		case AGGREGATE_COUNT:
		case AGGREGATE_DID:
			appendStringInfo(&w->buf, "count(*) FILTER (WHERE %s)", present);
			break;
		case AGGREGATE_SUM:
		case AGGREGATE_AVG:
		case AGGREGATE_MIN:
		case AGGREGATE_MAX:
			appendStringInfo(&w->buf, "%s(%s)", AggregateName(operand->aggregate), number);
			break;
		case AGGREGATE_DISTINCT:
			appendStringInfo(&w->buf, "count(DISTINCT %s) FILTER (WHERE %s)", v, present);
			break;
		case AGGREGATE_DAYS_SINCE_LAST:
			appendStringInfo(&w->buf, "extract(epoch FROM %s - max(%s.occurred_at)) * 1000000 / 86400000000",
							 w->as_of, alias);
			break;
		default:
			appendStringInfoString(&w->buf, v);
			limit = true;
			break;
	}
	WriteEvents(w, operand->event, &operand->window, alias);
	if (limit)
	{
		const char *direction = operand->aggregate == AGGREGATE_FIRST ? "" : " DESC";

		appendStringInfo(&w->buf, " AND %s ORDER BY %s.occurred_at%s, %s.message_key%s LIMIT 1",
						 present, alias, direction, alias, direction);
	}
	appendStringInfoChar(&w->buf, ')');
}

/* ---- expressions ---- */

static void
WriteInterest(SqlWriter *w, RuleOperand *operand)
{
	char	   *alias = psprintf("t%d", ++w->aliases);
	char	   *weight = psprintf("%s.weight * power(0.5::float8, extract(epoch FROM %s - %s.occurred_at)::float8 / 86400 / 30)",
								  alias, w->as_of, alias);
	char	   *occurred_at = psprintf("%s.occurred_at", alias);

	appendStringInfo(&w->buf, "(SELECT round((coalesce(sum(%s) FILTER (WHERE %s.topic = %s), 0) / nullif(sum(%s), 0))::numeric, 6) "
					 "FROM cdp.event_topic %s WHERE %s.profile_id = p.profile_id AND %s)",
					 weight, alias, quote_literal_cstr(operand->key), weight, alias, alias,
					 WindowSql(w, &operand->window, occurred_at));
}

/* A jsonb or numeric value as numeric, null when it is no number */
static void
WriteNumber(SqlWriter *w, RuleOperand *operand, const char *event)
{
	check_stack_depth();
	switch (operand->kind)
	{
		case OPERAND_LITERAL:
			appendStringInfo(&w->buf, "'%s'::numeric", operand->literal->text);
			break;
		case OPERAND_ARITHMETIC:
			appendStringInfoChar(&w->buf, '(');
			WriteNumber(w, operand->args[0], event);
			appendStringInfo(&w->buf, " %c %s", operand->op, operand->op == '/' ? "nullif(" : "");
			WriteNumber(w, operand->args[1], event);
			appendStringInfoString(&w->buf, operand->op == '/' ? ", 0))" : ")");
			break;
		case OPERAND_INTEREST:
			WriteInterest(w, operand);
			break;
		case OPERAND_DISTANCE:
			appendStringInfoString(&w->buf, "cdp.distance_km(");
			for (int i = 0; i < 4; i++)
			{
				appendStringInfoString(&w->buf, i > 0 ? ", " : "");
				WriteNumber(w, operand->args[i], event);
				appendStringInfoString(&w->buf, "::float8");
			}
			appendStringInfoString(&w->buf, ")::numeric");
			break;
		default:
			if (OperandClassOf(operand) == CLASS_NUMBER)
			{
				appendStringInfoChar(&w->buf, '(');
				WriteOperand(w, operand, event);
				appendStringInfoString(&w->buf, ")::numeric");
				break;
			}
			appendStringInfoString(&w->buf, "(SELECT CASE WHEN jsonb_typeof(n.x) = 'number' THEN n.x::numeric END FROM (SELECT ");
			WriteOperand(w, operand, event);
			appendStringInfoString(&w->buf, " AS x) n)");
			break;
	}
}

/* The operand as it is: jsonb (class JSON), numeric or timestamptz */
static void
WriteOperand(SqlWriter *w, RuleOperand *operand, const char *event)
{
	if (operand->kind == OPERAND_AGGREGATE)
		WriteAggregate(w, operand);
	else if (IsExpression(operand))
		WriteNumber(w, operand, event);
	else if (operand->kind == OPERAND_ACCOUNT)
		appendStringInfo(&w->buf, "%s.traits -> %s", w->account, quote_literal_cstr(operand->key));
	else if (operand->kind == OPERAND_TRAIT || operand->kind == OPERAND_ANNIVERSARY)
		appendStringInfo(&w->buf, "p.traits -> %s", quote_literal_cstr(operand->key));
	else
		appendStringInfoString(&w->buf, PropertySql(operand, event));
}

/* ---- comparisons ---- */

/* x op value, null when they do not compare; x is jsonb (class JSON), numeric or timestamptz */
static char *
ComparisonSql(SqlWriter *w, OperandClass class, const char *x, const char *op, const RuleLiteral *literal)
{
	char	   *value = LiteralSql(w, literal);

	if (class != CLASS_JSON)
		return psprintf("%s %s %s", x, op, value);
	switch (literal->kind)
	{
		case LITERAL_TEXT:
			return psprintf("CASE WHEN jsonb_typeof(%s) = 'string' THEN (%s #>> '{}') COLLATE \"C\" %s %s END", x, x, op, value);
		case LITERAL_NUMBER:
			return psprintf("CASE WHEN jsonb_typeof(%s) = 'number' THEN %s::numeric %s %s END", x, x, op, value);
		case LITERAL_BOOLEAN:
			return psprintf("CASE WHEN jsonb_typeof(%s) = 'boolean' THEN %s::boolean %s %s END", x, x, op, value);
		case LITERAL_TIME:
			return psprintf("CASE WHEN jsonb_typeof(%s) = 'string' THEN cdp.rule_time(%s #>> '{}', %s) %s %s END",
							x, x, w->zone, op, value);
	}
	return NULL;
}

static void
WriteContains(SqlWriter *w, const char *x, const RuleLiteral *literal)
{
	StringInfoData list;

	initStringInfo(&list);
	if (literal->kind == LITERAL_TEXT)
	{
		appendStringInfoString(&list, "[");
		escape_json(&list, literal->text);
		appendStringInfoString(&list, "]");
	}
	else if (literal->kind == LITERAL_NUMBER)
		appendStringInfo(&list, "[%s]", literal->text);
	else
		appendStringInfo(&list, "[%s]", literal->boolean ? "true" : "false");
	appendStringInfo(&w->buf, "CASE jsonb_typeof(%s) WHEN 'array' THEN %s @> %s::jsonb", x, x,
					 quote_literal_cstr(list.data));
	if (literal->kind == LITERAL_TEXT)
		appendStringInfo(&w->buf, " WHEN 'string' THEN strpos((%s #>> '{}') COLLATE \"C\", %s) > 0", x,
						 quote_literal_cstr(literal->text));
	appendStringInfoString(&w->buf, " END");
}

static void
WriteWithin(SqlWriter *w, OperandClass class, const char *x, RuleNode *node)
{
	char	   *t = class == CLASS_TIME ? pstrdup(x) :
		psprintf("cdp.rule_time(%s #>> '{}', %s)", x, w->zone);

	if (class == CLASS_ANNIVERSARY)
	{
		char	   *today = psprintf("(%s AT TIME ZONE %s)::date", w->as_of, w->zone);
		char	   *birth = psprintf("substr(%s #>> '{}', 1, 10)::date", x);
		char	   *span = node->window.unit == UNIT_MONTH ? psprintf("interval '%d months'", node->window.count) :
			psprintf("interval '%d days'", node->window.count * (node->window.unit == UNIT_WEEK ? 7 : 1));

		appendStringInfo(&w->buf, "CASE WHEN jsonb_typeof(%s) = 'string' AND %s IS NOT NULL THEN EXISTS ("
						 "SELECT FROM generate_series(-2, 2) y WHERE (%s + make_interval(years => "
						 "(extract(year FROM %s) - extract(year FROM %s))::int + y))::date BETWEEN ",
						 x, t, birth, today, birth);
		if (node->window.kind == WINDOW_NEXT)
			appendStringInfo(&w->buf, "%s AND (%s + %s)::date) END", today, today, span);
		else
			appendStringInfo(&w->buf, "(%s - %s)::date AND %s) END", today, span, today);
		return;
	}
	if (class == CLASS_JSON)
		appendStringInfo(&w->buf, "CASE WHEN jsonb_typeof(%s) = 'string' THEN %s END", x,
						 WindowSql(w, &node->window, t));
	else
		appendStringInfoString(&w->buf, WindowSql(w, &node->window, t));
}

static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};

/* The comparison of v.x */
static void
WriteComparison(SqlWriter *w, RuleNode *node, OperandClass class)
{
	const char *x = "v.x";

	if (node->negated)
		appendStringInfoString(&w->buf, "NOT (");
	switch (node->kind)
	{
		case RULE_COMPARE:
			appendStringInfoString(&w->buf, ComparisonSql(w, class, x, operators[node->op], &node->values[0]));
			break;
		case RULE_DISTINCT:
			appendStringInfo(&w->buf, "(%s) IS NOT TRUE", ComparisonSql(w, class, x, "=", &node->values[0]));
			break;
		case RULE_IN:
			for (int i = 0; i < node->nvalues; i++)
				appendStringInfo(&w->buf, "%s(%s)", i > 0 ? " OR " : "",
								 ComparisonSql(w, class, x, "=", &node->values[i]));
			break;
		case RULE_BETWEEN:
			appendStringInfo(&w->buf, "(%s) AND (%s)",
							 ComparisonSql(w, class, x, ">=", &node->values[0]),
							 ComparisonSql(w, class, x, "<=", &node->values[1]));
			break;
		case RULE_LIKE:
			appendStringInfoString(&w->buf, ComparisonSql(w, class, x, "LIKE", &node->values[0]));
			break;
		case RULE_REGEX:
			appendStringInfoString(&w->buf, ComparisonSql(w, class, x, "~", &node->values[0]));
			break;
		case RULE_STARTS:
			appendStringInfo(&w->buf, "CASE WHEN jsonb_typeof(%s) = 'string' THEN starts_with(%s #>> '{}', %s) END", x, x,
							 quote_literal_cstr(node->values[0].text));
			break;
		case RULE_ENDS:
			appendStringInfo(&w->buf, "CASE WHEN jsonb_typeof(%s) = 'string' THEN right(%s #>> '{}', length(%s)) COLLATE \"C\" = %s END",
							 x, x, quote_literal_cstr(node->values[0].text), quote_literal_cstr(node->values[0].text));
			break;
		case RULE_ILIKE:
			appendStringInfo(&w->buf, "CASE WHEN jsonb_typeof(%s) = 'string' THEN "
							 "(%s #>> '{}') COLLATE \"und-x-icu\" ILIKE %s END", x, x,
							 quote_literal_cstr(node->values[0].text));
			break;
		case RULE_IS_NULL:
			appendStringInfo(&w->buf, class == CLASS_JSON ? "coalesce(jsonb_typeof(%s), 'null') = 'null'" : "%s IS NULL", x);
			break;
		case RULE_CONTAINS:
			WriteContains(w, x, &node->values[0]);
			break;
		default:
			WriteWithin(w, class, x, node);
			break;
	}
	if (node->negated)
		appendStringInfoChar(&w->buf, ')');
}

/* (SELECT condition on v.x FROM (SELECT operand AS x) v) */
static void
WritePredicate(SqlWriter *w, RuleNode *node, const char *event)
{
	RuleOperand *operand = node->operand;

	if (node->other)
	{
		appendStringInfoChar(&w->buf, '(');
		WriteNumber(w, operand, event);
		appendStringInfo(&w->buf, " %s ", operators[node->op]);
		WriteNumber(w, node->other, event);
		appendStringInfoChar(&w->buf, ')');
		return;
	}
	appendStringInfoString(&w->buf, "(SELECT ");
	WriteComparison(w, node, OperandClassOf(operand));
	appendStringInfoString(&w->buf, " FROM (SELECT ");
	WriteOperand(w, operand, event);
	appendStringInfoString(&w->buf, " AS x) v)");
}

/* Steps from number i on, each nested in the one before; 'end' is the alias of the last positive one */
static void
WriteSteps(SqlWriter *w, RuleNode *node, int i, const char *end, const char *first)
{
	for (; i < node->nsteps; i++)
	{
		RuleStep   *step = &node->steps[i];
		char	   *alias = psprintf("e%d", ++w->aliases);

		appendStringInfoString(&w->buf, " AND ");
		if (step->negated)
			appendStringInfo(&w->buf, "%s.occurred_at + %s <= %s AND NOT ", end, IntervalSql(&step->window), w->as_of);
		appendStringInfoString(&w->buf, "EXISTS (SELECT");
		WriteEvents(w, step->event, NULL, alias);
		appendStringInfo(&w->buf, " AND (%s.occurred_at, %s.message_key) > (%s.occurred_at, %s.message_key)",
						 alias, alias, end, end);
		if (node->same)
			appendStringInfo(&w->buf, " AND %s = %s", PropertySql(node->same, alias), PropertySql(node->same, first));
		if (step->window.kind != WINDOW_NONE)
			appendStringInfo(&w->buf, " AND %s.occurred_at < %s.occurred_at + %s", alias, end, IntervalSql(&step->window));
		if (step->negated)
		{
			appendStringInfoChar(&w->buf, ')');
			continue;
		}
		WriteSteps(w, node, i + 1, alias, first);
		appendStringInfoChar(&w->buf, ')');
		return;
	}
}

static void
WriteSequence(SqlWriter *w, RuleNode *node)
{
	char	   *alias = psprintf("e%d", ++w->aliases);

	appendStringInfoString(&w->buf, "EXISTS (SELECT");
	WriteEvents(w, node->steps[0].event, &node->window, alias);
	if (node->same)
		appendStringInfo(&w->buf, node->same->kind == OPERAND_REVENUE ? " AND %s IS NOT NULL" : " AND jsonb_typeof(%s) <> 'null'",
						 PropertySql(node->same, alias));
	WriteSteps(w, node, 1, alias, alias);
	appendStringInfoChar(&w->buf, ')');
}

static void
WriteMember(SqlWriter *w, RuleNode *node)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(node->name)};
	MemoryContext caller = CurrentMemoryContext;
	char	   *rule = NULL;
	RuleNode   *tree;
	int32		listed = 0;
	bool		isnull;

	if (++w->segments > MAX_NESTED_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_RECURSION),
				 errmsg("segment \"%s\" refers to itself or is nested too deeply", node->name)));
	SPI_connect();
	SPI_execute_with_args("SELECT rule, segment_id FROM cdp.segment WHERE name = $1", 1, types, values, NULL, true, 1);
	if (SPI_processed == 1)
	{
		rule = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		if (rule != NULL)
			rule = MemoryContextStrdup(caller, rule);
		else
			listed = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	if (listed != 0)
	{
		appendStringInfo(&w->buf,
						 "EXISTS (SELECT FROM cdp.segment_listed l WHERE l.profile_id = p.profile_id "
						 "AND l.segment_id = %d)", listed);
		w->segments--;
		return;
	}
	if (rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CDP_UNKNOWN_NAME),
				 errmsg("unknown segment \"%s\"", node->name)));
	tree = ParseRule(rule, strlen(rule), NULL);
	ExpandRule(w->computed, tree);
	appendStringInfoString(&w->buf, "((");
	WriteNode(w, tree, NULL);
	appendStringInfoString(&w->buf, ") IS TRUE)");
	w->segments--;
}

static void
WriteSample(SqlWriter *w, RuleNode *node)
{
	appendStringInfo(&w->buf,
					 "(SELECT ((get_byte(h, 0)::bigint << 24) | (get_byte(h, 1) << 16) | (get_byte(h, 2) << 8) | get_byte(h, 3)) "
					 "%% 1000000 < '%s'::numeric * 10000 FROM (SELECT sha256(uuid_send(i.identity_key)) AS h "
					 "FROM cdp.profile_identity i WHERE i.profile_id = p.profile_id ORDER BY i.identity_key LIMIT 1) s)",
					 node->values[0].text);
}

/* SQL's own truth over the elements: bool_or passes over null */
static void
WriteQuantified(SqlWriter *w, RuleNode *node, const char *event)
{
	char	   *alias = psprintf("x%d", ++w->aliases);
	bool		all = node->quantifier == QUANTIFIER_ALL;
	bool		any = node->quantifier == QUANTIFIER_ANY;

	appendStringInfoString(&w->buf, "(SELECT CASE WHEN jsonb_typeof(l.x) = 'array' THEN (SELECT CASE WHEN bool_or(");
	appendStringInfo(&w->buf, "%s) THEN %s WHEN bool_or(c.holds IS NULL) THEN NULL ELSE %s END FROM (SELECT (",
					 all ? "NOT c.holds" : "c.holds", any ? "true" : "false", any ? "false" : "true");
	WriteNode(w, node->args[0], alias);
	appendStringInfo(&w->buf, ") AS holds FROM jsonb_array_elements(l.x) %s (value)) c) END FROM (SELECT ", alias);
	WriteOperand(w, node->operand, event);
	appendStringInfoString(&w->buf, " AS x) l)");
}

/*
 * The condition asked of each account that the person belongs to, or of none:
 * the last group call for it did not say that the person left.
 */
static void
WriteAccounts(SqlWriter *w, RuleNode *node)
{
	int			n = ++w->aliases;

	w->account = psprintf("a%d", n);
	appendStringInfoString(&w->buf, "(SELECT CASE WHEN bool_or(c.holds) THEN true WHEN bool_or(c.holds IS NULL) THEN NULL ELSE false END FROM (SELECT (");
	if (node->kind == RULE_ELEMENT)
		WriteQuantified(w, node, NULL);
	else
		WritePredicate(w, node, NULL);
	appendStringInfo(&w->buf, ") AS holds FROM (SELECT 1) one LEFT JOIN (SELECT "
					 "(SELECT cdp.golden_traits(cdp.trait_fragment(t.properties -> 'traits', NULL, t.occurred_at), coalesce(s.priority, 0), '{}') - 'left' "
					 "FROM cdp.event t LEFT JOIN cdp.source s ON s.source_id = t.source_id WHERE t.type = 'group' "
					 "AND cdp.trait_text(t.properties, 'group_id') = m.account_id AND t.occurred_at <= %s) AS traits "
					 "FROM (SELECT DISTINCT ON (1) cdp.trait_text(g.properties, 'group_id') AS account_id, "
					 "coalesce(cdp.trait_boolean(g.properties -> 'traits', 'left'), false) AS has_left "
					 "FROM cdp.event g WHERE g.profile_id = p.profile_id AND g.type = 'group' AND g.occurred_at <= %s "
					 "ORDER BY 1, g.occurred_at DESC, g.message_key DESC) m "
					 "WHERE NOT m.has_left AND m.account_id IS NOT NULL) a%d ON true) c)", w->as_of, w->as_of, n);
}

static void
WriteNode(SqlWriter *w, RuleNode *node, const char *event)
{
	check_stack_depth();
	if (ReadsAccount(node->operand) || ReadsAccount(node->other))
	{
		WriteAccounts(w, node);
		return;
	}
	switch (node->kind)
	{
		case RULE_AND:
		case RULE_OR:
			for (int i = 0; i < node->nargs; i++)
			{
				appendStringInfo(&w->buf, "%s(", i == 0 ? "" : node->kind == RULE_AND ? " AND " : " OR ");
				WriteNode(w, node->args[i], event);
				appendStringInfoChar(&w->buf, ')');
			}
			break;
		case RULE_NOT:
			appendStringInfoString(&w->buf, "NOT (");
			WriteNode(w, node->args[0], event);
			appendStringInfoChar(&w->buf, ')');
			break;
		case RULE_CONSTANT:
			appendStringInfoString(&w->buf, node->boolean ? "true" : "false");
			break;
		case RULE_DID:
			WriteAggregate(w, node->operand);
			appendStringInfoString(&w->buf, " > 0");
			break;
		case RULE_SEQUENCE:
			WriteSequence(w, node);
			break;
		case RULE_MEMBER_OF:
			WriteMember(w, node);
			break;
		case RULE_CONSENTS_TO:
			appendStringInfo(&w->buf,
							 "coalesce((SELECT CASE WHEN p.consent_next_expiry <= %s THEN "
							 "cdp.consents_at(p.profile_id, %s) & (1::bigint << u.purpose_id) <> 0 "
							 "WHEN u.opt_in THEN p.consent_granted & (1::bigint << u.purpose_id) <> 0 "
							 "ELSE p.consent_denied & (1::bigint << u.purpose_id) = 0 END "
							 "FROM cdp.purpose u WHERE u.name = %s), false)",
							 w->as_of, w->as_of, quote_literal_cstr(node->name));
			break;
		case RULE_HAS_IDENTIFIER:
			appendStringInfo(&w->buf,
							 "EXISTS (SELECT FROM cdp.profile_identity i WHERE i.profile_id = p.profile_id "
							 "AND i.type = %s AND i.state = 'active')", quote_literal_cstr(node->name));
			break;
		case RULE_SAMPLE:
			WriteSample(w, node);
			break;
		case RULE_ELEMENT:
			WriteQuantified(w, node, event);
			break;
		default:
			WritePredicate(w, node, event);
			break;
	}
}

static char *
TimeSql(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0 || tm.tm_year < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("as_of is out of range")));
	return psprintf("timestamptz '%04d-%02d-%02d %02d:%02d:%02d.%06d+00'", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

/* segment_sql(rule, as_of, zone) */
Datum
cdp_segment_sql(PG_FUNCTION_ARGS)
{
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));
	SqlWriter	w = {0};
	RuleNode   *tree = SegmentRuleTree(rule);

	w.computed = NewComputedSet(true);
	ExpandRule(w.computed, tree);
	w.as_of = TimeSql(PG_GETARG_TIMESTAMPTZ(1));
	w.zone = quote_literal_cstr(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	initStringInfo(&w.buf);
	appendStringInfoString(&w.buf, "SELECT p.profile_id FROM cdp.profile p "
						   "WHERE p.merged_into IS NULL AND p.erased_at IS NULL AND (");
	WriteNode(&w, tree, NULL);
	appendStringInfoChar(&w.buf, ')');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(w.buf.data, w.buf.len));
}
