/*
 * name_fold.h
 *		Names without what spelling varies in: case, marks, punctuation.
 */
#ifndef CDP_NAME_FOLD_H
#define CDP_NAME_FOLD_H

/* ä ö ü are ae oe ue instead of a o u */
#define FOLD_GERMAN 1
/* Polish ą ę and Romanian ţ ț, which have codes of their own, become these */
#define FOLD_PHONETIC 2
#define PHONETIC_A_OGONEK '\001'
#define PHONETIC_E_OGONEK '\002'
#define PHONETIC_T_CEDILLA '\003'

/*
 * Appends the folded name to out, whose text of before counts for nothing.
 * UTF-8 in, UTF-8 out: lower-case letters and digits, words parted by one
 * blank.  Latin, Greek and Cyrillic letters become a to z; other scripts keep
 * theirs.  Raises 22021 when the bytes are no UTF-8, and what ICU reports.
 */
extern void NameFold(const char *utf8, int len, int flags, StringInfo out);

#endif							/* CDP_NAME_FOLD_H */
