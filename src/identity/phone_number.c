/*
 * phone_number.c
 *		Reads and writes phone numbers; the bytes are drawn in phone.c.
 *
 * Reading follows the algorithm of libphonenumber with its metadata (see
 * phone_rules.py), so that both take the same numbers.  Three things differ.
 * A number of more than 15 digits and an extension of more than four are
 * refused, because the value has no room; the plain text after a comma is then
 * mostly a second number anyway.  Decimal digits and blanks of more scripts are
 * read.  And a number is valid or it is no value: there is no "possible".
 *
 * Nothing here knows the backend, so that it can be fuzzed on its own.
 */
#include "core/core.h"

#include "identity/phone.h"
#include "identity/phone_text.h"

typedef struct PhoneRegion
{
	char		name[4];
	uint16		country_code;
	uint16		general;		/* automaton of what has the general shape */
	uint16		idd;			/* program of the international prefix */
	uint16		national_prefix;	/* program of the national prefix */
	const char *transform;		/* what the national prefix becomes; $1, $2 */
	uint32		lengths;		/* bit n: numbers of n digits exist */
	uint32		local_lengths;	/* the same for numbers without area code */
} PhoneRegion;

typedef struct PhoneCountry
{
	uint16		code;
	uint16		first_region;
	uint16		valid;			/* automaton, accepts 1 + place of the region */
} PhoneCountry;

#include "identity/phone_rules.h"

#define MAX_NATIONAL 17
#define MAX_E164 15
#define EXTENSION_BITS 14

/* What has been read so far */
typedef struct PhoneParts
{
	int			country_code;
	PhoneDigits national;
} PhoneParts;

static const char not_valid[] = "No such number exists in the numbering plan of its country.";
const char	phone_no_country[] = "It has no country code, and no region is given.";
static const char unknown_country[] = "The country code is not in use.";

static inline int
RunAutomaton(int state, const char *digits, int n)
{
	for (int i = 0; i < n && state != 0; i++)
		state = phone_state[state][(int) digits[i]];
	return phone_accept[state];
}

/*
 * Runs the program of a prefix over digits.  Returns the length of the match
 * or -1.  saves gets start and end of the groups 1 and 2 at [2] to [5].
 * Programs have no loops; the recursion is as deep as choices are nested.
 */
static int
PrefixRun(int pc, const PhoneDigits *digits, int at, signed char *saves)
{
	for (;;)
	{
		int			argument = phone_program[pc] & 0xfff;

		switch (phone_program[pc] >> 12)
		{
			case 0:				/* one digit of a class */
				if (at >= digits->n || !(argument >> digits->at[at] & 1))
					return -1;
				at++;
				pc++;
				break;
			case 1:				/* first what follows, then the other way */
				{
					signed char before[6];
					int			end;

					memcpy(before, saves, sizeof(before));
					end = PrefixRun(pc + 1, digits, at, saves);
					if (end >= 0)
						return end;
					memcpy(saves, before, sizeof(before));
					pc += argument;
				}
				break;
			case 2:
				pc += argument;
				break;
			case 3:
				saves[argument] = at;
				pc++;
				break;
			case 4:				/* end of the number */
				if (at != digits->n)
					return -1;
				pc++;
				break;
			default:
				return at;
		}
	}
}

static inline void
DropDigits(PhoneDigits *digits, int n)
{
	digits->n -= n;
	memmove(digits->at, digits->at + n, digits->n);
}

static inline bool
HasGeneralShape(const PhoneRegion *region, const PhoneDigits *digits)
{
	return RunAutomaton(region->general, digits->at, digits->n) != 0;
}

/* Puts the digits of a transform rule in place of the first matched ones */
static void
Transform(const char *rule, const PhoneDigits *in, int matched, const signed char *saves,
		  PhoneDigits *out)
{
	out->n = 0;
	for (const char *c = rule; *c && out->n < PHONE_DIGITS; c++)
	{
		int			from;
		int			to;

		if (*c != '$')
		{
			out->at[out->n++] = *c - '0';
			continue;
		}
		c++;
		from = saves[2 * (*c - '0')];
		to = saves[2 * (*c - '0') + 1];
		for (int i = from; i >= 0 && i < to && out->n < PHONE_DIGITS; i++)
			out->at[out->n++] = in->at[i];
	}
	for (int i = matched; i < in->n && out->n < PHONE_DIGITS; i++)
		out->at[out->n++] = in->at[i];
}

