/*
 * phonetic.h
 *		How a name sounds: Daitch-Mokotoff codes.
 */
#ifndef CDP_PHONETIC_H
#define CDP_PHONETIC_H

/* a name sounds in at most so many ways; further ones are left out */
#define PHONETIC_CODES 128
#define PHONETIC_DIGITS 6

/*
 * Codes of a name folded with FOLD_PHONETIC (or without: then ą is a), as
 * numbers of six digits, sorted, none twice.  What is no letter from a to z
 * counts for nothing; 0 codes when there is no letter.
 */
extern int	PhoneticCodes(const char *folded, int len, uint32 codes[PHONETIC_CODES]);

#endif							/* CDP_PHONETIC_H */
