/*
 * rule_parse_event.c
 *		Parser of what a rule says about events:
 *
 *		aggregate := function '(' event [ '.' path ] [ WHERE condition ] [ window ] ')'
 *		sequence  := sequence '(' step { THEN [NOT] step [ WITHIN n unit ] }
 *					  [ SAME path ] ')' [ WITHIN n unit ]
 *		event     := 'name' | any
 *		window    := WITHIN [LAST|NEXT] n unit | [WITHIN] THIS unit
 *				   | [WITHIN] LAST n CALENDAR unit | SINCE 'time' | AFTER 'time' | BEFORE 'time'
 *				   | BETWEEN 'time' AND 'time'
 */
#include "core/core.h"

#include "segment/rule_parse.h"
#include "segment/rule_time.h"

static const struct
{
	const char *name;
	WindowUnit	unit;
	int64		per_year;		/* for the limit of lengths */
}			units[] = {
	{"MINUTE", UNIT_MINUTE, 525600},
	{"HOUR", UNIT_HOUR, 8760},
	{"DAY", UNIT_DAY, 365},
	{"WEEK", UNIT_WEEK, 52},
	{"MONTH", UNIT_MONTH, 12},
	{"QUARTER", UNIT_QUARTER, 4},
	{"YEAR", UNIT_YEAR, 1},
};

bool
AtAggregate(RuleParser *p, AggregateKind *kind)
{
	if (p->ahead.kind != TOKEN_SYMBOL || p->scanner.source[p->ahead.start] != '(')
		return false;
	if (p->computed && AtWord(p, "unique_count"))
	{
		*kind = AGGREGATE_DISTINCT;
		return true;
	}
	for (AggregateKind k = AGGREGATE_COUNT; k <= (p->computed ? AGGREGATE_UNIQUE_LIST : AGGREGATE_DAYS_SINCE_LAST); k++)
	{
		if (k != AGGREGATE_DID && AtWord(p, AggregateName(k)))
		{
			*kind = k;
			return true;
		}
	}
	return false;
}

/*
 * revenue is event.revenue_base; properties.x and x are the property x, so
 * that properties.revenue is the amount as sent.
 */
RuleOperand *
ParseProperty(RuleParser *p)
{
	RuleOperand *operand = palloc0(sizeof(RuleOperand));
	int			space = 4;

	operand->kind = OPERAND_PROPERTY;
	operand->position = CharacterAt(p, p->token.start);
	operand->path = palloc(space * sizeof(char *));
	for (;;)
	{
		char	   *name;

		if (p->token.kind == TOKEN_NAME)
			name = p->token.text;
		else if (p->token.kind == TOKEN_WORD)
			name = pnstrdup(p->scanner.source + p->token.start, p->token.end - p->token.start);
		else
		{
			Expected(p, "the name of a property", NULL);
			break;
		}
		if (operand->npath == space)
			operand->path = repalloc(operand->path, (space *= 2) * sizeof(char *));
		operand->path[operand->npath++] = name;
		CountNode(p);
		Advance(p);
		if (!AtSymbol(p, '.'))
			break;
		Advance(p);
	}
	if (operand->npath == 1 && strcmp(operand->path[0], "revenue") == 0)
		operand->kind = OPERAND_REVENUE;
	else if (operand->npath > 1 && strcmp(operand->path[0], "properties") == 0)
	{
		operand->path++;
		operand->npath--;
	}
	return operand;
}

/* 'name' [ '.' path ] [ WHERE condition ] */
static RuleEvent *
ParseEvent(RuleParser *p, RuleOperand **value)
{
	RuleEvent  *event = palloc0(sizeof(RuleEvent));

	CountNode(p);
	event->position = CharacterAt(p, p->token.start);
	if (!AcceptWord(p, "any"))
		event->name = ExpectText(p, "the name of an event in single quotes, or any");
	if (AtSymbol(p, '.') && value != NULL)
	{
		Advance(p);
		*value = ParseProperty(p);
	}
	if (AcceptWord(p, "WHERE"))
	{
		EnterLevel(p);
		p->in_where = true;
		event->where = ParseCondition(p);
		p->in_where = false;
		LeaveLevel(p);
	}
	return event;
}