/*
 * Takes off the national prefix, and rewrites what the plan of the region
 * rewrites.  A number that has the right shape with the prefix and loses it
 * without keeps it.
 */
static void
StripNationalPrefix(const PhoneRegion *region, PhoneDigits *digits)
{
	signed char saves[6] = {-1, -1, -1, -1, -1, -1};
	PhoneDigits rest;
	int			last_group = 0;
	int			matched;

	if (region->national_prefix == 0 || digits->n == 0)
		return;
	matched = PrefixRun(region->national_prefix, digits, 0, saves);
	if (matched < 0)
		return;
	/* the last group that the pattern has must have taken part */
	if (region->transform[0] != 0)
		last_group = strstr(region->transform, "$2") ? 2 : 1;
	if (last_group > 0 && saves[2 * last_group + 1] > saves[2 * last_group])
		Transform(region->transform, digits, matched, saves, &rest);
	else
	{
		rest = *digits;
		DropDigits(&rest, matched);
	}
	if (HasGeneralShape(region, digits) && !HasGeneralShape(region, &rest))
		return;
	*digits = rest;
}

/* Takes off the calling code; NULL when there is none */
static const PhoneCountry *
TakeCountryCode(PhoneDigits *digits)
{
	int			code = 0;

	for (int n = 0; n < 3 && n < digits->n && digits->at[0] != 0; n++)
	{
		code = code * 10 + digits->at[n];
		if (phone_country_by_code[code] != 0)
		{
			DropDigits(digits, n + 1);
			return &phone_country[phone_country_by_code[code] - 1];
		}
	}
	return NULL;
}

