/*
 * name_match.c
 *		How alike two names of persons are, and the keys that find them.
 *
 * Words of one name are aligned with words of the other, whatever their order:
 * equal ones first, then the most similar pair left, and so on.  Two words can
 * be aligned when
 *
 *		they are equal										similarity 1
 *		one is the initial of the other						0.9
 *		they are one edit apart, of three letters or more	Jaro-Winkler, at least 0.85
 *		they sound alike (Daitch-Mokotoff) and at most one
 *		letter in three is edited							Jaro-Winkler, at least 0.9
 *		they are two edits apart, of six letters or more,
 *		and the first four are the same						Jaro-Winkler
 *
 * Each of these leaves a key in common, so an index that has the keys misses no
 * name: the word, the word with any one character left out, its codes, its
 * start, and the initial of a word for names that have no more of it.
 *
 * The similarity of the names is the mean of these, a word weighing as many as
 * it has characters: a particle (von, de) half of that, an initial and its
 * word 1 each; a word without a partner counts as 0.  Names that have all words
 * of each other but for further ones (a second given name) have these count
 * half.  One word in common is not enough where a name has two: half of the
 * similarity is left then.
 */
#include "core/core.h"

#include "common/hashfn.h"

#include "identity/person_name.h"
#include "identity/phonetic.h"
#include "identity/short_text.h"

/* words of so many characters also by their first few; by the last ones half of Poland is alike */
#define STARTED_CHARS 6
#define START_CHARS 4

#define INITIAL_SIMILARITY 0.9
#define SOUND_SIMILARITY 0.9
/* a short word with one edit is hardly similar by Jaro-Winkler: "sam", "sma" */
#define ONE_EDIT_SIMILARITY 0.85

/* seeds of the keys' hashes */
#define KEY_WORD 1
#define KEY_SOUND 2
#define KEY_START 3

/* A particle is another word than the same letters in a name of particles only */
static inline bool
IsSameWord(const NameWord *a, const NameWord *b)
{
	return a->is_particle == b->is_particle && a->token.len == b->token.len && memcmp(a->token.text, b->token.text, a->token.len) == 0;
}

/* Bytes of the first character */
static inline int
FirstCharLength(const NameWord *word)
{
	int			len = 1;

	while (len < word->token.len && (word->token.text[len] & 0xc0) == 0x80)
		len++;
	return len;
}

static bool
IsInitialOf(const NameWord *initial, const NameWord *word)
{
	return initial->token.chars == 1 && word->token.len >= initial->token.len &&
		memcmp(initial->token.text, word->token.text, initial->token.len) == 0;
}

static int
WordCodes(const NameWord *word, uint32 codes[PHONETIC_CODES])
{
	return Min(PhoneticCodes(word->token.text, word->token.len, codes), NAME_WORD_CODES);
}

static bool
SoundAlike(const NameWord *a, const NameWord *b)
{
	uint32		a_codes[PHONETIC_CODES];
	uint32		b_codes[PHONETIC_CODES];
	int			a_count = WordCodes(a, a_codes);
	int			b_count = WordCodes(b, b_codes);

	for (int i = 0, j = 0; i < a_count && j < b_count;)
	{
		if (a_codes[i] == b_codes[j])
			return true;
		if (a_codes[i] < b_codes[j])
			i++;
		else
			j++;
	}
	return false;
}

/* Whether letters of the word count, not only the whole */
static inline bool
IsCompared(const NameWord *word)
{
	return !word->is_particle && word->token.chars >= 3 && word->token.chars <= NAME_WORD_CHARS;
}

/* Bytes of the first START_CHARS characters of a word that has more */
static int
StartBytes(const NameWord *word)
{
	const char *text = word->token.text;
	int			len = 0;

	for (int chars = 0; chars < START_CHARS; chars++)
		do
			len++;
		while ((text[len] & 0xc0) == 0x80);
	return len;
}

/* Both are long and begin with the same characters */
static bool
HaveSameStart(const NameWord *a, const NameWord *b)
{
	int			len;

	if (a->token.chars < STARTED_CHARS || b->token.chars < STARTED_CHARS)
		return false;
	len = StartBytes(a);
	return len == StartBytes(b) && memcmp(a->token.text, b->token.text, len) == 0;
}

/* An edit takes one letter away and adds one, at most */
static inline bool
HaveFarLetters(const NameWord *a, const NameWord *b, int edits)
{
	return a->letters != 0 && b->letters != 0 &&
		pg_popcount32(a->letters ^ b->letters) > 2 * edits;
}