RuleOperand *
ParseAggregate(RuleParser *p, AggregateKind kind)
{
	RuleOperand *operand = palloc0(sizeof(RuleOperand));
	bool		takes_value = kind != AGGREGATE_DID && kind != AGGREGATE_DAYS_SINCE_LAST;
	bool		needs_value = kind == AGGREGATE_SUM || kind == AGGREGATE_AVG || kind == AGGREGATE_MIN ||
		kind == AGGREGATE_MAX || kind == AGGREGATE_DISTINCT || kind == AGGREGATE_MOST_FREQUENT ||
		kind == AGGREGATE_UNIQUE_LIST;

	operand->kind = OPERAND_AGGREGATE;
	operand->position = CharacterAt(p, p->token.start);
	operand->aggregate = kind;
	Advance(p);
	ExpectSymbol(p, '(');
	operand->event = ParseEvent(p, takes_value ? &operand->value : NULL);
	if (needs_value && operand->value == NULL)
		Refuse(p, ERRCODE_SYNTAX_ERROR, p->token.start,
			   psprintf("%s() needs a property of the event", AggregateName(kind)),
			   "expected 'Event'.property", NULL);
	if (AtWindow(p))
	{
		if (kind == AGGREGATE_DAYS_SINCE_LAST)
			Expected(p, "\")\": days_since_last() looks at all time", NULL);
		ParseWindow(p, &operand->window, true);
	}
	if (!AtSymbol(p, ')'))
		Expected(p, operand->event->where ? "AND, OR, a window or \")\"" : "WHERE, a window or \")\"", NULL);
	ExpectSymbol(p, ')');
	return operand;
}

static void
ParseLength(RuleParser *p, RuleWindow *window)
{
	int			start = p->token.start;
	int64		count = 0;

	if (p->token.kind != TOKEN_NUMBER)
	{
		Expected(p, "a number of units", NULL);
		return;
	}
	for (int i = p->token.start; i < p->token.end; i++)
	{
		char		c = p->scanner.source[i];

		if (c < '0' || c > '9')
		{
			Expected(p, "a whole number", NULL);
			return;
		}
		count = Min(count * 10 + (c - '0'), PG_INT32_MAX);
	}
	Advance(p);
	if (AcceptWord(p, "CALENDAR"))
	{
		if (window->kind != WINDOW_LAST)
			Expected(p, "a unit", NULL);
		window->kind = WINDOW_CALENDAR;
	}
	window->count = count;
	for (int i = 0; i < lengthof(units); i++)
	{
		if (AtWord(p, units[i].name) || AtWord(p, psprintf("%sS", units[i].name)))
		{
			window->unit = units[i].unit;
			if (window->kind == WINDOW_CALENDAR && window->unit < UNIT_DAY)
				break;
			if (count < 1 || count > units[i].per_year * RULE_MAX_WINDOW_YEARS)
				Refuse(p, ERRCODE_INVALID_PARAMETER_VALUE, start, "length of a window is out of range",
					   psprintf("expected from 1 unit to %d years", RULE_MAX_WINDOW_YEARS), NULL);
			Advance(p);
			return;
		}
	}
	Expected(p, window->kind == WINDOW_CALENDAR ? "DAYS, WEEKS, MONTHS, QUARTERS or YEARS" :
			 "MINUTES, HOURS, DAYS, WEEKS, MONTHS, QUARTERS or YEARS", NULL);
}

RuleLiteral *
ParseRuleTime(RuleParser *p)
{
	RuleLiteral *literal = palloc0(sizeof(RuleLiteral));
	int			start = p->token.start;
	TimestampTz ignored;

	CountNode(p);
	if ((AtWord(p, "DATE") || AtWord(p, "TIMESTAMP")) && p->ahead.kind == TOKEN_TEXT)
		Advance(p);
	literal->kind = LITERAL_TIME;
	literal->position = CharacterAt(p, start);
	literal->text = ExpectText(p, "a date or a time in single quotes");
	literal->length = strlen(literal->text);
	if (!ParseIsoTime(literal->text, literal->length, NULL, &ignored))
		Refuse(p, ERRCODE_INVALID_DATETIME_FORMAT, start,
			   psprintf("invalid time in a segment rule: \"%s\"", literal->text),
			   "expected YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS and perhaps a zone such as +02:00", NULL);
	return literal;
}

