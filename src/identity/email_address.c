/*
 * email_address.c
 *		Reads e-mail addresses; the bytes of a value are drawn in email.c.
 *
 *	1.	White space and byte order marks at both ends are cut off.
 *	2.	The last "@" parts local part and domain.
 *	3.	The local part is a dot-atom (RFC 5322; beside ASCII every character that
 *		is not a control, format, private, unassigned or blank one) or a quoted
 *		string; quotes that are not needed go.  It becomes NFC and lower case by
 *		the full mappings of Unicode, whatever the locale.
 *	4.	The domain becomes ASCII by UTS #46 (nontransitional, STD3, bidi, joiners)
 *		and must then have two labels at least, made of letters, digits and inner
 *		hyphens, the last of them not a number.  No address literal, no dot at the end.
 *	5.	At most 64 bytes before the "@" and 254 in all.
 *
 * Addresses in ASCII never reach ICU.
 */
#include "core/core.h"

#include "core/icu.h"
#include "core/text.h"
#include "identity/email.h"

#define LOCAL_SIZE 64
#define DOMAIN_SIZE 253
#define LABEL_SIZE 63

static const char bad_local[] = "The part before the \"@\" is not valid.";
static const char bad_quoted[] = "The quoted part before the \"@\" is not valid.";
static const char bad_domain[] = "The domain is not valid.";
static const char bad_label[] =
"The labels of the domain must be letters, digits and inner hyphens, at most 63.";
static const char too_long[] = "It has more than 254 bytes.";

/* 1: may stand in an atom; 2: blank */
static const uint8 ascii_class[128] = {
	['\t'] = 2,['\n'] = 2,['\v'] = 2,['\f'] = 2,['\r'] = 2,[' '] = 2,
	['!'] = 1,['#'] = 1,['$'] = 1,['%'] = 1,['&'] = 1,['\''] = 1,['*'] = 1,['+'] = 1,
	['-'] = 1,['/'] = 1,['='] = 1,['?'] = 1,['^'] = 1,['_'] = 1,['`'] = 1,['{'] = 1,
	['|'] = 1,['}'] = 1,['~'] = 1,
	['0'] = 1,['1'] = 1,['2'] = 1,['3'] = 1,['4'] = 1,['5'] = 1,['6'] = 1,['7'] = 1,
	['8'] = 1,['9'] = 1,
	['A'] = 1,['B'] = 1,['C'] = 1,['D'] = 1,['E'] = 1,['F'] = 1,['G'] = 1,['H'] = 1,
	['I'] = 1,['J'] = 1,['K'] = 1,['L'] = 1,['M'] = 1,['N'] = 1,['O'] = 1,['P'] = 1,
	['Q'] = 1,['R'] = 1,['S'] = 1,['T'] = 1,['U'] = 1,['V'] = 1,['W'] = 1,['X'] = 1,
	['Y'] = 1,['Z'] = 1,
	['a'] = 1,['b'] = 1,['c'] = 1,['d'] = 1,['e'] = 1,['f'] = 1,['g'] = 1,['h'] = 1,
	['i'] = 1,['j'] = 1,['k'] = 1,['l'] = 1,['m'] = 1,['n'] = 1,['o'] = 1,['p'] = 1,
	['q'] = 1,['r'] = 1,['s'] = 1,['t'] = 1,['u'] = 1,['v'] = 1,['w'] = 1,['x'] = 1,
	['y'] = 1,['z'] = 1,
};

