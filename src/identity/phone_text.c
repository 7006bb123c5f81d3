/*
 * phone_text.c
 *		Takes a phone number out of what somebody wrote: digits, "+", extension.
 *
 * The rules are those of libphonenumber.  First every code point becomes one
 * character, so that all scripts look like ASCII; the rest works on these.
 */
#include "core/core.h"

#include "core/text.h"
#include "identity/phone_text.h"

#define MAX_SYMBOLS 250			/* code points of an input */

/*
 * A code point as one character: digits as ASCII, letters in lower case,
 * punctuation that may stand in a number as its ASCII likeness, o with acute
 * and the letters of the Russian label as capitals, 0x7f for the rest.
 */
static char
PhoneSymbol(uint32 c)
{
	/* zeros of the decimal digits of the scripts in modern use */
	static const uint16 zeros[] = {
		0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
		0x0d66, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810, 0x1946, 0xff10
	};

	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	for (int i = 0; i < lengthof(zeros); i++)
	{
		if (c >= zeros[i] && c < zeros[i] + 10)
			return '0' + (c - zeros[i]);
	}
	if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0x30fc || c == 0xff0d)
		return '-';
	if (c == 0xa0 || c == 0xad || (c >= 0x2000 && c <= 0x200b) || c == 0x202f || c == 0x205f ||
		c == 0x2060 || c == 0x3000)
		return ' ';
	if (c == 0xff3b || c == 0xff3d)
		return c == 0xff3b ? '[' : ']';
	if (c == 0x2053 || c == 0x223c)
		return '~';
	if (c >= 0xff01 && c <= 0xff5e)
		return PhoneSymbol(c - 0xff01 + '!');
	switch (c)
	{
		case 0xd3:
		case 0xf3:
			return 'Q';
		case 0x301:
			return 'A';
		case 0x414:
		case 0x434:
			return 'D';
		case 0x41e:
		case 0x43e:
			return 'O';
		case 0x411:
		case 0x431:
			return 'B';
	}
	return 0x7f;
}

static inline bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
IsLetter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* May stand between the digits of a number */
static inline bool
IsPunctuation(char c)
{
	switch (c)
	{
		case '-':
		case ' ':
		case '(':
		case ')':
		case '[':
		case ']':
		case '.':
		case '/':
		case '~':
		case 'x':
			return true;
	}
	return false;
}

/* Fills symbols; -1 when there are too many or the bytes are not UTF-8 */
static int
ReadSymbols(const char *text, int len, char *symbols)
{
	const char *end = text + len;
	int			n = 0;

	while (text < end)
	{
		uint32		c;
		int			width = Utf8Decode(text, end, &c);

		if (width == 0 || n == MAX_SYMBOLS)
			return -1;
		symbols[n++] = PhoneSymbol(c);
		text += width;
	}
	return n;
}

static int
FindSymbols(const char *symbols, int n, const char *wanted)
{
	int			len = strlen(wanted);

	for (int i = 0; i + len <= n; i++)
	{
		if (memcmp(symbols + i, wanted, len) == 0)
			return i;
	}
	return -1;
}

/* A ;phone-context= must be "+" and digits, or a domain */
static bool
ContextIsValid(const char *s, int n)
{
	bool		is_global = n > 0 && s[0] == '+';
	bool		has_digit = false;

	if (n == 0)
		return false;
	for (int i = is_global ? 1 : 0; i < n; i++)
	{
		has_digit |= IsDigit(s[i]);
		if (IsDigit(s[i]) || s[i] == '-' || s[i] == '.')
			continue;
		if (is_global ? s[i] != '(' && s[i] != ')' : !IsLetter(s[i]))
			return false;
	}
	return is_global ? has_digit : IsLetter(s[n - 1]) || s[n - 1] == '.' || IsDigit(s[n - 1]);
}

/*
 * Cuts away what stands around the number: a label, quotes, the parts of a
 * tel: URI that follow it, a second number's start.  Rewrites symbols in
 * place, returns their number, 0 when nothing is left.
 */
