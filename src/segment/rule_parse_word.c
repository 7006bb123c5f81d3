/*
 * rule_parse_word.c
 *		What the parser of segment rules reads one by one: words, and values;
 *		its errors and its limits.
 *
 *		value := 'text' | [ + | - ] number | TRUE | FALSE | DATE 'time' | TIMESTAMP 'time'
 *
 * Errors are reported once; afterwards the parser sees only the end of the
 * text, so that every loop stops (soft errors of PostgreSQL 16 and later).
 */
#include "core/core.h"

#include "segment/rule_parse.h"
#include "segment/rule_time.h"

/* ---- errors ---- */

/* Place of a byte in characters, from 1; offsets mostly grow, so counting goes on from the last */
int
CharacterAt(RuleParser *p, int offset)
{
	if (offset < p->counted)
		p->counted = p->characters = 0;
	p->characters += pg_mbstrlen_with_len(p->scanner.source + p->counted, offset - p->counted);
	p->counted = offset;
	return p->characters + 1;
}

static void
Report(RuleParser *p, int sqlstate, char *message, char *detail, const char *hint)
{
	CdpReturnError(p->escontext,,
				   (errcode(sqlstate),
					errmsg("%s", message),
					errdetail("%s", detail),
					hint ? errhint("%s", hint) : 0));
}

void
Refuse(RuleParser *p, int sqlstate, int position, char *message, const char *detail, const char *hint)
{
	char	   *at;

	if (p->failed)
		return;
	p->failed = true;
	if (detail)
		at = psprintf("At character %d: %s.", CharacterAt(p, position), detail);
	else
		at = psprintf("At character %d.", CharacterAt(p, position));
	p->token.kind = p->ahead.kind = TOKEN_END;
	Report(p, sqlstate, message, at, hint);
}

void
Expected(RuleParser *p, const char *what, const char *hint)
{
	int			length = p->token.end - p->token.start;
	char	   *message;

	if (p->failed)
		return;
	if (p->token.kind == TOKEN_BAD)
		what = p->token.complaint;
	else
		what = psprintf("expected %s", what);
	if (p->token.kind == TOKEN_END)
		message = "syntax error at end of rule";
	else
	{
		const char *start = p->scanner.source + p->token.start;

		if (length > 64)
			message = psprintf("syntax error at or near \"%.*s...\"",
							   pg_mbcliplen(start, length, 60), start);
		else
			message = psprintf("syntax error at or near \"%.*s\"", length, start);
	}
	Refuse(p, ERRCODE_SYNTAX_ERROR, p->token.start, message, what, hint);
}

/* ---- words ---- */

void
Advance(RuleParser *p)
{
	if (p->failed)
		return;
	p->token = p->ahead;
	p->ahead = ScanToken(&p->scanner);
	CHECK_FOR_INTERRUPTS();
}

bool
TokenIsWord(RuleParser *p, Token *token, const char *word)
{
	int			length = token->end - token->start;

	return token->kind == TOKEN_WORD && length == strlen(word) &&
		pg_strncasecmp(p->scanner.source + token->start, word, length) == 0;
}

bool
AtWord(RuleParser *p, const char *word)
{
	return TokenIsWord(p, &p->token, word);
}

bool
AheadWord(RuleParser *p, const char *word)
{
	return TokenIsWord(p, &p->ahead, word);
}

static bool
TokenIsSymbol(RuleParser *p, Token *token, char symbol)
{
	return token->kind == TOKEN_SYMBOL && p->scanner.source[token->start] == symbol;
}

bool
AtSymbol(RuleParser *p, char symbol)
{
	return TokenIsSymbol(p, &p->token, symbol);
}

bool
AheadSymbol(RuleParser *p, char symbol)
{
	return TokenIsSymbol(p, &p->ahead, symbol);
}

bool
AcceptWord(RuleParser *p, const char *word)
{
	if (!AtWord(p, word))
		return false;
	Advance(p);
	return true;
}

void
ExpectWord(RuleParser *p, const char *word)
{
	if (!AcceptWord(p, word))
		Expected(p, word, NULL);
}

void
ExpectSymbol(RuleParser *p, char symbol)
{
	if (AtSymbol(p, symbol))
		Advance(p);
	else
		Expected(p, psprintf("\"%c\"", symbol), NULL);
}

char *
ExpectText(RuleParser *p, const char *what)
{
	char	   *text = p->token.text;

	if (p->token.kind != TOKEN_TEXT)
	{
		Expected(p, what, NULL);
		return "";
	}
	Advance(p);
	return text;
}

/* ---- limits ---- */

void
CountNode(RuleParser *p)
{
	if (++p->nodes > RULE_MAX_NODES)
		Refuse(p, ERRCODE_STATEMENT_TOO_COMPLEX, p->token.start, "segment rule is too long",
			   psprintf("a rule has at most %d conditions and values", RULE_MAX_NODES), NULL);
}

