/*
 * phonetic.c
 *		cdp.phonetic_keys(): Daitch-Mokotoff codes.
 *
 * The coding chart of Daitch and Mokotoff, as published by JewishGen: a name
 * is cut into sounds, each time the longest that the chart has; a sound has
 * one or two codings, each with digits for the start of a name, before a vowel,
 * and elsewhere:
 *
 *		"auerbach"		au	e	r	b	a	ch
 *		digits			0	-	9	7	-	5 or 4		097500, 097400
 *
 * Neighbours of the same digit give it once, unless an uncoded sound lies
 * between; mn and nm are two sixes.  A sound is a vowel when its coding at the
 * start of a name is 0 or 1 (so j is one in one of its codings).  The code is
 * cut, or filled with zeros, to six digits.
 */
#include "core/core.h"

#include "core/array.h"
#include "core/text.h"
#include "identity/name_fold.h"
#include "identity/phonetic.h"
#include "identity/similarity.h"

PG_FUNCTION_INFO_V1(cdp_phonetic_keys);

/* digits at the start, before a vowel, elsewhere; "" is not coded */
typedef struct Coding
{
	char		digits[3][3];
} Coding;

typedef struct Sound
{
	const char *letters;
	Coding		coding;
	Coding		other;			/* when there are two: has_other */
	bool		has_other;
} Sound;

#define ONE(letters, start, vowel, elsewhere) {letters, {{start, vowel, elsewhere}}, {{"", "", ""}}, false}
#define SAME(letters, digits) ONE(letters, digits, digits, digits)
#define TWO(letters, digits, others) {letters, {{digits, digits, digits}}, {{others, others, others}}, true}

/* of sounds with the same first letter the longest come first */
static const Sound sounds[] = {
	ONE("ai", "0", "1", ""), ONE("aj", "0", "1", ""), ONE("ay", "0", "1", ""), ONE("au", "0", "7", ""),
	ONE("a", "0", "", ""),
	SAME("b", "7"),
	ONE("chs", "5", "54", "54"), SAME("csz", "4"), SAME("czs", "4"), TWO("ch", "5", "4"),
	TWO("ck", "5", "45"), SAME("cz", "4"), SAME("cs", "4"), TWO("c", "5", "4"),
	SAME("drz", "4"), SAME("drs", "4"), SAME("dsh", "4"), SAME("dsz", "4"), SAME("dzh", "4"),
	SAME("dzs", "4"), SAME("ds", "4"), SAME("dz", "4"), SAME("dt", "3"), SAME("d", "3"),
	ONE("ei", "0", "1", ""), ONE("ej", "0", "1", ""), ONE("ey", "0", "1", ""), ONE("eu", "1", "1", ""),
	ONE("e", "0", "", ""),
	SAME("fb", "7"), SAME("f", "7"),
	SAME("g", "5"),
	ONE("h", "5", "5", ""),
	ONE("ia", "1", "", ""), ONE("ie", "1", "", ""), ONE("io", "1", "", ""), ONE("iu", "1", "", ""),
	ONE("i", "0", "", ""),
	{"j", {{"1", "", ""}}, {{"4", "4", "4"}}, true},
	ONE("ks", "5", "54", "54"), SAME("kh", "5"), SAME("k", "5"),
	SAME("l", "8"),
	SAME("mn", "66"), SAME("m", "6"),
	SAME("nm", "66"), SAME("n", "6"),
	ONE("oi", "0", "1", ""), ONE("oj", "0", "1", ""), ONE("oy", "0", "1", ""), ONE("o", "0", "", ""),
	SAME("pf", "7"), SAME("ph", "7"), SAME("p", "7"),
	SAME("q", "5"),
	TWO("rz", "94", "4"), TWO("rs", "94", "4"), SAME("r", "9"),
	ONE("schtsch", "2", "4", "4"), ONE("schtsh", "2", "4", "4"), ONE("schtch", "2", "4", "4"),
	ONE("shtch", "2", "4", "4"), ONE("shtsh", "2", "4", "4"), ONE("stsch", "2", "4", "4"),
	ONE("shch", "2", "4", "4"), ONE("scht", "2", "43", "43"), ONE("schd", "2", "43", "43"),
	ONE("stch", "2", "4", "4"), ONE("strz", "2", "4", "4"), ONE("strs", "2", "4", "4"),
	ONE("stsh", "2", "4", "4"), ONE("szcz", "2", "4", "4"), ONE("szcs", "2", "4", "4"),
	SAME("sch", "4"), ONE("sht", "2", "43", "43"), ONE("szt", "2", "43", "43"),
	ONE("shd", "2", "43", "43"), ONE("szd", "2", "43", "43"), SAME("sh", "4"), ONE("sc", "2", "4", "4"),
	ONE("st", "2", "43", "43"), ONE("sd", "2", "43", "43"), SAME("sz", "4"), SAME("s", "4"),
	SAME("ttsch", "4"), SAME("ttsz", "4"), SAME("ttch", "4"), SAME("tsch", "4"), SAME("tch", "4"),
	SAME("trz", "4"), SAME("trs", "4"), SAME("tsh", "4"), SAME("tts", "4"), SAME("ttz", "4"),
	SAME("tzs", "4"), SAME("tsz", "4"), SAME("th", "3"), SAME("ts", "4"), SAME("tc", "4"),
	SAME("tz", "4"), SAME("t", "3"),
	ONE("ui", "0", "1", ""), ONE("uj", "0", "1", ""), ONE("uy", "0", "1", ""), ONE("ue", "0", "1", ""),
	ONE("u", "0", "", ""),
	SAME("v", "7"),
	SAME("w", "7"),
	ONE("x", "5", "54", "54"),
	ONE("y", "1", "", ""),
	ONE("zhdzh", "2", "4", "4"), ONE("zdzh", "2", "4", "4"), SAME("zsch", "4"), ONE("zdz", "2", "4", "4"),
	ONE("zhd", "2", "43", "43"), SAME("zsh", "4"), ONE("zd", "2", "43", "43"), SAME("zh", "4"),
	SAME("zs", "4"), SAME("z", "4"),
	/* not coded at all, or as the n that is heard */
	{"\001", {{"", "", "6"}}, {{"", "", ""}}, true},
	{"\002", {{"", "", "6"}}, {{"", "", ""}}, true},
	TWO("\003", "3", "4")
};