bool
AtWindow(RuleParser *p)
{
	return AtWord(p, "WITHIN") || AtWord(p, "SINCE") || AtWord(p, "BETWEEN") ||
		AtWord(p, "THIS") || AtWord(p, "LAST") || AtWord(p, "BEFORE") || AtWord(p, "AFTER");
}

static void
ParseThis(RuleParser *p, RuleWindow *window)
{
	window->kind = WINDOW_THIS;
	for (int i = 0; i < lengthof(units); i++)
	{
		if (AtWord(p, units[i].name) && units[i].unit >= UNIT_DAY)
		{
			window->unit = units[i].unit;
			window->count = 1;
			Advance(p);
			return;
		}
	}
	Expected(p, "DAY, WEEK, MONTH, QUARTER or YEAR", NULL);
}

/* of_events: a window of the past in an aggregate, else what follows a date */
void
ParseWindow(RuleParser *p, RuleWindow *window, bool of_events)
{
	if (of_events && (AtWord(p, "SINCE") || AtWord(p, "AFTER") || AtWord(p, "BEFORE")))
	{
		window->kind = AtWord(p, "SINCE") ? WINDOW_SINCE : AtWord(p, "AFTER") ? WINDOW_AFTER : WINDOW_BEFORE;
		Advance(p);
		window->low = ParseRuleTime(p);
		return;
	}
	if (of_events && AcceptWord(p, "BETWEEN"))
	{
		window->kind = WINDOW_BETWEEN;
		window->low = ParseRuleTime(p);
		ExpectWord(p, "AND");
		window->high = ParseRuleTime(p);
		return;
	}
	AcceptWord(p, "WITHIN");
	if (AcceptWord(p, "THIS"))
	{
		ParseThis(p, window);
		return;
	}
	if (!of_events && AcceptWord(p, "NEXT"))
		window->kind = WINDOW_NEXT;
	else
	{
		AcceptWord(p, "LAST");
		window->kind = WINDOW_LAST;
	}
	ParseLength(p, window);
}

/* WITHIN n unit between steps: a fixed length */
static void
ParseStepWindow(RuleParser *p, RuleWindow *window)
{
	int			start = p->token.start;

	ParseWindow(p, window, true);
	if (!p->failed && (window->kind != WINDOW_LAST || !WindowIsFixed(window)))
		Refuse(p, ERRCODE_FEATURE_NOT_SUPPORTED, start, "this window between steps is not supported",
			   "steps are apart by MINUTES, HOURS, DAYS or WEEKS", NULL);
}

RuleNode *
ParseSequence(RuleParser *p)
{
	RuleNode   *node = NewNode(p, RULE_SEQUENCE, p->token.start);
	int			space = 4;
	int			start;

	Advance(p);
	ExpectSymbol(p, '(');
	node->steps = palloc0(space * sizeof(RuleStep));
	do
	{
		RuleStep   *step;

		if (node->nsteps == space)
		{
			node->steps = repalloc(node->steps, 2 * space * sizeof(RuleStep));
			memset(node->steps + space, 0, space * sizeof(RuleStep));
			space *= 2;
		}
		step = &node->steps[node->nsteps++];
		start = p->token.start;
		if (node->nsteps > 1)
			step->negated = AcceptWord(p, "NOT");
		step->event = ParseEvent(p, NULL);
		if (node->nsteps > 1 && AtWord(p, "WITHIN"))
			ParseStepWindow(p, &step->window);
		if (step->negated && step->window.kind == WINDOW_NONE)
			Refuse(p, ERRCODE_SYNTAX_ERROR, start, "THEN NOT needs a window",
				   "expected WITHIN and a length after the event", NULL);
	} while (AcceptWord(p, "THEN"));
	if (AcceptWord(p, "SAME"))
		node->same = ParseProperty(p);
	else if (!AtSymbol(p, ')'))
		Expected(p, "THEN, SAME or \")\"", NULL);
	ExpectSymbol(p, ')');
	if (AtWindow(p))
		ParseWindow(p, &node->window, true);
	return node;
}
