/*
 * email.h
 *		E-mail addresses: what was written -> canonical address.
 */
#ifndef CDP_EMAIL_H
#define CDP_EMAIL_H

/* longest canonical address in bytes, and longest input after trimming */
#define EMAIL_CANONICAL_SIZE 254
#define EMAIL_INPUT_SIZE 1024

/*
 * An address as read.  given points into the input: what was written, without
 * white space around it.  canonical is UTF-8, local part "@" domain; both
 * parts are in lower case, the domain is ASCII.
 */
typedef struct EmailAddress
{
	const char *given;
	int			given_len;
	int			canonical_len;
	int			local_len;
	char		canonical[EMAIL_CANONICAL_SIZE];
} EmailAddress;

/*
 * Reads an address (UTF-8, len bytes); false, with the reason as a static
 * text, when it is none.  Nothing stays allocated, and nothing is reported but a
 * failure of ICU itself.
 */
extern bool EmailParse(const char *text, int len, EmailAddress *email, const char **reason);

/* The same; appends the canonical address to canonical, which may hold text already */
extern bool EmailCanonicalize(const char *text, int len, StringInfo canonical, const char **reason);

/*
 * The mailbox that a canonical address leads to, as far as the provider's
 * rules are known: at gmail.com and googlemail.com dots and everything from
 * the first "+" do not count (the rest is not composed again).  Writes at most len bytes to
 * key, returns their number.
 */
extern int	EmailMatchKey(const char *canonical, int len, char *key);

#endif							/* CDP_EMAIL_H */
