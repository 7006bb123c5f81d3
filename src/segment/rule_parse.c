/*
 * rule_parse.c
 *		Parser of segment rules: conditions and comparisons.
 *
 *		condition   := and { OR and }
 *		and         := not { AND not }
 *		not         := NOT not | '(' condition ')' | TRUE | FALSE | predicate
 *		predicate   := operand comparison | did(...) | sequence(...) [window]
 *					 | member_of('..') | consents_to('..') | has_identifier('..') | sample(n)
 *		operand     := see rule_parse_expression.c
 */
#include "core/core.h"

#include "catalog/pg_collation.h"
#include "regex/regex.h"

#include "segment/rule_parse.h"

static RuleNode *ParseAnd(RuleParser *p);
static RuleNode *ParseNot(RuleParser *p);

/* ---- comparisons ---- */

/* May this operand be compared with such a value?  'ordered': not just = <> */
static void
CheckComparable(RuleParser *p, RuleOperand *operand, RuleLiteral *literal, bool ordered, int offset)
{
	OperandClass class = OperandClassOf(operand);
	StringInfoData buf;

	if (p->failed)
		return;
	if (literal->kind == LITERAL_BOOLEAN && ordered)
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, offset, "TRUE and FALSE have no order",
			   "they compare with =, <>, IN and IS DISTINCT FROM", NULL);
	if (class == CLASS_JSON ||
		(class == CLASS_NUMBER && literal->kind == LITERAL_NUMBER) ||
		(class == CLASS_TIME && literal->kind == LITERAL_TIME))
		return;
	initStringInfo(&buf);
	PrintOperand(&buf, operand);
	Refuse(p, ERRCODE_DATATYPE_MISMATCH, offset,
		   psprintf("%s cannot be compared with this value", buf.data),
		   class == CLASS_NUMBER ? "it is a number" :
		   class == CLASS_TIME ? "it is a time, written DATE '2026-01-31' or TIMESTAMP '2026-01-31 12:00:00+01'" :
		   "it compares with WITHIN LAST and WITHIN NEXT", NULL);
}

static void
AddLiteral(RuleParser *p, RuleNode *node, int *space, bool ordered)
{
	int			start = p->token.start;

	if (node->nvalues == *space)
	{
		*space = Max(4, *space * 2);
		node->values = node->values ? repalloc(node->values, *space * sizeof(RuleLiteral)) :
			palloc(*space * sizeof(RuleLiteral));
	}
	if (ParseLiteral(p, &node->values[node->nvalues]))
		CheckComparable(p, node->operand, &node->values[node->nvalues], ordered, start);
	node->nvalues++;
}

static RuleOperator
ComparisonOperator(RuleParser *p)
{
	const char *text = p->scanner.source + p->token.start;

	if (text[0] == '=' || text[0] == '~')
		return OPERATOR_EQ;
	if (text[0] == '!' || (text[0] == '<' && p->token.end - p->token.start == 2 && text[1] == '>'))
		return OPERATOR_NE;
	if (text[0] == '<')
		return p->token.end - p->token.start == 2 ? OPERATOR_LE : OPERATOR_LT;
	return p->token.end - p->token.start == 2 ? OPERATOR_GE : OPERATOR_GT;
}

static void
ParsePattern(RuleParser *p, RuleNode *node)
{
	int			space = 0;
	int			start = p->token.start;
	RuleLiteral *pattern;
	int			backslashes = 0;

	node->kind = AtWord(p, "LIKE") ? RULE_LIKE : RULE_ILIKE;
	Advance(p);
	AddLiteral(p, node, &space, false);
	pattern = &node->values[0];
	if (p->failed)
		return;
	if (OperandClassOf(node->operand) != CLASS_JSON || pattern->kind != LITERAL_TEXT)
	{
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, start, "LIKE and ILIKE compare text with a pattern",
			   "expected text on both sides", NULL);
		return;
	}
	while (backslashes < pattern->length && pattern->text[pattern->length - 1 - backslashes] == '\\')
		backslashes++;
	if (backslashes % 2 == 1)
		Refuse(p, ERRCODE_INVALID_ESCAPE_SEQUENCE, start, "a pattern must not end with a backslash", NULL, NULL);
}