/* Similarity of two words that are not equal; 0 when they cannot be aligned */
static double
WordSimilarity(const NameWord *a, const NameWord *b)
{
	int			most = (Max(a->token.chars, b->token.chars) + 2) / 3;
	int			edits;
	double		similarity;

	if (a->is_particle || b->is_particle)
		return 0;
	if (IsInitialOf(a, b) || IsInitialOf(b, a))
		return INITIAL_SIMILARITY;
	if (!IsCompared(a) || !IsCompared(b) || HaveFarLetters(a, b, most))
		return 0;
	edits = DamerauLevenshtein(a->token.text, a->token.len, b->token.text, b->token.len, most);
	if (edits > most)
		return 0;
	similarity = JaroWinklerSimilarity(a->token.text, a->token.len, b->token.text, b->token.len);
	if (edits <= 1)
		return Max(similarity, ONE_EDIT_SIMILARITY);
	if (SoundAlike(a, b))
		return Max(similarity, SOUND_SIMILARITY);
	return edits == 2 && HaveSameStart(a, b) ? similarity : 0;
}

/* Two names on their way to a similarity */
typedef struct Alignment
{
	double		gained;			/* similarity times weight of the pairs */
	double		weight;			/* of the pairs */
	int			pairs;			/* without particles */
	int			a_free;			/* words without a partner, without particles */
	int			b_free;
	double		free_weight;	/* of all words without a partner */
} Alignment;

static void
AlignPair(Alignment *alignment, const NameWord *a, const NameWord *b, double similarity)
{
	double		weight = a->weight + b->weight;

	if (a->token.chars == 1 || b->token.chars == 1)
		weight = 2;
	alignment->gained += similarity * weight;
	alignment->weight += weight;
	if (!a->is_particle)
		alignment->pairs++;
}

/* Takes pairs of equal words out of both lists, which stay in order */
static void
AlignEqualWords(Alignment *alignment, NameWord *a, int *a_count, NameWord *b, int *b_count)
{
	int			left = 0;

	for (int i = 0; i < *a_count; i++)
	{
		int			j = 0;

		while (j < *b_count && !IsSameWord(&a[i], &b[j]))
			j++;
		if (j == *b_count)
		{
			a[left++] = a[i];
			continue;
		}
		AlignPair(alignment, &a[i], &b[j], 1);
		memmove(b + j, b + j + 1, sizeof(NameWord) * (*b_count - j - 1));
		(*b_count)--;
	}
	*a_count = left;
}

static void
AlignSimilarWords(Alignment *alignment, const NameWord *a, int a_count, const NameWord *b, int b_count)
{
	double		similarity[NAME_WORDS][NAME_WORDS];
	bool		a_used[NAME_WORDS] = {false};
	bool		b_used[NAME_WORDS] = {false};

	if (a_count > 0 && b_count > 0)
		for (int i = 0; i < a_count; i++)
			for (int j = 0; j < b_count; j++)
				similarity[i][j] = WordSimilarity(&a[i], &b[j]);
	for (;;)
	{
		double		best = 0;
		int			best_i = 0;
		int			best_j = 0;

		for (int i = 0; i < a_count; i++)
			for (int j = 0; j < b_count && !a_used[i]; j++)
				if (!b_used[j] && similarity[i][j] > best)
				{
					best = similarity[i][j];
					best_i = i;
					best_j = j;
				}
		if (best == 0)
			break;
		AlignPair(alignment, &a[best_i], &b[best_j], best);
		a_used[best_i] = b_used[best_j] = true;
	}
	for (int i = 0; i < a_count; i++)
		if (!a_used[i])
		{
			alignment->free_weight += a[i].weight;
			alignment->a_free += !a[i].is_particle;
		}
	for (int j = 0; j < b_count; j++)
		if (!b_used[j])
		{
			alignment->free_weight += b[j].weight;
			alignment->b_free += !b[j].is_particle;
		}
}

static void
SortWords(NameWord *words, int count)
{
	for (int i = 1; i < count; i++)
	{
		NameWord	word = words[i];
		int			j = i;

		for (; j > 0 && CompareTokens(&word.token, &words[j - 1].token) < 0; j--)
			words[j] = words[j - 1];
		words[j] = word;
	}
}

/* The same whichever comes first, and in whatever order the words are */
double
NameSimilarity(const NameView *a, const NameView *b)
{
	NameWord	a_words[NAME_WORDS];
	NameWord	b_words[NAME_WORDS];
	int			a_real;
	int			b_real;
	int			a_count;
	int			b_count;
	Alignment	alignment = {0};
	double		free_weight;
	double		similarity;

	if (a->len == b->len && memcmp(a->canonical, b->canonical, a->len) == 0)
		return 1;
	a_count = NameWords(a->canonical, a->len, a_words, &a_real);
	b_count = NameWords(b->canonical, b->len, b_words, &b_real);
	AlignEqualWords(&alignment, a_words, &a_count, b_words, &b_count);
	SortWords(a_words, a_count);
	SortWords(b_words, b_count);
	if (a_count == 0 || b_count == 0 || CompareTokens(&a_words[0].token, &b_words[0].token) < 0)
		AlignSimilarWords(&alignment, a_words, a_count, b_words, b_count);
	else
		AlignSimilarWords(&alignment, b_words, b_count, a_words, a_count);
	if (alignment.pairs == 0)
		return 0;
	free_weight = alignment.free_weight;
	if (alignment.pairs >= 2 && (alignment.a_free == 0 || alignment.b_free == 0))
		free_weight /= 2;
	similarity = alignment.gained / (alignment.weight + free_weight);
	if (alignment.pairs < 2 && Max(a_real, b_real) >= 2)
		similarity /= 2;
	return Min(similarity, 1);
}

