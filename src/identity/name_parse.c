/*
 * name_parse.c
 *		Names of persons: what was written -> canonical name.
 *
 *		"prof. dr hab. Łukasz van der Berg, PhD"	lukasz van der berg
 *		"KOWALSKI-NOWAK, Jan"						jan kowalski nowak
 *		"Smith, John, Jr."							john smith jr
 *
 * Commas part a name: what is before the first one is the family name, unless
 * all that follows is titles and suffixes.  Titles go wherever a part begins
 * with them, degrees where it ends with them.  Nothing is ever taken away so
 * that no word is left; reading a canonical name gives it again.
 */
#include "core/core.h"

#include "identity/name_fold.h"
#include "identity/person_name.h"
#include "identity/short_text.h"

/* sorted by bytes, folded */
static const char *const titles[] = {
	"adw", "bc", "dame", "dipl", "doktor", "dr", "fraulein", "frau", "hab", "herr", "hon", "ing", "inz",
	"judr", "ks", "lic", "lord", "mag", "mgr", "miss", "mlle", "mme", "monsieur", "mr", "mrs", "ms",
	"mudr", "mx", "pan", "pani", "panna", "phdr", "prof", "professor", "profesor", "rev", "rndr", "senor",
	"senora", "signor", "signora", "sir", "sra", "srta"
};

/* after a name; those of the second list only as a part of their own */
static const char *const trailing_degrees[] = {"csc", "esq", "llm", "mba", "msc", "phd"};
static const char *const part_degrees[] = {"bsc", "cpa", "csc", "dds", "esq", "llm", "mba", "md", "msc", "phd"};

static const char *const suffixes[] = {"ii", "iii", "iv", "jr", "sr"};

static const char *const particles[] = {
	"af", "al", "av", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el",
	"ibn", "la", "le", "ten", "ter", "van", "vom", "von", "zu", "zum", "zur"
};

typedef struct Word
{
	const char *text;
	int			len;
} Word;

/* A part between commas; its words stand one after the other in a list of all */
typedef struct Part
{
	int			first;
	int			count;
} Part;

static bool
IsOneOf(const char *text, int len, const char *const *list, int count)
{
	for (int i = 0; i < count; i++)
		if (len > 0 && list[i][0] == text[0] && strlen(list[i]) == (size_t) len && memcmp(list[i], text, len) == 0)
			return true;
	return false;
}

/* longest of them */
#define PARTICLE_BYTES 5

#define IS_ONE_OF(word, list) IsOneOf((word)->text, (word)->len, list, lengthof(list))

/* Titles at the start and degrees at the end of a row of words; one word stays */
static void
StripTitles(const Word *words, Part *part)
{
	while (part->count > 1 && IS_ONE_OF(&words[part->first], titles))
	{
		part->first++;
		part->count--;
	}
	while (part->count > 1 && IS_ONE_OF(&words[part->first + part->count - 1], trailing_degrees))
		part->count--;
}

/* A part that says nothing but titles: "dr", "Ph.D." */
static bool
IsTitlePart(const Word *words, const Part *part)
{
	char		joined[8];
	int			len = 0;

	if (part->count == 1 && IS_ONE_OF(&words[part->first], titles))
		return true;
	for (int i = 0; i < part->count; i++)
	{
		const Word *word = &words[part->first + i];

		if (len + word->len > (int) sizeof(joined))
			return false;
		memcpy(joined + len, word->text, word->len);
		len += word->len;
	}
	return IsOneOf(joined, len, part_degrees, lengthof(part_degrees));
}

/* Cuts folded text into words; -1 when there are too many */
static int
AddWords(const char *folded, int len, Word *words, int count)
{
	int			start = 0;

	for (int i = 0; i <= len; i++)
	{
		if (i < len && folded[i] != ' ')
			continue;
		if (i > start)
		{
			if (count == NAME_WORDS)
				return -1;
			words[count].text = folded + start;
			words[count++].len = i - start;
		}
		start = i + 1;
	}
	return count;
}