/* ~ 'expression', !~: a regular expression of PostgreSQL */
static void
ParseRegex(RuleParser *p, RuleNode *node)
{
	int			space = 0;
	int			start = p->token.start;
	RuleLiteral *pattern;
	pg_wchar   *wide;
	regex_t		regex;
	int			code;
	char		message[100];

	node->kind = RULE_REGEX;
	node->negated = p->scanner.source[start] == '!';
	Advance(p);
	start = p->token.start;
	AddLiteral(p, node, &space, false);
	if (p->failed)
		return;
	pattern = &node->values[0];
	if (OperandClassOf(node->operand) != CLASS_JSON || pattern->kind != LITERAL_TEXT)
	{
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, start, "~ compares text with a regular expression",
			   "expected text on both sides", NULL);
		return;
	}
	wide = palloc((pattern->length + 1) * sizeof(pg_wchar));
	code = pg_regcomp(&regex, wide, pg_mb2wchar_with_len(pattern->text, wide, pattern->length), REG_ADVANCED,
					  C_COLLATION_OID);
	if (code == REG_OKAY)
		pg_regfree(&regex);
	else
	{
		pg_regerror(code, &regex, message, sizeof(message));
		Refuse(p, ERRCODE_INVALID_REGULAR_EXPRESSION, start,
			   psprintf("invalid regular expression in a segment rule: \"%s\"", pattern->text),
			   pstrdup(message), NULL);
	}
}

/* [NOT] STARTS WITH 'text', ENDS WITH 'text' */
static void
ParseEdge(RuleParser *p, RuleNode *node)
{
	int			space = 0;
	int			start = p->token.start;

	node->kind = AtWord(p, "STARTS") ? RULE_STARTS : RULE_ENDS;
	Advance(p);
	ExpectWord(p, "WITH");
	AddLiteral(p, node, &space, false);
	if (!p->failed && (OperandClassOf(node->operand) != CLASS_JSON || node->values[0].kind != LITERAL_TEXT))
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, start, "STARTS WITH and ENDS WITH compare text",
			   "expected text on both sides", NULL);
}

/* BEFORE 'time', AFTER 'time': < and > with a time */
static void
ParseBefore(RuleParser *p, RuleNode *node)
{
	int			start = p->token.start;

	node->kind = RULE_COMPARE;
	node->op = AtWord(p, "BEFORE") ? OPERATOR_LT : OPERATOR_GT;
	Advance(p);
	node->values = ParseRuleTime(p);
	node->nvalues = 1;
	CheckComparable(p, node->operand, &node->values[0], true, start);
}

/* IS [NOT] NULL, IS [NOT] DISTINCT FROM */
static void
ParseIs(RuleParser *p, RuleNode *node)
{
	int			space = 0;

	ExpectWord(p, "IS");
	node->negated = AcceptWord(p, "NOT");
	if (AcceptWord(p, "NULL"))
		node->kind = RULE_IS_NULL;
	else if (AcceptWord(p, "DISTINCT"))
	{
		ExpectWord(p, "FROM");
		node->kind = RULE_DISTINCT;
		AddLiteral(p, node, &space, false);
	}
	else
		Expected(p, "NULL or DISTINCT FROM", NULL);
	if (node->operand->kind == OPERAND_ANNIVERSARY)
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, p->token.start, "an anniversary compares with WITHIN only", NULL, NULL);
}