static int
ExtractNumber(char *symbols, int n)
{
	int			context = FindSymbols(symbols, n, ";phone-context=");
	int			from = 0;

	if (context >= 0)
	{
		char		copy[MAX_SYMBOLS];
		int			at = context + 15;
		int			end = at;
		int			made = 0;

		while (end < n && symbols[end] != ';')
			end++;
		if (!ContextIsValid(symbols + at, end - at))
			return 0;
		if (symbols[at] == '+')
		{
			memcpy(copy, symbols + at, end - at);
			made = end - at;
		}
		from = FindSymbols(symbols, context, "tel:");
		from = from < 0 ? 0 : from + 4;
		memcpy(copy + made, symbols + from, context - from);
		n = made + context - from;
		memcpy(symbols, copy, n);
	}
	else
	{
		while (from < n && !IsDigit(symbols[from]) && symbols[from] != '+')
			from++;
		while (n > from && !IsDigit(symbols[n - 1]) && !IsLetter(symbols[n - 1]) &&
			   symbols[n - 1] != '#')
			n--;
		n -= from;
		memmove(symbols, symbols + from, n);
		for (int i = 0; i + 1 < n; i++)
		{
			int			next = i + 1;

			if (symbols[i] != '/' && symbols[i] != '\\')
				continue;
			while (next < n && symbols[next] == ' ')
				next++;
			if (next < n && symbols[next] == 'x')
			{
				n = i;
				break;
			}
		}
	}
	from = FindSymbols(symbols, n, ";isub=");
	return from > 0 ? from : n;
}

/* Looks like a number: three digits among punctuation, letters only after them */
static bool
IsViable(const char *s, int n)
{
	int			i = 0;
	int			digits = 0;

	while (i < n && s[i] == '+')
		i++;
	for (; i < n; i++)
	{
		if (IsDigit(s[i]))
			digits++;
		else if (!IsPunctuation(s[i]) && s[i] != '*' && !(digits >= 3 && IsLetter(s[i])))
			return false;
	}
	return digits >= 3;
}

static int
SkipWord(const char *s, int at, int n, const char *word)
{
	int			len = strlen(word);

	return at + len <= n && memcmp(s + at, word, len) == 0 ? at + len : -1;
}

/* A word that announces an extension: its end, or -1 */
static int
SkipExtensionWord(const char *s, int at, int n)
{
	int			end;

	if ((end = SkipWord(s, at, n, "DOB")) >= 0 || (end = SkipWord(s, at, n, "anexo")) >= 0)
		return end;
	if ((end = SkipWord(s, at, n, "ext")) < 0 && (end = SkipWord(s, at, n, "xt")) < 0)
		return -1;
	if (SkipWord(s, end, n, "ensioA") >= 0)
		end += 6;
	else if (SkipWord(s, end, n, "ensio") >= 0 || SkipWord(s, end, n, "ensiQ") >= 0)
		end += 5;
	return end < n && s[end] == 'n' ? end + 1 : end;
}

/* After a label: [:.]? [ \t,-]* and then the digits */
static bool
ReachesDigits(const char *s, int at, int digits)
{
	if (at >= 0 && at < digits && (s[at] == ':' || s[at] == '.'))
		at++;
	while (at >= 0 && at < digits &&
		   (s[at] == ' ' || s[at] == '\t' || s[at] == ',' || s[at] == '-'))
		at++;
	return at == digits;
}

/*
 * Does an extension begin at position at?  Its digits stand from digits to
 * end; a "#" may follow them.
 */