/* A code on its way */
typedef struct Branch
{
	uint32		code;			/* its digits so far */
	uint8		len;
	char		last;			/* digit of the sound before, 0 when that has none */
} Branch;

typedef struct Branches
{
	int			count;
	Branch		branch[PHONETIC_CODES];
} Branches;

static inline bool
IsCoded(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= PHONETIC_A_OGONEK && c <= PHONETIC_T_CEDILLA);
}

/* The sound at the start of letters, and how many of them it takes */
static const Sound *
FindSound(const char *letters, int *len)
{
	/* where the sounds of each letter begin */
	static uint8 first[128];
	static bool is_ready = false;

	StaticAssertStmt(lengthof(sounds) <= PG_UINT8_MAX, "a place in the chart is a byte");
	if (!is_ready)
	{
		for (int i = lengthof(sounds) - 1; i >= 0; i--)
			first[(unsigned char) sounds[i].letters[0]] = i;
		is_ready = true;
	}
	/* a single letter is a sound, so the search ends */
	for (const Sound *sound = &sounds[first[(unsigned char) letters[0]]];; sound++)
	{
		int			i = 1;

		while (sound->letters[i] != '\0' && sound->letters[i] == letters[i])
			i++;
		if (sound->letters[i] == '\0')
		{
			*len = i;
			return sound;
		}
	}
}

static inline const Coding *
CodingOf(const Sound *sound, int number)
{
	return number == 0 ? &sound->coding : &sound->other;
}

static void
AddBranch(Branches *to, Branch branch)
{
	for (int i = 0; i < to->count; i++)
		if (to->branch[i].code == branch.code && to->branch[i].len == branch.len && to->branch[i].last == branch.last)
			return;
	if (to->count < PHONETIC_CODES)
		to->branch[to->count++] = branch;
}

static Branch
Append(Branch branch, const char *digits)
{
	if (digits[0] == '\0')
	{
		branch.last = '\0';
		return branch;
	}
	for (const char *digit = digits; *digit != '\0'; digit++)
	{
		/* the second digit of a sound always counts */
		if ((digit > digits || *digit != branch.last) && branch.len < PHONETIC_DIGITS)
		{
			branch.code = branch.code * 10 + (uint32) (*digit - '0');
			branch.len++;
		}
	}
	branch.last = digits[strlen(digits) - 1];
	return branch;
}

