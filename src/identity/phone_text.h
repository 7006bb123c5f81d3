/*
 * phone_text.h
 *		Takes a phone number out of what somebody wrote.
 */
#ifndef CDP_PHONE_TEXT_H
#define CDP_PHONE_TEXT_H

#define PHONE_DIGITS 40			/* digits of an input, prefixes included */
#define PHONE_EXTENSION_DIGITS 4

typedef struct PhoneDigits
{
	int			n;
	char		at[PHONE_DIGITS];	/* values 0 to 9 */
} PhoneDigits;

typedef struct PhoneText
{
	bool		has_plus;
	int			extension;		/* as stored in a value, 0: none */
	PhoneDigits digits;
} PhoneText;

/* False, with the reason, when the text (UTF-8) is not written like a number */
extern bool PhoneReadText(const char *text, int len, PhoneText *out, const char **reason);

#endif							/* CDP_PHONE_TEXT_H */