/* The region of that name, in either case; NULL when unknown */
static const PhoneRegion *
FindRegion(const char *name)
{
	int			low = 0;
	int			high = lengthof(phone_region_by_name);
	char		wanted[3];

	if (name == NULL || strlen(name) != 2)
		return NULL;
	for (int i = 0; i < 2; i++)
		wanted[i] = name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i];
	wanted[2] = 0;
	while (low < high)
	{
		int			middle = (low + high) / 2;
		const PhoneRegion *region = &phone_region[phone_region_by_name[middle]];
		int			order = strcmp(wanted, region->name);

		if (order == 0)
			return region;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool
PhoneRegionExists(const char *region)
{
	return FindRegion(region) != NULL;
}

/* Lengths that rule out that a stripped prefix was one */
static bool
IsTooShortOrLocal(const PhoneRegion *region, int n)
{
	uint32		bit = (uint32) 1 << Min(n, 31);

	if (region->local_lengths & bit)
		return true;
	if (region->lengths & bit)
		return false;
	/* longer than all is "too long", which does not count; in between does */
	return (region->lengths >> Min(n, 31)) != 0;
}

static bool
IsTooLong(const PhoneRegion *region, int n)
{
	return n > 31 || (!(region->local_lengths >> n & 1) && region->lengths >> n == 0);
}

/*
 * A number without "+": an international prefix of the region, or the calling
 * code without any, or a national number.  Returns the country, NULL when an
 * international prefix is followed by no country.
 */
static const PhoneCountry *
ReadWithinRegion(const PhoneRegion *region, PhoneDigits *digits, bool *has_code)
{
	const PhoneCountry *country = &phone_country[phone_country_by_code[region->country_code] - 1];
	signed char saves[6] = {-1, -1, -1, -1, -1, -1};
	PhoneDigits rest;
	PhoneDigits stripped;
	int			matched = PrefixRun(region->idd, digits, 0, saves);
	int			code_digits;

	*has_code = true;
	if (matched > 0 && (matched == digits->n || digits->at[matched] != 0))
	{
		DropDigits(digits, matched);
		return digits->n > 2 ? TakeCountryCode(digits) : NULL;
	}
	rest = *digits;
	if (TakeCountryCode(&rest) == country)
	{
		stripped = rest;
		StripNationalPrefix(region, &stripped);
		code_digits = digits->n - rest.n;
		if ((!HasGeneralShape(region, digits) && HasGeneralShape(region, &stripped)) ||
			IsTooLong(region, digits->n))
		{
			DropDigits(digits, code_digits);
			return country;
		}
	}
	*has_code = false;
	return country;
}

/* Finds country and national number; false with the reason when there is none */
static bool
ReadParts(const PhoneText *text, const PhoneRegion *region, PhoneParts *parts, const char **reason)
{
	const PhoneCountry *country = NULL;
	const PhoneRegion *plan = region;
	PhoneDigits digits = text->digits;
	bool		has_code = true;

	if (text->has_plus)
	{
		if (digits.n > 2)
			country = TakeCountryCode(&digits);
		/* "+" before a national number, or before an international prefix */
		if (country == NULL && region != NULL)
			country = ReadWithinRegion(region, &digits, &has_code);
		if (!has_code)
			country = NULL;
	}
	else if (region != NULL)
		country = ReadWithinRegion(region, &digits, &has_code);
	if (country == NULL)
	{
		*reason = text->has_plus || region != NULL ? unknown_country : phone_no_country;
		return false;
	}
	if (has_code)
		plan = &phone_region[country->first_region];
	parts->country_code = country->code;
	parts->national = digits;
	StripNationalPrefix(plan, &parts->national);
	if (IsTooShortOrLocal(plan, parts->national.n))
		parts->national = digits;
	return true;
}

bool
PhoneParse(const char *text, int len, const char *region, uint64 *phone, const char **reason)
{
	PhoneText	written;
	PhoneParts	parts;
	const PhoneCountry *country;
	uint64		number;
	int			code_digits;

	if (!PhoneReadText(text, len, &written, reason) ||
		!ReadParts(&written, FindRegion(region), &parts, reason))
		return false;
	country = &phone_country[phone_country_by_code[parts.country_code] - 1];
	if (parts.national.n < 2 || parts.national.n > MAX_NATIONAL ||
		RunAutomaton(country->valid, parts.national.at, parts.national.n) == 0)
	{
		*reason = not_valid;
		return false;
	}
	number = parts.country_code;
	code_digits = number >= 100 ? 3 : number >= 10 ? 2 : 1;
	if (code_digits + parts.national.n > MAX_E164)
	{
		*reason = "It has more than 15 digits.";
		return false;
	}
	for (int i = 0; i < parts.national.n; i++)
		number = number * 10 + parts.national.at[i];
	*phone = number << EXTENSION_BITS | written.extension;
	return true;
}

int
PhoneFormat(uint64 phone, char out[PHONE_TEXT_SIZE])
{
	int			extension = phone & ((1 << EXTENSION_BITS) - 1);
	uint64		number = phone >> EXTENSION_BITS;
	char		digits[20];
	int			n = 0;
	int			at = 0;

	do
		digits[n++] = '0' + number % 10;
	while ((number /= 10) != 0);
	out[at++] = '+';
	while (n > 0)
		out[at++] = digits[--n];
	if (extension > 0)
	{
		int			width = 1;
		int			count = 10;

		/* past the extensions with fewer digits */
		extension--;
		while (width < PHONE_EXTENSION_DIGITS && extension >= count)
		{
			extension -= count;
			count *= 10;
			width++;
		}
		memcpy(out + at, ";ext=", 5);
		at += 5;
		for (int i = width - 1; i >= 0; i--, extension /= 10)
			out[at + i] = '0' + extension % 10;
		at += width;
	}
	out[at] = 0;
	return at;
}

bool
PhoneCanonicalize(const char *text, int len, const char *region, char out[PHONE_TEXT_SIZE],
				  const char **reason)
{
	uint64		phone;

	if (!PhoneParse(text, len, region, &phone, reason))
		return false;
	PhoneFormat(phone, out);
	return true;
}

uint64
PhoneSubscriber(uint64 phone)
{
	return phone >> EXTENSION_BITS << EXTENSION_BITS;
}

static const PhoneCountry *
PhoneCountryOf(uint64 phone, PhoneDigits *national)
{
	char		text[PHONE_TEXT_SIZE];
	int			n = PhoneFormat(PhoneSubscriber(phone), text);

	for (national->n = 0; national->n + 1 < n; national->n++)
		national->at[national->n] = text[national->n + 1] - '0';
	return TakeCountryCode(national);
}

int
PhoneCountryCode(uint64 phone)
{
	PhoneDigits national;
	const PhoneCountry *country = PhoneCountryOf(phone, &national);

	return country ? country->code : 0;
}

const char *
PhoneRegionName(uint64 phone)
{
	PhoneDigits national;
	const PhoneCountry *country = PhoneCountryOf(phone, &national);
	int			accepted = country ? RunAutomaton(country->valid, national.at, national.n) : 0;

	return accepted ? phone_region[country->first_region + accepted - 1].name : NULL;
}
