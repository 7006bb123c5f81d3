/*
 * rule_print.c
 *		The canonical text of a rule: keywords in capitals, one blank between
 *		words, parentheses only where the tree needs them.
 *
 * Law: parsing what is printed gives the same tree, and printing that gives
 * the same text.
 */
#include "core/core.h"

#include "segment/rule.h"
#include "segment/rule_scan.h"

static const char *const reserved_words[] = {
	"AND", "BETWEEN", "CONTAINS", "FALSE", "ILIKE", "IN", "IS", "LIKE", "NOT",
	"NULL", "OR", "SINCE", "THEN", "TRUE", "WHERE", "WITHIN"
};

static const char *const unit_names[] = {
	"MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"
};

static const char *const operator_names[] = {"=", "<>", "<", "<=", ">", ">="};

bool
IsReservedWord(const char *word, int length)
{
	for (int i = 0; i < lengthof(reserved_words); i++)
		if (strlen(reserved_words[i]) == length && pg_strncasecmp(reserved_words[i], word, length) == 0)
			return true;
	return false;
}

const char *
AggregateName(AggregateKind kind)
{
	static const char *const names[] = {
		"count", "sum", "avg", "min", "max", "first", "last", "distinct", "did", "days_since_last",
		"most_frequent", "unique_list"
	};

	return names[kind];
}

static void
PrintQuoted(StringInfo buf, const char *text, char quote)
{
	appendStringInfoChar(buf, quote);
	for (; *text; text++)
	{
		if (*text == quote)
			appendStringInfoChar(buf, quote);
		appendStringInfoChar(buf, *text);
	}
	appendStringInfoChar(buf, quote);
}

void
PrintText(StringInfo buf, const char *text)
{
	PrintQuoted(buf, text, '\'');
}

/* A trait's key is printed as a path when every part may stand unquoted */
static void
PrintKey(StringInfo buf, const char *key)
{
	const char *part = key;
	/* else it would be taken for a trait of an account */
	bool		plain = pg_strncasecmp(key, ACCOUNT_PREFIX, strlen(ACCOUNT_PREFIX)) != 0;

	while (plain)
	{
		const char *dot = strchr(part, '.');
		int			length = dot ? dot - part : strlen(part);

		plain = IsPlainName(part, length) && !IsReservedWord(part, length);
		if (dot == NULL)
			break;
		part = dot + 1;
	}
	if (plain)
		appendStringInfoString(buf, key);
	else
		PrintQuoted(buf, key, '"');
}

static void
PrintPathName(StringInfo buf, const char *name, int number)
{
	if (number > 0)
		appendStringInfoChar(buf, '.');
	if (IsPlainName(name, strlen(name)) && !IsReservedWord(name, strlen(name)))
		appendStringInfoString(buf, name);
	else
		PrintQuoted(buf, name, '"');
}

static void
PrintPath(StringInfo buf, RuleOperand *operand)
{
	/* else the first name would be taken for something else */
	if ((operand->npath == 1 && strcmp(operand->path[0], "revenue") == 0) ||
		(operand->npath > 1 && strcmp(operand->path[0], "properties") == 0))
		appendStringInfoString(buf, "properties.");
	for (int i = 0; i < operand->npath; i++)
		PrintPathName(buf, operand->path[i], i);
}

static void
PrintLength(StringInfo buf, const RuleWindow *window, const char *calendar)
{
	appendStringInfo(buf, "%d %s%s%s", window->count, calendar, unit_names[window->unit],
					 window->count == 1 ? "" : "S");
}

static void
PrintWindow(StringInfo buf, const RuleWindow *window)
{
	switch (window->kind)
	{
		case WINDOW_NONE:
			break;
		case WINDOW_LAST:
			appendStringInfoString(buf, " WITHIN ");
			PrintLength(buf, window, "");
			break;
		case WINDOW_NEXT:
			appendStringInfoString(buf, " WITHIN NEXT ");
			PrintLength(buf, window, "");
			break;
		case WINDOW_THIS:
			appendStringInfo(buf, " WITHIN THIS %s", unit_names[window->unit]);
			break;
		case WINDOW_CALENDAR:
			appendStringInfoString(buf, " WITHIN LAST ");
			PrintLength(buf, window, "CALENDAR ");
			break;
		case WINDOW_SINCE:
		case WINDOW_AFTER:
		case WINDOW_BEFORE:
			appendStringInfoString(buf, window->kind == WINDOW_SINCE ? " SINCE " :
								   window->kind == WINDOW_AFTER ? " AFTER " : " BEFORE ");
			PrintText(buf, window->low->text);
			break;
		case WINDOW_BETWEEN:
			appendStringInfoString(buf, " BETWEEN ");
			PrintText(buf, window->low->text);
			appendStringInfoString(buf, " AND ");
			PrintText(buf, window->high->text);
			break;
	}
}

void
PrintEvent(StringInfo buf, RuleEvent *event)
{
	if (event->name)
		PrintText(buf, event->name);
	else
		appendStringInfoString(buf, "any");
	if (event->where)
	{
		appendStringInfoString(buf, " WHERE ");
		PrintRuleNode(buf, event->where);
	}
}

