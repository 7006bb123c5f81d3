/*
 * tc_string.c
 *		Random and mutated TC strings through the decoder, to be built with
 *		-fsanitize=address,undefined.  Each lies in memory of its own size, so
 *		that a byte read too far is found.
 *
 *	tc_string COUNT SEED	prints how many were taken
 */
#include "core/core.h"

#include "consent/tc_decode.h"

#undef printf
#undef fprintf

static const char *const seeds[] = {
	"CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA.IAEuCA.QAEwAgAB",
	"CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAADCAAgADwAKABQdABAA4VAAwABA4Q",
	"CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YAPQBIAKAA9AAUAGQADgAHAAA",
	"CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5f__wAYAA__-AAAAA",
	"CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA.YAAAAAAAH8AAAAA",
	"BOb3zsAOb3zsAAKABCFRCNiAAAAAyACAAFAAQACQ",
	"BOb3zsAOb3zsAAKABCENCN4AAAAAxEQA"
};
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static uint64 state;

static uint32
Random(uint32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32) ((state >> 16) % below);
}

static char
RandomCharacter(void)
{
	switch (Random(16))
	{
		case 0:
			return '.';
		case 1:
			return (char) Random(256);
		default:
			return alphabet[Random(64)];
	}
}

/* A seed with some characters changed, put in or left out; or nothing but noise */
static int
MakeInput(char *text)
{
	const char *seed = seeds[Random(lengthof(seeds))];
	int			len = strlen(seed);

	if (Random(10) == 0)
	{
		len = Random(200);
		for (int i = 0; i < len; i++)
			text[i] = RandomCharacter();
		if (len > 0 && Random(2))
			text[0] = "BC"[Random(2)];
		return len;
	}
	memcpy(text, seed, len);
	for (int change = Random(5); change > 0 && len > 0; change--)
	{
		int			at = Random(len);

		if (Random(8) == 0)
			len = at;
		else if (Random(8) == 0 && len < 400)
		{
			memmove(text + at + 1, text + at, len - at);
			text[at] = RandomCharacter();
			len++;
		}
		else
			text[at] = RandomCharacter();
	}
	return len;
}

/* Whatever a reader may ask of a string that was taken */
static int
AskAll(const TcString *tc)
{
	uint8		set[TC_VENDOR_SET_SIZE];
	int			answers = 0;
	TcBits		bits = tc->restrictions;
	const TcVendors *vendors[] = {&tc->vendor_consents, &tc->vendor_legitimate_interests,
	&tc->disclosed_vendors, &tc->allowed_vendors};

	for (int v = 0; v < 4; v++)
		if (vendors[v]->is_present)
		{
			int			id = 1 + Random(TC_MAX_VENDOR_ID);

			TcVendorSet(vendors[v], set);
			if (TcHasVendor(vendors[v], id) != ((set[id / 8] >> id % 8 & 1) != 0))
				abort();
		}
	for (int i = 0; i < tc->num_restrictions; i++)
	{
		TcRestriction restriction;

		TcNextRestriction(&bits, &restriction);
		TcVendorSet(&restriction.vendors, set);
	}
	for (int purpose = 1; purpose <= TC_PURPOSES; purpose++)
		answers += TcAllows(tc, purpose, 0) + TcAllows(tc, purpose, 1 + Random(TC_MAX_VENDOR_ID));
	return answers;
}

int
main(int argc, char **argv)
{
	long		count = argc > 1 ? atol(argv[1]) : 1000000;
	long		taken = 0;
	long		answers = 0;

	state = argc > 2 ? (uint64) atol(argv[2]) : 1;
	state = state * UINT64CONST(2654435761) + UINT64CONST(88172645463325252);
	for (long n = 0; n < count; n++)
	{
		char		text[512];
		int			len = MakeInput(text);
		char	   *exact = malloc(len > 0 ? len : 1);
		TcString	tc;
		TcError		error = {NULL, 0};

		memcpy(exact, text, len);
		if (TcDecode(exact, len, &tc, &error))
		{
			taken++;
			answers += AskAll(&tc);
		}
		else if (error.reason == NULL || error.at < 1 || error.at > len + 1)
			abort();
		free(exact);
	}
	printf("%ld strings, %ld taken, %ld answers yes\n", count, taken, answers);
	return taken > count / 50 && taken < count ? 0 : 1;
}