static inline uint32
HashWord(const char *text, int len, int seed)
{
	return (uint32) hash_bytes_extended((const unsigned char *) text, len, seed);
}

uint32
NameWordKey(const NameWord *word)
{
	return HashWord(word->token.text, word->token.len, KEY_WORD);
}

/* Keys of the word with one character left out, and of how it sounds */
static int
CloserKeys(const NameWord *word, uint32 *keys)
{
	char		shortened[NAME_WORD_CHARS * MAX_MULTIBYTE_CHAR_LEN];
	const char *text = word->token.text;
	int			len = word->token.len;
	uint32		codes[PHONETIC_CODES];
	int			code_count;
	int			count = 0;

	if (!IsCompared(word))
		return 0;
	for (int i = 0; i < len;)
	{
		int			char_len = 1;

		while (i + char_len < len && (text[i + char_len] & 0xc0) == 0x80)
			char_len++;
		memcpy(shortened, text, i);
		memcpy(shortened + i, text + i + char_len, len - i - char_len);
		keys[count++] = HashWord(shortened, len - char_len, KEY_WORD);
		i += char_len;
	}
	code_count = WordCodes(word, codes);
	for (int i = 0; i < code_count; i++)
		keys[count++] = (uint32) hash_bytes_uint32_extended(codes[i], KEY_SOUND);
	if (word->token.chars >= STARTED_CHARS)
		keys[count++] = HashWord(text, StartBytes(word), KEY_START);
	return count;
}

int
NameValueKeys(const NameWord *word, uint32 keys[NAME_WORD_KEYS])
{
	if (word->is_particle)
		return 0;
	keys[0] = NameWordKey(word);
	return 1 + CloserKeys(word, keys + 1);
}

int
NameQueryKeys(const NameWord *word, uint32 keys[NAME_WORD_KEYS])
{
	int			count;

	/* an initial could be that of any word */
	if (word->is_particle || word->token.chars == 1)
		return 0;
	count = NameValueKeys(word, keys);
	keys[count++] = HashWord(word->token.text, FirstCharLength(word), KEY_WORD);
	return count;
}

/* Greatest similarity of a word of so many letters with one of so many more, that is not equal */
static double
BestSimilarity(int chars, int more)
{
	double		jaro = (2.0 + (double) chars / (chars + more)) / 3.0;

	return Max(jaro + 0.4 * (1.0 - jaro), SOUND_SIMILARITY);
}

/*
 * gain: what a pair of this word adds to (similarity - threshold) * weight, at
 * most: with an equal partner, or with a longer one as similar as can be.
 */
void
NameQueryInit(NameQuery *query, const NameView *name, double threshold)
{
	query->threshold = threshold;
	query->count = NameWords(name->canonical, name->len, query->words, &query->real_count);
	for (int i = 0; i < query->count; i++)
	{
		const NameWord *word = &query->words[i];
		double		gain = (1.0 - threshold) * 2 * word->weight;

		query->is_assumed[i] = word->is_particle || word->token.chars == 1;
		if (!query->is_assumed[i] && IsCompared(word))
			for (int more = 1; more <= word->token.chars; more++)
				gain = Max(gain, (BestSimilarity(word->token.chars, more) - threshold) * (2 * word->token.chars + more));
		query->gain[i] = gain;
	}
}

bool
NameMayMatch(const NameQuery *query, const bool present[NAME_WORDS])
{
	double		gained = 0;
	double		missing = 0;
	int			pairs = 0;

	for (int i = 0; i < query->count; i++)
	{
		if (query->is_assumed[i] || present[i])
		{
			gained += query->gain[i];
			pairs += !query->words[i].is_particle;
		}
		else
			missing += query->words[i].weight;
	}
	/* a similarity of 0 is as much as a threshold of 0 */
	if (query->threshold <= 0)
		return true;
	if (pairs == 0 || (pairs < 2 && query->real_count >= 2 && query->threshold > 0.5))
		return false;
	/* half of a similarity of 1 for one pair; similarities are compared to the threshold as they are */
	if (pairs < 2 && query->real_count >= 2)
		return true;
	/* rounding must not lose a name */
	return gained + 1e-9 >= query->threshold * missing * (pairs >= 2 ? 0.5 : 1.0);
}
