/*
 * trait_name.h
 *		How the name of a trait becomes canonical.
 *
 * firstName, "First Name" and first-name are one trait: first_name.  Dots part
 * the levels of an object: address.postalCode is address.postal_code.
 */
#ifndef CDP_TRAIT_NAME_H
#define CDP_TRAIT_NAME_H

/* longest name in bytes, as for a column, and the buffer that holds any */
#define TRAIT_NAME_MAX 63
#define TRAIT_NAME_SIZE (TRAIT_NAME_MAX + 1)

/*
 * Writes the canonical form of name (len bytes of the database's encoding, no
 * terminator needed) with a terminating zero to out, whose size must be at
 * least TRAIT_NAME_SIZE.  Returns its length; 0 when no letter, digit or
 * other sign is left.
 */
extern int	TraitNameFold(const char *name, int len, char *out, int outsize);

#endif							/* CDP_TRAIT_NAME_H */
