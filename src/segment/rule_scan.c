/*
 * rule_scan.c
 *		Splits the text of a rule into words.
 *
 * Reentrant: all state is in RuleScanner.  Bytes of multi-byte characters are
 * letters; the server has checked the encoding before we see the text.
 */
#include "core/core.h"

#include "segment/rule_scan.h"

static inline bool
IsNameStart(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static inline bool
IsDigit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
IsNamePart(unsigned char c)
{
	return IsNameStart(c) || IsDigit(c) || c == '$';
}

/* Can the name be written without quotes (keywords aside)? */
bool
IsPlainName(const char *text, int length)
{
	if (length == 0 || !IsNameStart(text[0]))
		return false;
	for (int i = 1; i < length; i++)
		if (!IsNamePart(text[i]))
			return false;
	return true;
}

static void
SkipBlanks(RuleScanner *s)
{
	while (s->at < s->length)
	{
		unsigned char c = s->source[s->at];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v')
			s->at++;
		else if (c == '-' && s->at + 1 < s->length && s->source[s->at + 1] == '-')
		{
			while (s->at < s->length && s->source[s->at] != '\n' && s->source[s->at] != '\r')
				s->at++;
		}
		else
			break;
	}
}

/* 'text' or "name": a doubled quote stands for one */
static Token
ScanQuoted(RuleScanner *s, char quote)
{
	Token		token = {.kind = quote == '"' ? TOKEN_NAME : TOKEN_TEXT, .start = s->at};
	char	   *out;
	int			n = 0;
	int			close = s->at + 1;

	while (close < s->length)
	{
		if (s->source[close] == quote)
		{
			if (close + 1 >= s->length || s->source[close + 1] != quote)
				break;
			close++;
		}
		close++;
	}
	if (close >= s->length)
	{
		token.kind = TOKEN_BAD;
		token.end = s->at = s->length;
		token.complaint = quote == '"' ? "the quoted name has no closing quote" :
			"the text has no closing quote";
		return token;
	}
	out = palloc(close - s->at);
	for (int i = s->at + 1; i < close; i++)
	{
		if (s->source[i] == quote)
			i++;
		out[n++] = s->source[i];
	}
	out[n] = '\0';
	token.text = out;
	token.end = s->at = close + 1;
	if (quote == '"' && n == 0)
	{
		token.kind = TOKEN_BAD;
		token.complaint = "a name cannot be empty";
	}
	return token;
}

static void
SkipNumber(RuleScanner *s)
{
	const char *src = s->source;
	int			i = s->at;

	while (i < s->length && IsDigit(src[i]))
		i++;
	if (i < s->length && src[i] == '.')
	{
		i++;
		while (i < s->length && IsDigit(src[i]))
			i++;
	}
	if (i < s->length && (src[i] == 'e' || src[i] == 'E'))
	{
		int			e = i + 1;

		if (e < s->length && (src[e] == '+' || src[e] == '-'))
			e++;
		if (e < s->length && IsDigit(src[e]))
		{
			while (e < s->length && IsDigit(src[e]))
				e++;
			i = e;
		}
	}
	s->at = i;
}

Token
ScanToken(RuleScanner *s)
{
	Token		token = {0};
	unsigned char c;
	unsigned char next;

	SkipBlanks(s);
	token.start = s->at;
	if (s->at >= s->length)
	{
		token.kind = TOKEN_END;
		token.end = s->at;
		return token;
	}
	c = s->source[s->at];
	next = s->at + 1 < s->length ? s->source[s->at + 1] : 0;

	if (c == '\'' || c == '"')
		return ScanQuoted(s, c);
	if (IsNameStart(c))
	{
		while (s->at < s->length && IsNamePart(s->source[s->at]))
			s->at++;
		token.kind = TOKEN_WORD;
	}
	else if (IsDigit(c) || (c == '.' && IsDigit(next)))
	{
		SkipNumber(s);
		token.kind = TOKEN_NUMBER;
		/* 12abc is neither a number nor a name */
		if (s->at < s->length && IsNamePart(s->source[s->at]))
		{
			while (s->at < s->length && IsNamePart(s->source[s->at]))
				s->at++;
			token.kind = TOKEN_BAD;
			token.complaint = "a number cannot be followed by letters, nor a name start with a digit";
		}
	}
	else if (c == '=' || c == '<' || c == '>' || (c == '!' && next == '='))
	{
		s->at += (c == '!' || ((c == '<' || c == '>') && next == '=') || (c == '<' && next == '>')) ? 2 : 1;
		token.kind = TOKEN_COMPARISON;
	}
	else if (c == '~' || (c == '!' && next == '~'))
	{
		s->at += c == '~' ? 1 : 2;
		token.kind = TOKEN_COMPARISON;
	}
	else if (c != '\0' && strchr("(),.+-*/", c) != NULL)
	{
		s->at++;
		token.kind = TOKEN_SYMBOL;
	}
	else
	{
		s->at++;
		token.kind = TOKEN_BAD;
		token.complaint = "no rule has this character outside quotes";
	}
	token.end = s->at;
	return token;
}