static void
ParseWithin(RuleParser *p, RuleNode *node)
{
	OperandClass class = OperandClassOf(node->operand);
	int			start = p->token.start;

	node->kind = RULE_WITHIN;
	if (p->in_where)
	{
		/* else what an event is worth would change with time */
		Refuse(p, ERRCODE_FEATURE_NOT_SUPPORTED, start, "WITHIN is not supported on a property inside WHERE",
			   NULL, NULL);
		return;
	}
	ParseWindow(p, &node->window, false);
	if (p->failed)
		return;
	if (class == CLASS_NUMBER)
	{
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, start, "WITHIN needs a date or a time", "this is a number", NULL);
		return;
	}
	/* a birthday comes every year */
	if (node->operand->kind == OPERAND_TRAIT && strcmp(node->operand->key, "birthday") == 0 &&
		(node->window.kind == WINDOW_LAST || node->window.kind == WINDOW_NEXT))
		node->operand->kind = OPERAND_ANNIVERSARY;
	if (node->operand->kind == OPERAND_ANNIVERSARY)
	{
		if ((node->window.kind != WINDOW_LAST && node->window.kind != WINDOW_NEXT) ||
			(node->window.unit != UNIT_DAY && node->window.unit != UNIT_WEEK && node->window.unit != UNIT_MONTH))
			Refuse(p, ERRCODE_SYNTAX_ERROR, start, "an anniversary is counted in days, weeks or months",
				   "expected WITHIN LAST or NEXT with that unit", NULL);
		else if (node->window.count * (node->window.unit == UNIT_DAY ? 1 :
									   node->window.unit == UNIT_WEEK ? 7 : 30) > 360)
			Refuse(p, ERRCODE_SYNTAX_ERROR, start, "every day has an anniversary within a year",
				   "expected at most 360 days, 51 weeks or 12 months", NULL);
	}
}

/* Does an expression follow, and not just a value? */
static bool
ReckonsNext(RuleParser *p)
{
	if (p->token.kind == TOKEN_NUMBER)
		return AheadSymbol(p, '+') || AheadSymbol(p, '-') || AheadSymbol(p, '*') || AheadSymbol(p, '/');
	if (AtSymbol(p, '-') || AtSymbol(p, '+'))
		return p->ahead.kind != TOKEN_NUMBER;
	if (AtSymbol(p, '('))
		return true;
	return (p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_NAME) && !AtWord(p, "NULL") && !AtWord(p, "TRUE") &&
		!AtWord(p, "FALSE") && !((AtWord(p, "DATE") || AtWord(p, "TIMESTAMP")) && p->ahead.kind == TOKEN_TEXT);
}

/* What follows an operand, which started at node_start */
static void
ParseComparison(RuleParser *p, RuleNode *node, int node_start)
{
	int			space = 0;

	if (p->token.kind == TOKEN_COMPARISON)
	{
		int			start;

		if (strchr("~!", p->scanner.source[p->token.start]) && p->scanner.source[p->token.end - 1] == '~')
		{
			ParseRegex(p, node);
			return;
		}
		node->kind = RULE_COMPARE;
		node->op = ComparisonOperator(p);
		Advance(p);
		start = p->token.start;
		/* a number may be compared with one that is reckoned */
		if (OperandClassOf(node->operand) == CLASS_NUMBER && ReckonsNext(p))
		{
			RequireNumber(p, node->operand, node_start);
			node->other = ParseExpression(p);
			RequireNumber(p, node->other, start);
			return;
		}
		AddLiteral(p, node, &space, node->op != OPERATOR_EQ && node->op != OPERATOR_NE);
		return;
	}
	if (AtWord(p, "IS"))
	{
		ParseIs(p, node);
		return;
	}
	node->negated = AcceptWord(p, "NOT");
	if (AcceptWord(p, "IN"))
	{
		node->kind = RULE_IN;
		ExpectSymbol(p, '(');
		do
		{
			AddLiteral(p, node, &space, false);
			if (!AtSymbol(p, ','))
				break;
			Advance(p);
		} while (!p->failed);
		ExpectSymbol(p, ')');
	}
	else if (AcceptWord(p, "BETWEEN"))
	{
		node->kind = RULE_BETWEEN;
		AddLiteral(p, node, &space, true);
		ExpectWord(p, "AND");
		AddLiteral(p, node, &space, true);
	}
	else if (AtWord(p, "LIKE") || AtWord(p, "ILIKE"))
		ParsePattern(p, node);
	else if (AcceptWord(p, "CONTAINS"))
	{
		node->kind = RULE_CONTAINS;
		AddLiteral(p, node, &space, false);
		if (!p->failed && (OperandClassOf(node->operand) != CLASS_JSON || node->values[0].kind == LITERAL_TIME))
			Refuse(p, ERRCODE_DATATYPE_MISMATCH, p->token.start, "CONTAINS looks into lists and texts",
				   "expected a trait or a property, and a text, a number, TRUE or FALSE", NULL);
	}
	else if (AtWord(p, "STARTS") || AtWord(p, "ENDS"))
		ParseEdge(p, node);
	else if (!node->negated && (AtWord(p, "BEFORE") || AtWord(p, "AFTER")))
		ParseBefore(p, node);
	else if (AtWord(p, "WITHIN") || AtWord(p, "LAST") || AtWord(p, "NEXT") || AtWord(p, "THIS"))
		ParseWithin(p, node);
	else
		Expected(p, "a comparison (=, <>, <, IN, BETWEEN, LIKE, ~, STARTS WITH, IS NULL, CONTAINS, WITHIN, BEFORE ...)", NULL);
}