static inline char
LowerAscii(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool
IsSpace(uint32 c)
{
	return c < 0x80 ? ascii_class[c] == 2 : u_isUWhiteSpace(c);
}

/* White space, or a byte order mark */
static bool
IsTrimmed(uint32 c)
{
	return IsSpace(c) || c == 0xfeff;
}

static void
Trim(const char **text, int *len)
{
	const char *from = *text;
	const char *to = from + *len;
	uint32		c = 0;
	int			n;

	while ((n = Utf8Decode(from, to, &c)) > 0 && IsTrimmed(c))
		from += n;
	while (to > from)
	{
		const char *last = to - 1;

		while (last > from && (*last & 0xc0) == 0x80)
			last--;
		if (Utf8Decode(last, to, &c) != to - last || !IsTrimmed(c))
			break;
		to = last;
	}
	*text = from;
	*len = to - from;
}

/* A character beyond ASCII that may stand in a local part */
static bool
IsLocalCharacter(uint32 c)
{
	switch (u_charType(c))
	{
		case U_UNASSIGNED:
		case U_CONTROL_CHAR:
		case U_FORMAT_CHAR:
		case U_PRIVATE_USE_CHAR:
		case U_SURROGATE:
		case U_SPACE_SEPARATOR:
		case U_LINE_SEPARATOR:
		case U_PARAGRAPH_SEPARATOR:
			return false;
		default:
			return true;
	}
}

static bool
IsDotAtom(const char *s, int len)
{
	const char *end = s + len;
	bool		is_atom = false;	/* inside an atom that is not empty */

	while (s < end)
	{
		uint32		c;
		int			n;

		if (*s == '.')
		{
			if (!is_atom)
				return false;
			is_atom = false;
			s++;
			continue;
		}
		n = Utf8Decode(s, end, &c);
		if (n == 0 || (c < 0x80 ? ascii_class[c] != 1 : !IsLocalCharacter(c)))
			return false;
		is_atom = true;
		s += n;
	}
	return is_atom;
}

/*
 * Content of a quoted string, escapes resolved, into out; -1 when it is not
 * well-formed.  out has room for the input.
 */
static int
Unquote(const char *s, int len, char *out)
{
	const char *end = s + len - 1;
	int			n = 0;

	if (len < 3 || *end != '"')
		return -1;
	for (s++; s < end;)
	{
		uint32		c;
		int			width;

		if (*s == '"')
			return -1;
		if (*s == '\\' && ++s == end)
			return -1;
		width = Utf8Decode(s, end, &c);
		if (width == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return -1;
		memcpy(out + n, s, width);
		n += width;
		s += width;
	}
	return n;
}

/*
 * NFC and lower case, in out of size bytes; returns the length, or -1 when it
 * does not fit.
 */
static int
FoldLocal(const char *s, int len, char *out, int size)
{
	IcuText		given;
	IcuText		composed;
	IcuText		lower;
	IcuText		result;
	int			n;

	if (TextIsAscii(s, len))
	{
		if (len > size)
			return -1;
		for (int i = 0; i < len; i++)
			out[i] = LowerAscii(s[i]);
		return len;
	}
	if (!IcuFromUtf8(&given, s, len))
		return -1;
	IcuNfc(&given, &composed);
	IcuLower(&composed, &lower);
	/* lower case may put marks where they compose again */
	IcuNfc(&lower, &result);
	n = IcuToUtf8(&result, out, size);
	IcuTextFree(&given);
	IcuTextFree(&composed);
	IcuTextFree(&lower);
	IcuTextFree(&result);
	return n;
}

/* Writes the canonical local part to out; returns its length, or -1 with the reason */
static int
ReadLocal(const char *s, int len, char *out, const char **reason)
{
	char		content[EMAIL_INPUT_SIZE];
	char		folded[EMAIL_INPUT_SIZE];
	bool		is_quoted = s[0] == '"';
	int			n;

	*reason = bad_local;
	if (is_quoted)
	{
		*reason = bad_quoted;
		len = Unquote(s, len, content);
		if (len <= 0)
			return -1;
		s = content;
	}
	n = FoldLocal(s, len, folded, sizeof(folded));
	if (n < 0)
		return -1;
	/* what the characters are is asked of the folded form: NFC turns U+037E into ";" */
	if (IsDotAtom(folded, n))
		is_quoted = false;
	else if (!is_quoted)
		return -1;
	*reason = "It has more than 64 bytes before the \"@\".";
	if (n > LOCAL_SIZE)
		return -1;
	if (!is_quoted)
	{
		memcpy(out, folded, n);
		return n;
	}
	len = 0;
	out[len++] = '"';
	for (int i = 0; i < n; i++)
	{
		if (folded[i] == '"' || folded[i] == '\\')
			out[len++] = '\\';
		out[len++] = folded[i];
	}
	out[len++] = '"';
	return len > LOCAL_SIZE ? -1 : len;
}

/* Checks an ASCII domain in lower case */
static bool
CheckLabels(const char *s, int len, const char **reason)
{
	int			labels = 0;
	int			start = 0;
	bool		is_number = true;

	*reason = bad_label;
	for (int i = 0; i <= len; i++)
	{
		if (i < len && s[i] != '.')
		{
			if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-'))
				return false;
			continue;
		}
		if (i == start || i - start > LABEL_SIZE || s[start] == '-' || s[i - 1] == '-')
			return false;
		labels++;
		is_number = true;
		for (int j = start; j < i && is_number; j++)
			is_number = s[j] >= '0' && s[j] <= '9';
		start = i + 1;
	}
	*reason = "The domain has one label only.";
	if (labels < 2)
		return false;
	*reason = "The last label of the domain is a number.";
	if (is_number)
		return false;
	*reason = "The domain has more than 253 bytes.";
	return len <= DOMAIN_SIZE;
}

/* Has the domain a label that begins with xn--, in either case? */
static bool
HasAce(const char *s, int len)
{
	for (int i = 0; i + 4 <= len; i++)
	{
		if ((i == 0 || s[i - 1] == '.') && pg_strncasecmp(s + i, "xn--", 4) == 0)
			return true;
	}
	return false;
}

static int
DomainByIcu(const char *s, int len, char *out, const char **reason)
{
	IcuText		given;
	IcuText		ascii;
	uint32_t	errors;
	int			n = -1;

	*reason = bad_domain;
	if (!IcuFromUtf8(&given, s, len))
		return -1;
	/* since Unicode 15.1 capital sharp s is sharp s, before it was ss: whatever ICU's version */
	for (int i = 0; i < given.len; i++)
	{
		if (given.chars[i] == 0x1e9e)
			given.chars[i] = 0xdf;
	}
	errors = IcuDomainToAscii(&given, &ascii);
	/* hyphens are not checked by UTS #46 here, but by CheckLabels */
	errors &= ~(UIDNA_ERROR_LEADING_HYPHEN | UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4);
	if (errors == 0)
		n = IcuToUtf8(&ascii, out, DOMAIN_SIZE);
	IcuTextFree(&given);
	IcuTextFree(&ascii);
	return n;
}

/* Writes the ASCII domain to out; returns its length, or -1 with the reason */
static int
ReadDomain(const char *s, int len, char *out, const char **reason)
{
	const char *end = s + len;
	int			n = len;

	*reason = "An address literal is not accepted as the domain.";
	if (s[0] == '[')
		return -1;
	*reason = "There is a blank or control character in the domain.";
	for (const char *at = s; at < end;)
	{
		uint32		c = 0;
		int			width = Utf8Decode(at, end, &c);

		if (width == 0 || IsSpace(c) || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return -1;
		at += width;
	}
	if (!TextIsAscii(s, len) || HasAce(s, len))
		n = DomainByIcu(s, len, out, reason);
	else
	{
		*reason = "The domain has more than 253 bytes.";
		if (len > DOMAIN_SIZE)
			return -1;
		for (int i = 0; i < len; i++)
			out[i] = LowerAscii(s[i]);
	}
	if (n < 0 || !CheckLabels(out, n, reason))
		return -1;
	return n;
}

bool
EmailParse(const char *text, int len, EmailAddress *email, const char **reason)
{
	char		local[LOCAL_SIZE * 2 + 2];
	char		domain[DOMAIN_SIZE];
	const char *at;
	int			local_len;
	int			domain_len;

	/* blanks around it are the only reason to read more than this */
	Trim(&text, &len);
	*reason = "It is empty.";
	if (len == 0)
		return false;
	*reason = too_long;
	if (len > EMAIL_INPUT_SIZE)
		return false;
	for (at = text + len - 1; at >= text && *at != '@';)
		at--;
	*reason = "There is no \"@\" in it.";
	if (at < text)
		return false;
	*reason = "There is nothing before the \"@\".";
	if (at == text)
		return false;
	*reason = "There is nothing after the \"@\".";
	if (at == text + len - 1)
		return false;
	local_len = ReadLocal(text, at - text, local, reason);
	if (local_len < 0)
		return false;
	domain_len = ReadDomain(at + 1, text + len - (at + 1), domain, reason);
	if (domain_len < 0)
		return false;
	*reason = too_long;
	if (local_len + 1 + domain_len > EMAIL_CANONICAL_SIZE)
		return false;
	email->given = text;
	email->given_len = len;
	email->local_len = local_len;
	email->canonical_len = local_len + 1 + domain_len;
	memcpy(email->canonical, local, local_len);
	email->canonical[local_len] = '@';
	memcpy(email->canonical + local_len + 1, domain, domain_len);
	return true;
}

bool
EmailCanonicalize(const char *text, int len, StringInfo canonical, const char **reason)
{
	EmailAddress email;

	if (!EmailParse(text, len, &email, reason))
		return false;
	appendBinaryStringInfo(canonical, email.canonical, email.canonical_len);
	return true;
}

static inline bool
EndsWith(const char *s, int len, const char *end)
{
	int			n = strlen(end);

	return len > n && memcmp(s + len - n, end, n) == 0;
}

int
EmailMatchKey(const char *canonical, int len, char *key)
{
	static const char gmail[] = "@gmail.com";
	static const char googlemail[] = "@googlemail.com";
	int			local = 0;
	int			n = 0;

	if (EndsWith(canonical, len, gmail))
		local = len - strlen(gmail);
	else if (EndsWith(canonical, len, googlemail))
		local = len - strlen(googlemail);
	if (local > 0 && canonical[0] != '"')
	{
		for (int i = 0; i < local && canonical[i] != '+'; i++)
		{
			if (canonical[i] != '.')
				key[n++] = canonical[i];
		}
	}
	if (n == 0)
	{
		memcpy(key, canonical, len);
		return len;
	}
	memcpy(key + n, gmail, strlen(gmail));
	return n + strlen(gmail);
}
