/*
 * person_name.h
 *		Names of persons: what was written -> canonical name -> how alike two are.
 *
 * A canonical name is what NameFold() gives, its words parted by single blanks:
 * given names first, then the family name, then jr, sr, ii, iii, iv; without
 * titles.  It has at least one word and at most NAME_WORDS.
 */
#ifndef CDP_PERSON_NAME_H
#define CDP_PERSON_NAME_H

#include "identity/similarity.h"

#define NAME_CHARS SIMILARITY_CHARS
#define NAME_WORDS SIMILARITY_TOKENS

/* longest word that is looked at closer than whether it is the same */
#define NAME_WORD_CHARS 32
/* ways to sound that count */
#define NAME_WORD_CODES 8
/* keys of one word: itself, each with one character left out, how it sounds, its start, its initial */
#define NAME_WORD_KEYS (NAME_WORD_CHARS + NAME_WORD_CODES + 3)

typedef enum NameProblem
{
	NAME_IS_GOOD,
	NAME_IS_EMPTY,
	NAME_IS_LONG,
	NAME_HAS_MANY_WORDS
} NameProblem;

/* A value taken apart */
typedef struct NameView
{
	const char *canonical;
	int			len;
	const char *given;
	int			given_len;
} NameView;

typedef struct NameWord
{
	TextToken	token;
	uint32		letters;		/* which letters it has, a bit each; 0 when not known */
	bool		is_particle;	/* von, de, van, der ... */
	double		weight;			/* characters; half as much for a particle */
} NameWord;

extern void ViewPersonName(struct varlena *value, NameView *view);

/* Appends the canonical form of a name in UTF-8 to canonical */
extern NameProblem NameParse(const char *utf8, int len, StringInfo canonical);

/* Words of a canonical name in its order; real_count is the number of those that are no particles */
extern int	NameWords(const char *canonical, int len, NameWord words[NAME_WORDS], int *real_count);

/* From 0 to 1; see name_match.c */
extern double NameSimilarity(const NameView *a, const NameView *b);

/*
 * Keys of a word for an index.  Words that NameSimilarity() can align have a
 * key of the query in common with those of the value.
 */
extern int	NameValueKeys(const NameWord *word, uint32 keys[NAME_WORD_KEYS]);
extern int	NameQueryKeys(const NameWord *word, uint32 keys[NAME_WORD_KEYS]);
extern uint32 NameWordKey(const NameWord *word);

/* A query for names as similar as threshold, by which of its words a value may have */
typedef struct NameQuery
{
	int			count;
	int			real_count;
	double		threshold;
	NameWord	words[NAME_WORDS];
	bool		is_assumed[NAME_WORDS]; /* has no keys: counts as present */
	double		gain[NAME_WORDS];	/* see NameMayMatch() */
} NameQuery;

extern void NameQueryInit(NameQuery *query, const NameView *name, double threshold);

/* False when no value without the words that are not present can be that similar */
extern bool NameMayMatch(const NameQuery *query, const bool present[NAME_WORDS]);

#endif							/* CDP_PERSON_NAME_H */