static RuleNode *
ParseNamed(RuleParser *p, RuleKind kind)
{
	RuleNode   *node = NewNode(p, kind, p->token.start);

	Advance(p);
	ExpectSymbol(p, '(');
	node->position = CharacterAt(p, p->token.start);
	node->name = ExpectText(p, "a name in single quotes");
	ExpectSymbol(p, ')');
	return node;
}

static RuleNode *
ParseSample(RuleParser *p)
{
	RuleNode   *node = NewNode(p, RULE_SAMPLE, p->token.start);
	RuleLiteral *share = palloc0(sizeof(RuleLiteral));
	int			start;
	float8		value;

	Advance(p);
	ExpectSymbol(p, '(');
	start = p->token.start;
	node->values = share;
	node->nvalues = 1;
	if (ParseLiteral(p, share))
	{
		value = share->kind == LITERAL_NUMBER ? atof(share->text) : -1;
		if (value < 0 || value > 100 ||
			(strchr(share->text, '.') && strlen(strchr(share->text, '.')) > 5))
			Refuse(p, ERRCODE_INVALID_PARAMETER_VALUE, start,
				   psprintf("invalid share of profiles: \"%s\"", share->text),
				   "expected a percentage from 0 to 100 with at most four decimals", NULL);
	}
	ExpectSymbol(p, ')');
	return node;
}

static RuleNode *
ParsePredicate(RuleParser *p)
{
	RuleNode   *node;
	int			start;
	bool		call = p->token.kind == TOKEN_WORD && AheadSymbol(p, '(');

	if (call && (AtWord(p, "any") || AtWord(p, "all") || AtWord(p, "none")))
		return ParseQuantified(p);
	if (call && p->in_where && !AtWord(p, "distance"))
	{
		Expected(p, p->in_element ? "a part of the element" : "a property of the event", NULL);
		return NewNode(p, RULE_CONSTANT, p->token.start);
	}
	if (call && AtWord(p, "did"))
	{
		node = NewNode(p, RULE_DID, p->token.start);
		node->operand = ParseAggregate(p, AGGREGATE_DID);
		return node;
	}
	if (call && AtWord(p, "sequence"))
		return ParseSequence(p);
	if (call && AtWord(p, "member_of"))
		return ParseNamed(p, RULE_MEMBER_OF);
	if (call && AtWord(p, "consents_to"))
		return ParseNamed(p, RULE_CONSENTS_TO);
	if (call && AtWord(p, "has_identifier"))
		return ParseNamed(p, RULE_HAS_IDENTIFIER);
	if (call && AtWord(p, "sample"))
		return ParseSample(p);
	start = p->token.start;
	node = NewNode(p, RULE_COMPARE, start);
	node->operand = ParseExpression(p);
	if (!p->failed && node->operand->kind == OPERAND_LITERAL)
		Refuse(p, ERRCODE_SYNTAX_ERROR, start, "a condition starts with what is compared",
			   "expected a trait, a property or a metric before the number", NULL);
	ParseComparison(p, node, start);
	return node;
}

/* ---- AND, OR, NOT ---- */