static void
PrintAggregate(StringInfo buf, RuleOperand *operand)
{
	appendStringInfo(buf, "%s(", AggregateName(operand->aggregate));
	if (operand->event->name)
		PrintText(buf, operand->event->name);
	else
		appendStringInfoString(buf, "any");
	if (operand->value)
	{
		appendStringInfoChar(buf, '.');
		PrintOperand(buf, operand->value);
	}
	if (operand->event->where)
	{
		appendStringInfoString(buf, " WHERE ");
		PrintRuleNode(buf, operand->event->where);
	}
	PrintWindow(buf, &operand->window);
	appendStringInfoChar(buf, ')');
}

/* + and - bind weaker than * and /, each from the left */
static void
PrintArithmetic(StringInfo buf, RuleOperand *operand)
{
	bool		product = operand->op == '*' || operand->op == '/';

	for (int i = 0; i < 2; i++)
	{
		RuleOperand *arg = operand->args[i];
		bool		parens = arg->kind == OPERAND_ARITHMETIC && arg->alias == NULL &&
			(i == 1 ? (product || arg->op == '+' || arg->op == '-') : (product && (arg->op == '+' || arg->op == '-')));

		if (i == 1)
			appendStringInfo(buf, " %c ", operand->op);
		if (parens)
			appendStringInfoChar(buf, '(');
		PrintOperand(buf, arg);
		if (parens)
			appendStringInfoChar(buf, ')');
	}
}

static void
PrintElementPart(StringInfo buf, RuleOperand *operand)
{
	/* else the first name would be taken for something else */
	if (operand->npath == 0 || strcmp(operand->path[0], "element") == 0 || strcmp(operand->path[0], "properties") == 0)
		appendStringInfoString(buf, operand->npath == 0 ? "element" : "element.");
	for (int i = 0; i < operand->npath; i++)
		PrintPathName(buf, operand->path[i], i);
}

void
PrintOperand(StringInfo buf, RuleOperand *operand)
{
	check_stack_depth();
	if (operand->alias)
	{
		PrintKey(buf, operand->alias);
		return;
	}
	switch (operand->kind)
	{
		case OPERAND_TRAIT:
			if (strncmp(operand->key, PREDICTED_PREFIX, strlen(PREDICTED_PREFIX)) == 0)
			{
				appendStringInfoString(buf, "predicted(");
				PrintText(buf, operand->key + strlen(PREDICTED_PREFIX));
				appendStringInfoChar(buf, ')');
			}
			else
				PrintKey(buf, operand->key);
			break;
		case OPERAND_ACCOUNT:
			appendStringInfoString(buf, ACCOUNT_PREFIX);
			PrintKey(buf, operand->key);
			break;
		case OPERAND_INTEREST:
			appendStringInfoString(buf, "interest(");
			PrintText(buf, operand->key);
			appendStringInfoChar(buf, ')');
			break;
		case OPERAND_ELEMENT:
			PrintElementPart(buf, operand);
			break;
		case OPERAND_LITERAL:
			appendStringInfoString(buf, operand->literal->text);
			break;
		case OPERAND_ARITHMETIC:
			PrintArithmetic(buf, operand);
			break;
		case OPERAND_DISTANCE:
			appendStringInfoString(buf, "distance(");
			for (int i = 0; i < operand->nargs; i++)
			{
				if (i > 0)
					appendStringInfoString(buf, ", ");
				PrintOperand(buf, operand->args[i]);
			}
			appendStringInfoChar(buf, ')');
			break;
		case OPERAND_ANNIVERSARY:
			appendStringInfoString(buf, "anniversary(");
			PrintKey(buf, operand->key);
			appendStringInfoChar(buf, ')');
			break;
		case OPERAND_PROPERTY:
			PrintPath(buf, operand);
			break;
		case OPERAND_REVENUE:
			appendStringInfoString(buf, "revenue");
			break;
		case OPERAND_AGGREGATE:
			PrintAggregate(buf, operand);
			break;
	}
}

static void
PrintLiteral(StringInfo buf, RuleLiteral *literal)
{
	switch (literal->kind)
	{
		case LITERAL_TEXT:
			PrintText(buf, literal->text);
			break;
		case LITERAL_TIME:
			appendStringInfoString(buf, strlen(literal->text) == 10 ? "DATE " : "TIMESTAMP ");
			PrintText(buf, literal->text);
			break;
		default:
			appendStringInfoString(buf, literal->text);
			break;
	}
}

static void
PrintSequence(StringInfo buf, RuleNode *node)
{
	appendStringInfoString(buf, "sequence(");
	for (int i = 0; i < node->nsteps; i++)
	{
		RuleStep   *step = &node->steps[i];

		if (i > 0)
			appendStringInfoString(buf, step->negated ? " THEN NOT " : " THEN ");
		PrintEvent(buf, step->event);
		PrintWindow(buf, &step->window);
	}
	if (node->same)
	{
		appendStringInfoString(buf, " SAME ");
		PrintOperand(buf, node->same);
	}
	appendStringInfoChar(buf, ')');
	PrintWindow(buf, &node->window);
}

