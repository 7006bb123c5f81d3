/*
 * rule_parse_expression.c
 *		Parser of what a rule compares: traits, properties, metrics, and
 *		arithmetic on them.
 *
 *		expression := term { ('+' | '-') term }
 *		term       := factor { ('*' | '/') factor }
 *		factor     := number | '-' factor | '(' expression ')' | operand
 *		operand    := path | account.path | aggregate | anniversary(path)
 *					| predicted('model') | interest('topic')
 *					| distance(expression, expression, expression, expression)
 *		quantified := any | all | none '(' path ',' condition ')'
 */
#include "core/core.h"

#include "segment/rule_parse.h"

static RuleOperand *ParseFactor(RuleParser *p);

static RuleOperand *
NewOperand(RuleParser *p, OperandKind kind, int start)
{
	RuleOperand *operand = palloc0(sizeof(RuleOperand));

	CountNode(p);
	operand->kind = kind;
	operand->position = CharacterAt(p, start);
	return operand;
}

static void
ParseTraitPath(RuleParser *p, RuleOperand *operand)
{
	StringInfoData key;
	int			start = p->token.start;

	initStringInfo(&key);
	operand->kind = OPERAND_TRAIT;
	if (AtWord(p, "account") && AheadSymbol(p, '.'))
	{
		operand->kind = OPERAND_ACCOUNT;
		Advance(p);
		Advance(p);
		if (p->computed)
			Refuse(p, ERRCODE_FEATURE_NOT_SUPPORTED, start, "a computed trait does not read accounts",
				   "a person may belong to several", NULL);
	}
	for (;;)
	{
		if (p->token.kind == TOKEN_NAME)
			appendStringInfoString(&key, p->token.text);
		else if (p->token.kind == TOKEN_WORD)
			appendBinaryStringInfo(&key, p->scanner.source + p->token.start, p->token.end - p->token.start);
		else
		{
			Expected(p, "a name", NULL);
			break;
		}
		Advance(p);
		if (!AtSymbol(p, '.'))
			break;
		appendStringInfoChar(&key, '.');
		Advance(p);
	}
	operand->key = key.data;
}

static RuleOperand *
ParseDistance(RuleParser *p)
{
	RuleOperand *operand = NewOperand(p, OPERAND_DISTANCE, p->token.start);

	Advance(p);
	ExpectSymbol(p, '(');
	operand->args = palloc0(4 * sizeof(RuleOperand *));
	for (operand->nargs = 0; operand->nargs < 4; operand->nargs++)
	{
		int			start = p->token.start;

		if (operand->nargs > 0)
			ExpectSymbol(p, ',');
		operand->args[operand->nargs] = ParseExpression(p);
		RequireNumber(p, operand->args[operand->nargs], start);
	}
	ExpectSymbol(p, ')');
	return operand;
}

/* The trait that score_model() writes for a model */
static RuleOperand *
ParsePredicted(RuleParser *p)
{
	RuleOperand *operand = NewOperand(p, OPERAND_TRAIT, p->token.start);

	Advance(p);
	ExpectSymbol(p, '(');
	operand->position = CharacterAt(p, p->token.start);
	operand->key = psprintf(PREDICTED_PREFIX "%s", ExpectText(p, "the name of a model in single quotes"));
	ExpectSymbol(p, ')');
	return operand;
}

/* The share of a topic in all that the person was interested in during the last year */
static RuleOperand *
ParseInterest(RuleParser *p)
{
	RuleOperand *operand = NewOperand(p, OPERAND_INTEREST, p->token.start);

	Advance(p);
	ExpectSymbol(p, '(');
	operand->position = CharacterAt(p, p->token.start);
	operand->key = ExpectText(p, "a topic in single quotes");
	operand->window.kind = WINDOW_LAST;
	operand->window.unit = UNIT_YEAR;
	operand->window.count = 1;
	ExpectSymbol(p, ')');
	return operand;
}