static void
AddArgument(RuleNode *node, RuleNode *arg, int *space)
{
	int			more = arg->kind == node->kind ? arg->nargs : 1;

	if (node->nargs + more > *space)
	{
		*space = Max(4, 2 * (node->nargs + more));
		node->args = node->args ? repalloc(node->args, *space * sizeof(RuleNode *)) :
			palloc(*space * sizeof(RuleNode *));
	}
	if (arg->kind == node->kind)	/* a AND (b AND c) is a AND b AND c */
	{
		memcpy(node->args + node->nargs, arg->args, arg->nargs * sizeof(RuleNode *));
		node->nargs += arg->nargs;
	}
	else
		node->args[node->nargs++] = arg;
}

static RuleNode *
ParseChain(RuleParser *p, RuleKind kind, const char *word, RuleNode *(*parse) (RuleParser *))
{
	int			start = p->token.start;
	RuleNode   *first = parse(p);
	RuleNode   *node;
	int			space = 0;

	if (!AtWord(p, word))
		return first;
	node = NewNode(p, kind, start);
	AddArgument(node, first, &space);
	while (AcceptWord(p, word))
		AddArgument(node, parse(p), &space);
	return node;
}

static RuleNode *
ParseNot(RuleParser *p)
{
	RuleNode   *node;
	int			start = p->token.start;

	if (AtWord(p, "NOT"))
	{
		EnterLevel(p);
		Advance(p);
		node = NewNode(p, RULE_NOT, start);
		node->nargs = 1;
		node->args = palloc(sizeof(RuleNode *));
		node->args[0] = ParseNot(p);
		LeaveLevel(p);
		return node;
	}
	if (AtSymbol(p, '(') && !AtExpression(p))
	{
		EnterLevel(p);
		Advance(p);
		node = ParseCondition(p);
		ExpectSymbol(p, ')');
		LeaveLevel(p);
		return node;
	}
	if (AtWord(p, "TRUE") || AtWord(p, "FALSE"))
	{
		node = NewNode(p, RULE_CONSTANT, start);
		node->boolean = AtWord(p, "TRUE");
		Advance(p);
		return node;
	}
	return ParsePredicate(p);
}

static RuleNode *
ParseAnd(RuleParser *p)
{
	return ParseChain(p, RULE_AND, "AND", ParseNot);
}

RuleNode *
ParseCondition(RuleParser *p)
{
	return ParseChain(p, RULE_OR, "OR", ParseAnd);
}

/*
 * The tree of a rule; NULL when an error was left in escontext.  The text
 * need not end with a zero byte.
 */
RuleNode *
ParseRule(const char *text, int length, Node *escontext)
{
	RuleParser	p = {.scanner = {text, length, 0}, .escontext = escontext};
	RuleNode   *rule;

	if (length > RULE_MAX_TEXT)
		CdpReturnError(escontext, NULL,
					   (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("segment rule is too long"),
						errdetail("It has %d bytes, %d are allowed.", length, RULE_MAX_TEXT)));
	Advance(&p);
	Advance(&p);
	rule = ParseCondition(&p);
	if (p.token.kind != TOKEN_END)
		Expected(&p, "AND, OR or the end of the rule", NULL);
	return p.failed ? NULL : rule;
}

/* The expression of a computed trait: a metric, or numbers reckoned from metrics */
RuleOperand *
ParseComputed(const char *text, int length)
{
	RuleParser	p = {.scanner = {text, length, 0},.computed = true};
	RuleOperand *operand;

	if (length > RULE_MAX_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("expression of a computed trait is too long"),
				 errdetail("It has %d bytes, %d are allowed.", length, RULE_MAX_TEXT)));
	Advance(&p);
	Advance(&p);
	operand = ParseExpression(&p);
	if (p.token.kind != TOKEN_END)
		Expected(&p, "an operator or the end of the expression", NULL);
	if (operand->kind == OPERAND_AGGREGATE ? operand->aggregate == AGGREGATE_DAYS_SINCE_LAST :
		operand->kind != OPERAND_ARITHMETIC && operand->kind != OPERAND_DISTANCE && operand->kind != OPERAND_INTEREST)
		Refuse(&p, ERRCODE_FEATURE_NOT_SUPPORTED, 0, "this expression of a computed trait is not supported",
			   "expected a metric of events, or arithmetic on metrics", NULL);
	return operand;
}
