/*
 * similarity.h
 *		How alike two texts are: Jaro, Jaro-Winkler, Damerau-Levenshtein, token sets.
 *
 * All work on the characters of UTF-8 texts of at most SIMILARITY_CHARS
 * characters, raise nothing, allocate nothing and keep nothing between calls.
 */
#ifndef CDP_SIMILARITY_H
#define CDP_SIMILARITY_H

#define SIMILARITY_CHARS 1024
#define SIMILARITY_TOKENS 64

/* from 0 (no character in common) to 1 (equal) */
extern double JaroSimilarity(const char *a, int a_len, const char *b, int b_len);
extern double JaroWinklerSimilarity(const char *a, int a_len, const char *b, int b_len);

/*
 * Edits that make one text of the other: a character inserted, deleted or
 * replaced, or two neighbours exchanged, also when edits lie between them
 * ("ca" to "abc": 2).  When it is more than max, max + 1.
 */
extern int	DamerauLevenshtein(const char *a, int a_len, const char *b, int b_len, int max);

typedef struct TextToken
{
	const char *text;
	int			len;			/* bytes */
	int			chars;
} TextToken;

/* Words of a text; -1 when there are more than SIMILARITY_TOKENS */
extern int	SplitTokens(const char *text, int len, TextToken *tokens);

/* order of bytes */
extern int	CompareTokens(const TextToken *a, const TextToken *b);
extern void SortTokens(TextToken *tokens, int count);

/* The best alignment of two lists of tokens, which are sorted on return */
extern double TokenSetSimilarity(TextToken *a, int a_count, TextToken *b, int b_count);

#endif							/* CDP_SIMILARITY_H */