/*
 * One sound further.  The codings of this sound and of the next hang together
 * (j is a vowel in one of them), so what waits is kept per coding of this one;
 * moves the branches of coding number here to those of coding number after.
 */
static void
Advance(const Branches *from, Branches *to, const Coding *coding, const Coding *after, bool is_start)
{
	int			place = 2;

	if (is_start)
		place = 0;
	else if (after != NULL && (after->digits[0][0] == '0' || after->digits[0][0] == '1'))
		place = 1;
	for (int i = 0; i < from->count; i++)
	{
		Branch		branch = Append(from->branch[i], coding->digits[place]);

		/* what follows a whole code makes no difference */
		if (branch.len == PHONETIC_DIGITS)
			branch.last = '\0';
		AddBranch(to, branch);
	}
}

static bool
IsDone(const Branches *branches)
{
	for (int i = 0; i < branches->count; i++)
		if (branches->branch[i].len < PHONETIC_DIGITS)
			return false;
	return true;
}

static int
CompareCodes(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

/* Whole, sorted, none twice */
static int
FinishCodes(const Branches waiting[2], uint32 *codes)
{
	uint32		all[2 * PHONETIC_CODES] = {0};
	int			count = 0;
	int			kept = 0;

	for (int number = 0; number < 2; number++)
		for (int i = 0; i < waiting[number].count; i++)
		{
			Branch		branch = waiting[number].branch[i];

			for (; branch.len < PHONETIC_DIGITS; branch.len++)
				branch.code *= 10;
			all[count++] = branch.code;
		}
	qsort(all, count, sizeof(uint32), CompareCodes);
	for (int i = 0; i < count && kept < PHONETIC_CODES; i++)
		if (kept == 0 || codes[kept - 1] != all[i])
			codes[kept++] = all[i];
	return kept;
}

int
PhoneticCodes(const char *folded, int len, uint32 codes[PHONETIC_CODES])
{
	char		letters[SIMILARITY_CHARS + 1];
	int			letter_count = 0;
	const char *rest = letters;
	const Sound *sound;
	Branches	waiting[2];		/* per coding of sound, not yet written */
	int			sound_len;
	bool		is_start = true;

	for (int i = 0; i < len && letter_count < SIMILARITY_CHARS; i++)
		if (IsCoded(folded[i]))
			letters[letter_count++] = folded[i];
	letters[letter_count] = '\0';
	if (letter_count == 0)
		return 0;
	sound = FindSound(rest, &sound_len);
	waiting[0].count = waiting[1].count = 0;
	for (int number = 0; number <= (int) sound->has_other; number++)
		AddBranch(&waiting[number], (Branch) {0});
	while (sound != NULL)
	{
		const Sound *next;
		Branches	moved[2];

		rest += sound_len;
		next = *rest == '\0' ? NULL : FindSound(rest, &sound_len);
		moved[0].count = moved[1].count = 0;
		for (int number = 0; number <= (int) sound->has_other; number++)
			for (int after = 0; after <= (int) (next != NULL && next->has_other); after++)
				Advance(&waiting[number], &moved[after], CodingOf(sound, number),
						next == NULL ? NULL : CodingOf(next, after), is_start);
		for (int after = 0; after < 2; after++)
		{
			waiting[after].count = moved[after].count;
			memcpy(waiting[after].branch, moved[after].branch, sizeof(Branch) * moved[after].count);
		}
		if (IsDone(&waiting[0]) && IsDone(&waiting[1]))
			break;
		sound = next;
		is_start = false;
	}
	return FinishCodes(waiting, codes);
}

Datum
cdp_phonetic_keys(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	int			len = VARSIZE_ANY_EXHDR(name);
	const char *utf8 = TextToUtf8(VARDATA_ANY(name), &len);
	StringInfoData folded;
	uint32		codes[PHONETIC_CODES];
	Datum		keys[PHONETIC_CODES];
	int			count;

	initStringInfo(&folded);
	NameFold(utf8, len, FOLD_PHONETIC, &folded);
	count = PhoneticCodes(folded.data, folded.len, codes);
	for (int i = 0; i < count; i++)
	{
		char		digits[16];

		snprintf(digits, sizeof(digits), "%06u", codes[i]);
		keys[i] = PointerGetDatum(cstring_to_text_with_len(digits, PHONETIC_DIGITS));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(keys, count, TEXTOID, -1, false, TYPALIGN_INT));
}