static bool
IsExtension(const char *s, int at, int digits, int end, bool has_suffix)
{
	int			n = end - digits;
	int			i = at;
	bool		has_comma = false;

	if (!has_suffix && SkipWord(s, at, digits, ";ext=") == digits)
		return true;
	while (i < digits && (s[i] == ' ' || s[i] == '\t' || s[i] == ','))
		has_comma |= s[i++] == ',';
	if (ReachesDigits(s, SkipExtensionWord(s, i, digits), digits))
		return true;
	if (i < digits && n <= 9 && (s[i] == 'x' || s[i] == '#' || s[i] == '~') &&
		ReachesDigits(s, i + 1, digits))
		return true;
	if (n <= 9 && ReachesDigits(s, SkipWord(s, i, digits, "int"), digits))
		return true;
	if (n <= 9 && has_comma && ReachesDigits(s, i, digits))
		return true;
	i = at;
	while (i < digits && (s[i] == ' ' || s[i] == '\t'))
		i++;
	if (i < digits && n <= 15 && (s[i] == ';' || SkipWord(s, i, digits, ",,") >= 0) &&
		ReachesDigits(s, i + (s[i] == ';' ? 1 : 2), digits))
		return true;
	/* American style: 555-1234 - 12# */
	i = at;
	while (i < digits && (s[i] == ' ' || s[i] == '-'))
		i++;
	return has_suffix && n <= 6 && i > at && i == digits;
}

/*
 * Takes an extension off the end.  Returns what is left of n; *extension is 0
 * when there is none, -1 when it has more digits than a value can hold.
 */
static int
StripExtension(const char *s, int n, int *extension)
{
	static const int offset[PHONE_EXTENSION_DIGITS + 1] = {0, 1, 11, 111, 1111};
	bool		has_suffix = n > 0 && s[n - 1] == '#';
	bool		has_label = has_suffix;
	int			end = has_suffix ? n - 1 : n;
	int			digits = end;

	*extension = 0;
	while (digits > 0 && IsDigit(s[digits - 1]))
		digits--;
	for (int i = 0; i < digits && !has_label; i++)
		has_label = IsLetter(s[i]) || s[i] == '~' || s[i] == '#' || s[i] == ',' || s[i] == ';' ||
			s[i] == 'D';
	if (!has_label || digits == end || end - digits > 20)
		return n;
	for (int i = 0; i < digits; i++)
	{
		int			value = 0;

		if (!IsExtension(s, i, digits, end, has_suffix))
			continue;
		if (!IsViable(s, i))
			return n;
		if (end - digits > PHONE_EXTENSION_DIGITS)
			*extension = -1;
		else
		{
			for (int d = digits; d < end; d++)
				value = value * 10 + (s[d] - '0');
			*extension = offset[end - digits] + value;
		}
		return i;
	}
	return n;
}

/* The digits; letters too when there are enough of them for a word.  False: too many. */
static bool
ReadDigits(const char *s, int n, PhoneDigits *out)
{
	static const char keypad[] = "22233344455566677778889999";
	int			letters = 0;

	for (int i = 0; i < n; i++)
		letters += IsLetter(s[i]);
	out->n = 0;
	for (int i = 0; i < n; i++)
	{
		char		c = s[i];

		if (letters >= 3 && IsLetter(c))
			c = keypad[c - 'a'];
		if (!IsDigit(c))
			continue;
		if (out->n == PHONE_DIGITS)
			return false;
		out->at[out->n++] = c - '0';
	}
	return true;
}

bool
PhoneReadText(const char *text, int len, PhoneText *out, const char **reason)
{
	char		symbols[MAX_SYMBOLS];
	int			n;

	/* padding does not count against the limit */
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	while (len > 0 && *text == ' ')
	{
		text++;
		len--;
	}
	n = ReadSymbols(text, len, symbols);
	if (n > 0)
		n = ExtractNumber(symbols, n);
	if (n > 0)
		n = StripExtension(symbols, n, &out->extension);
	if (n <= 0 || !IsViable(symbols, n))
		*reason = "It is not written like a phone number.";
	else if (out->extension < 0)
		*reason = "The extension has more than four digits.";
	else if (!ReadDigits(symbols, n, &out->digits))
		*reason = "It has too many digits.";
	else
	{
		out->has_plus = symbols[0] == '+';
		return true;
	}
	return false;
}