static void
PrintComparison(StringInfo buf, RuleNode *node)
{
	const char *not = node->negated ? " NOT" : "";

	PrintOperand(buf, node->operand);
	switch (node->kind)
	{
		case RULE_COMPARE:
			appendStringInfo(buf, " %s ", operator_names[node->op]);
			if (node->other)
				PrintOperand(buf, node->other);
			else
				PrintLiteral(buf, &node->values[0]);
			break;
		case RULE_REGEX:
			appendStringInfoString(buf, node->negated ? " !~ " : " ~ ");
			PrintLiteral(buf, &node->values[0]);
			break;
		case RULE_STARTS:
		case RULE_ENDS:
			appendStringInfo(buf, "%s %s WITH ", not, node->kind == RULE_STARTS ? "STARTS" : "ENDS");
			PrintLiteral(buf, &node->values[0]);
			break;
		case RULE_DISTINCT:
			appendStringInfo(buf, " IS%s DISTINCT FROM ", not);
			PrintLiteral(buf, &node->values[0]);
			break;
		case RULE_IN:
			appendStringInfo(buf, "%s IN (", not);
			for (int i = 0; i < node->nvalues; i++)
			{
				if (i > 0)
					appendStringInfoString(buf, ", ");
				PrintLiteral(buf, &node->values[i]);
			}
			appendStringInfoChar(buf, ')');
			break;
		case RULE_BETWEEN:
			appendStringInfo(buf, "%s BETWEEN ", not);
			PrintLiteral(buf, &node->values[0]);
			appendStringInfoString(buf, " AND ");
			PrintLiteral(buf, &node->values[1]);
			break;
		case RULE_LIKE:
		case RULE_ILIKE:
		case RULE_CONTAINS:
			appendStringInfo(buf, "%s %s ", not, node->kind == RULE_LIKE ? "LIKE" :
							 node->kind == RULE_ILIKE ? "ILIKE" : "CONTAINS");
			PrintLiteral(buf, &node->values[0]);
			break;
		case RULE_IS_NULL:
			appendStringInfo(buf, " IS%s NULL", not);
			break;
		default:				/* RULE_WITHIN */
			appendStringInfoString(buf, not);
			PrintWindow(buf, &node->window);
			break;
	}
}

static void
PrintArgument(StringInfo buf, RuleNode *parent, RuleNode *node)
{
	/* OR binds weaker than AND, both weaker than NOT */
	bool		parens = node->kind == RULE_OR || (node->kind == RULE_AND && parent->kind == RULE_NOT);

	if (parens)
		appendStringInfoChar(buf, '(');
	PrintRuleNode(buf, node);
	if (parens)
		appendStringInfoChar(buf, ')');
}

void
PrintRuleNode(StringInfo buf, RuleNode *node)
{
	check_stack_depth();
	switch (node->kind)
	{
		case RULE_AND:
		case RULE_OR:
			for (int i = 0; i < node->nargs; i++)
			{
				if (i > 0)
					appendStringInfoString(buf, node->kind == RULE_AND ? " AND " : " OR ");
				PrintArgument(buf, node, node->args[i]);
			}
			break;
		case RULE_NOT:
			appendStringInfoString(buf, "NOT ");
			PrintArgument(buf, node, node->args[0]);
			break;
		case RULE_CONSTANT:
			appendStringInfoString(buf, node->boolean ? "TRUE" : "FALSE");
			break;
		case RULE_DID:
			PrintOperand(buf, node->operand);
			break;
		case RULE_SEQUENCE:
			PrintSequence(buf, node);
			break;
		case RULE_MEMBER_OF:
		case RULE_CONSENTS_TO:
		case RULE_HAS_IDENTIFIER:
			appendStringInfoString(buf, node->kind == RULE_MEMBER_OF ? "member_of(" :
								   node->kind == RULE_CONSENTS_TO ? "consents_to(" : "has_identifier(");
			PrintText(buf, node->name);
			appendStringInfoChar(buf, ')');
			break;
		case RULE_LISTED:
			appendStringInfoString(buf, node->name);
			break;
		case RULE_ELEMENT:
			appendStringInfoString(buf, node->quantifier == QUANTIFIER_ANY ? "any(" :
								   node->quantifier == QUANTIFIER_ALL ? "all(" : "none(");
			PrintOperand(buf, node->operand);
			appendStringInfoString(buf, ", ");
			PrintRuleNode(buf, node->args[0]);
			appendStringInfoChar(buf, ')');
			break;
		case RULE_SAMPLE:
			appendStringInfo(buf, "sample(%s)", node->values[0].text);
			break;
		default:
			PrintComparison(buf, node);
			break;
	}
}

char *
PrintRule(RuleNode *rule)
{
	StringInfoData buf;

	initStringInfo(&buf);
	PrintRuleNode(&buf, rule);
	return buf.data;
}