/* A trait, property, part of an element, or function */
static RuleOperand *
ParseOperand(RuleParser *p)
{
	RuleOperand *operand;
	AggregateKind aggregate;
	int			start = p->token.start;
	bool		call = p->token.kind == TOKEN_WORD && AheadSymbol(p, '(');

	if (call && AtWord(p, "distance"))
		return ParseDistance(p);
	if (p->in_where)
	{
		if (call)
			Expected(p, p->in_element ? "a part of the element" : "a property of the event", NULL);
		operand = ParseProperty(p);
		if (p->in_element)
		{
			operand->kind = OPERAND_ELEMENT;
			if (strcmp(operand->path[0], "element") == 0)
			{
				operand->path++;
				operand->npath--;
			}
		}
		return operand;
	}
	if (AtAggregate(p, &aggregate))
		return ParseAggregate(p, aggregate);
	if (call && AtWord(p, "predicted"))
		return ParsePredicted(p);
	if (call && AtWord(p, "interest"))
		return ParseInterest(p);
	operand = NewOperand(p, OPERAND_TRAIT, start);
	if (call && AtWord(p, "anniversary"))
	{
		Advance(p);
		Advance(p);
		ParseTraitPath(p, operand);
		if (operand->kind == OPERAND_ACCOUNT)
			Refuse(p, ERRCODE_FEATURE_NOT_SUPPORTED, start, "anniversary() of an account is not supported",
				   "expected a trait of the person", NULL);
		operand->kind = OPERAND_ANNIVERSARY;
		ExpectSymbol(p, ')');
	}
	else if (call)
		Expected(p, "a function of rules (count, sum, avg, min, max, first, last, distinct, did, days_since_last, sequence, "
				 "member_of, consents_to, has_identifier, sample, anniversary, predicted, interest, distance, any, all, none)", NULL);
	else
		ParseTraitPath(p, operand);
	return operand;
}

/* Can it be reckoned with?  Traits and properties count when they are numbers. */
void
RequireNumber(RuleParser *p, RuleOperand *operand, int offset)
{
	StringInfoData buf;

	if (p->failed)
		return;
	initStringInfo(&buf);
	if (operand->kind == OPERAND_AGGREGATE && operand->aggregate == AGGREGATE_DAYS_SINCE_LAST)
		Refuse(p, ERRCODE_FEATURE_NOT_SUPPORTED, offset, "days_since_last() in an expression is not supported",
			   "it compares with numbers only", NULL);
	else if (operand->kind == OPERAND_AGGREGATE && operand->aggregate == AGGREGATE_UNIQUE_LIST)
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, offset, "unique_list() is no number", "expected a number", NULL);
	else if (OperandClassOf(operand) == CLASS_TIME || OperandClassOf(operand) == CLASS_ANNIVERSARY)
	{
		PrintOperand(&buf, operand);
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, offset, psprintf("%s is no number", buf.data), "expected a number", NULL);
	}
}

static RuleOperand *
Combine(RuleParser *p, char op, RuleOperand *left, RuleOperand *right, int start, int middle)
{
	RuleOperand *operand = NewOperand(p, OPERAND_ARITHMETIC, start);

	RequireNumber(p, left, start);
	RequireNumber(p, right, middle);
	operand->op = op;
	operand->nargs = 2;
	operand->args = palloc(2 * sizeof(RuleOperand *));
	operand->args[0] = left;
	operand->args[1] = right;
	return operand;
}

static RuleOperand *
ParseFactor(RuleParser *p)
{
	RuleOperand *operand;
	int			start = p->token.start;

	if (AtSymbol(p, '('))
	{
		EnterLevel(p);
		Advance(p);
		operand = ParseExpression(p);
		ExpectSymbol(p, ')');
		LeaveLevel(p);
		return operand;
	}
	if (p->token.kind == TOKEN_NUMBER ||
		((AtSymbol(p, '-') || AtSymbol(p, '+')) && p->ahead.kind == TOKEN_NUMBER))
	{
		operand = NewOperand(p, OPERAND_LITERAL, start);
		operand->literal = palloc0(sizeof(RuleLiteral));
		ParseLiteral(p, operand->literal);
		return operand;
	}
	if (AtSymbol(p, '-'))
	{
		RuleOperand *zero = NewOperand(p, OPERAND_LITERAL, start);
		int			middle;

		EnterLevel(p);
		zero->literal = IntegerLiteral(0);
		Advance(p);
		middle = p->token.start;
		operand = Combine(p, '-', zero, ParseFactor(p), start, middle);
		LeaveLevel(p);
		return operand;
	}
	if (p->token.kind == TOKEN_NAME ||
		(p->token.kind == TOKEN_WORD &&
		 !IsReservedWord(p->scanner.source + p->token.start, p->token.end - p->token.start)))
		return ParseOperand(p);
	Expected(p, p->token.kind == TOKEN_TEXT ? "a condition, not a text" : "a condition", NULL);
	return NewOperand(p, OPERAND_TRAIT, start);
}