/* Puts the words in their order: given names, family name, suffixes */
static int
OrderWords(const Word *words, int word_count, Part *parts, int part_count, Word *ordered)
{
	Word		endings[NAME_WORDS];
	int			ending_count = 0;
	int			count = 0;
	int			kept = 0;

	for (int i = 0; i < part_count; i++)
	{
		Part		part = parts[i];
		int			least = i == 0 ? 1 : 0;	/* "Smith, Jr." has a part that is all suffix */
		int			taken = 0;

		StripTitles(words, &part);
		while (part.count > least && IS_ONE_OF(&words[part.first + part.count - 1], suffixes))
		{
			part.count--;
			taken++;
		}
		for (int j = 0; j < taken; j++)
			endings[ending_count++] = words[part.first + part.count + j];
		if (part.count > 0 && !IsTitlePart(words, &part))
			parts[kept++] = part;
	}
	/* nothing but titles: then they are the name */
	if (kept == 0)
	{
		memcpy(ordered, words, sizeof(Word) * word_count);
		return word_count;
	}
	for (int i = 1; i <= kept; i++)
	{
		const Part *part = &parts[i % kept];

		memcpy(ordered + count, words + part->first, sizeof(Word) * part->count);
		count += part->count;
	}
	memcpy(ordered + count, endings, sizeof(Word) * ending_count);
	return count + ending_count;
}

static bool
IsLong(const char *utf8, int len)
{
	const char *end = utf8 + len;
	uint32		c;

	if (len <= NAME_CHARS)
		return false;
	for (int chars = 0; utf8 < end; chars++)
	{
		if (chars == NAME_CHARS)
			return true;
		utf8 += NextChar(utf8, end, &c);
	}
	return false;
}

NameProblem
NameParse(const char *utf8, int len, StringInfo canonical)
{
	StringInfoData folded[NAME_WORDS];
	Word		words[NAME_WORDS];
	Word		ordered[NAME_WORDS];
	Part		parts[NAME_WORDS];
	Part		whole;
	int			word_count = 0;
	int			part_count = 0;
	int			start = 0;
	int			canonical_start = canonical->len;

	if (IsLong(utf8, len))
		return NAME_IS_LONG;
	for (int i = 0; i <= len; i++)
	{
		int			before = word_count;

		if (i < len && utf8[i] != ',')
			continue;
		if (part_count == NAME_WORDS)
			return NAME_HAS_MANY_WORDS;
		initStringInfo(&folded[part_count]);
		NameFold(utf8 + start, i - start, 0, &folded[part_count]);
		word_count = AddWords(folded[part_count].data, folded[part_count].len, words, word_count);
		if (word_count < 0)
			return NAME_HAS_MANY_WORDS;
		if (word_count > before)
		{
			parts[part_count].first = before;
			parts[part_count++].count = word_count - before;
		}
		else
			pfree(folded[part_count].data);
		start = i + 1;
	}
	if (word_count == 0)
		return NAME_IS_EMPTY;
	whole.first = 0;
	whole.count = OrderWords(words, word_count, parts, part_count, ordered);
	StripTitles(ordered, &whole);
	for (int i = whole.first; i < whole.first + whole.count; i++)
	{
		if (canonical->len > canonical_start)
			appendStringInfoChar(canonical, ' ');
		appendBinaryStringInfo(canonical, ordered[i].text, ordered[i].len);
	}
	for (int i = 0; i < part_count; i++)
		pfree(folded[i].data);
	return IsLong(canonical->data + canonical_start, canonical->len - canonical_start) ? NAME_IS_LONG : NAME_IS_GOOD;
}

int
NameWords(const char *canonical, int len, NameWord words[NAME_WORDS], int *real_count)
{
	const char *end = canonical + len;
	int			count = 0;

	*real_count = 0;
	while (canonical < end && count < NAME_WORDS)
	{
		const char *start = canonical;
		NameWord   *word = &words[count++];
		int			chars = 0;

		word->letters = 0;
		for (; canonical < end && *canonical != ' '; canonical++)
		{
			chars += (*canonical & 0xc0) != 0x80;
			word->letters |= (uint32) 1 << (*canonical & 31);
		}
		word->token.text = start;
		word->token.len = canonical - start;
		word->token.chars = chars;
		/* of characters of several bytes nothing is said */
		if (chars != word->token.len)
			word->letters = 0;
		word->is_particle = word->token.len <= PARTICLE_BYTES &&
			IsOneOf(start, word->token.len, particles, lengthof(particles));
		word->weight = word->is_particle ? chars / 2.0 : chars;
		*real_count += !word->is_particle;
		canonical++;
	}
	/* a name of nothing but particles: "Van Le" */
	if (*real_count == 0)
		for (int i = 0; i < count; i++)
		{
			words[i].is_particle = false;
			words[i].weight = words[i].token.chars;
			(*real_count)++;
		}
	return count;
}