void
EnterLevel(RuleParser *p)
{
	check_stack_depth();
	if (++p->depth > RULE_MAX_DEPTH)
		Refuse(p, ERRCODE_STATEMENT_TOO_COMPLEX, p->token.start, "segment rule is nested too deeply",
			   psprintf("parentheses and NOT nest at most %d levels", RULE_MAX_DEPTH), NULL);
}

void
LeaveLevel(RuleParser *p)
{
	p->depth--;
}

RuleNode *
NewNode(RuleParser *p, RuleKind kind, int start)
{
	RuleNode   *node = palloc0(sizeof(RuleNode));

	CountNode(p);
	node->kind = kind;
	node->position = CharacterAt(p, start);
	return node;
}

/* ---- values ---- */

static void
FillNumber(RuleLiteral *literal, const char *digits)
{
	literal->kind = LITERAL_NUMBER;
	literal->number = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
														  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	literal->text = numeric_normalize(literal->number);
	/* so that the value has the scale that is printed */
	literal->number = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(literal->text),
														  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	/* most are small and whole, and compare faster so */
	if (strlen(literal->text) <= 18 && strchr(literal->text, '.') == NULL)
	{
		literal->is_integer = true;
		literal->integer = strtoll(literal->text, NULL, 10);
	}
}

static void
ParseNumber(RuleParser *p, RuleLiteral *literal)
{
	const char *sign = "";
	char	   *digits;
	int			start = p->token.start;
	int			exponent = 0;

	if (AtSymbol(p, '-') || AtSymbol(p, '+'))
	{
		sign = AtSymbol(p, '-') ? "-" : "";
		Advance(p);
		if (p->token.kind != TOKEN_NUMBER)
		{
			Expected(p, "a number", NULL);
			return;
		}
	}
	digits = psprintf("%s%.*s", sign, p->token.end - p->token.start, p->scanner.source + p->token.start);
	if (strpbrk(digits, "eE"))
		exponent = abs((int) strtol(strpbrk(digits, "eE") + 1, NULL, 10));
	if (exponent > RULE_MAX_NUMBER || strlen(digits) > RULE_MAX_NUMBER)
	{
		Refuse(p, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, start, "number in a segment rule is out of range",
			   psprintf("a number has at most %d digits", RULE_MAX_NUMBER), NULL);
		return;
	}
	FillNumber(literal, digits);
	Advance(p);
}

RuleLiteral *
IntegerLiteral(int number)
{
	RuleLiteral *literal = palloc0(sizeof(RuleLiteral));

	FillNumber(literal, psprintf("%d", number));
	literal->length = strlen(literal->text);
	return literal;
}

static void
ParseTimeLiteral(RuleParser *p, RuleLiteral *literal)
{
	bool		is_date = AtWord(p, "DATE");
	TimestampTz ignored;

	Advance(p);
	literal->kind = LITERAL_TIME;
	literal->text = p->token.text;
	if (!ParseIsoTime(p->token.text, strlen(p->token.text), NULL, &ignored) ||
		(is_date && strlen(p->token.text) != 10))
		Refuse(p, ERRCODE_INVALID_DATETIME_FORMAT, p->token.start,
			   psprintf("invalid %s in a segment rule: \"%s\"", is_date ? "date" : "time", p->token.text),
			   is_date ? "expected YYYY-MM-DD" : "expected YYYY-MM-DD HH:MM:SS and perhaps a zone such as +02:00",
			   NULL);
	Advance(p);
}

bool
ParseLiteral(RuleParser *p, RuleLiteral *literal)
{
	memset(literal, 0, sizeof(*literal));
	CountNode(p);
	literal->position = CharacterAt(p, p->token.start);
	if (p->token.kind == TOKEN_TEXT)
	{
		literal->kind = LITERAL_TEXT;
		literal->text = p->token.text;
		Advance(p);
	}
	else if (p->token.kind == TOKEN_NUMBER || AtSymbol(p, '-') || AtSymbol(p, '+'))
		ParseNumber(p, literal);
	else if (AtWord(p, "TRUE") || AtWord(p, "FALSE"))
	{
		literal->kind = LITERAL_BOOLEAN;
		literal->boolean = AtWord(p, "TRUE");
		literal->text = literal->boolean ? "TRUE" : "FALSE";
		Advance(p);
	}
	else if ((AtWord(p, "DATE") || AtWord(p, "TIMESTAMP")) && p->ahead.kind == TOKEN_TEXT)
		ParseTimeLiteral(p, literal);
	else if (AtWord(p, "NULL"))
		Expected(p, "a value", "Nothing equals NULL; use IS NULL or IS NOT NULL.");
	else
		Expected(p, "a value",
				 p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_NAME ?
				 "Text stands in single quotes." : NULL);
	literal->length = literal->text ? strlen(literal->text) : 0;
	return !p->failed;
}