static RuleOperand *
ParseTerm(RuleParser *p)
{
	int			start = p->token.start;
	RuleOperand *left = ParseFactor(p);

	while (AtSymbol(p, '*') || AtSymbol(p, '/'))
	{
		char		op = p->scanner.source[p->token.start];
		int			middle;

		EnterLevel(p);
		Advance(p);
		middle = p->token.start;
		left = Combine(p, op, left, ParseFactor(p), start, middle);
	}
	return left;
}

/* Each operator is a level, for the tree leans to the left */
RuleOperand *
ParseExpression(RuleParser *p)
{
	int			start = p->token.start;
	int			depth = p->depth;
	RuleOperand *left = ParseTerm(p);

	while (AtSymbol(p, '+') || AtSymbol(p, '-'))
	{
		char		op = p->scanner.source[p->token.start];
		int			middle;

		EnterLevel(p);
		Advance(p);
		middle = p->token.start;
		left = Combine(p, op, left, ParseTerm(p), start, middle);
	}
	p->depth = depth;
	return left;
}

/*
 * Does the parenthesis hold an expression and not a condition?  What follows
 * it tells: a condition is followed by AND, OR or an end.
 */
bool
AtExpression(RuleParser *p)
{
	RuleScanner scanner = p->scanner;
	Token		token = {0};
	int			open = 1;

	scanner.at = p->token.end;
	while (open > 0)
	{
		token = ScanToken(&scanner);
		if (token.text)
			pfree(token.text);
		if (token.kind == TOKEN_END || token.kind == TOKEN_BAD)
			return false;
		if (token.kind == TOKEN_SYMBOL)
			open += scanner.source[token.start] == '(' ? 1 : scanner.source[token.start] == ')' ? -1 : 0;
		CHECK_FOR_INTERRUPTS();
	}
	token = ScanToken(&scanner);
	if (token.kind == TOKEN_COMPARISON)
		return true;
	if (token.kind == TOKEN_SYMBOL)
		return strchr("+-*/", scanner.source[token.start]) != NULL;
	/* BETWEEN '2026-01-01' is the window after a condition */
	if (TokenIsWord(p, &token, "BETWEEN"))
		return ScanToken(&scanner).kind != TOKEN_TEXT;
	return TokenIsWord(p, &token, "IN") || TokenIsWord(p, &token, "IS") || TokenIsWord(p, &token, "NOT");
}

/* any(list, condition), all(...), none(...): the condition is on one element */
RuleNode *
ParseQuantified(RuleParser *p)
{
	RuleNode   *node = NewNode(p, RULE_ELEMENT, p->token.start);
	bool		in_where = p->in_where;
	bool		in_element = p->in_element;
	int			start;

	node->quantifier = AtWord(p, "any") ? QUANTIFIER_ANY : AtWord(p, "all") ? QUANTIFIER_ALL : QUANTIFIER_NONE;
	Advance(p);
	ExpectSymbol(p, '(');
	start = p->token.start;
	if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_NAME)
		Expected(p, "a list: the name of a trait or a property", NULL);
	node->operand = ParseOperand(p);
	if (!p->failed && node->operand->kind != OPERAND_TRAIT && node->operand->kind != OPERAND_PROPERTY &&
		node->operand->kind != OPERAND_ELEMENT && node->operand->kind != OPERAND_ACCOUNT)
		Refuse(p, ERRCODE_DATATYPE_MISMATCH, start, "any(), all() and none() look at the elements of a list",
			   "expected the name of a trait or a property", NULL);
	ExpectSymbol(p, ',');
	EnterLevel(p);
	p->in_where = p->in_element = true;
	node->nargs = 1;
	node->args = palloc(sizeof(RuleNode *));
	node->args[0] = ParseCondition(p);
	p->in_where = in_where;
	p->in_element = in_element;
	LeaveLevel(p);
	ExpectSymbol(p, ')');
	return node;
}
