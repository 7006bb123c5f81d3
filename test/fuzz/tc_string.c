/*
 * tc_string.c
 *		Random and mutated TC strings through the functions of type tc_string,
 *		to be built with -fsanitize=address,undefined: each through input and
 *		receive, which must agree, and what is taken through output, send,
 *		tc_decode() and tc_allows() and all questions of the decoder.  Each lies
 *		in memory of its own size, so that a byte read too far is found.
 *
 *	tc_string COUNT SEED	prints how many were taken
 */
#include "server.h"

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

extern Datum cdp_tc_string_in(PG_FUNCTION_ARGS);
extern Datum cdp_tc_string_out(PG_FUNCTION_ARGS);
extern Datum cdp_tc_string_recv(PG_FUNCTION_ARGS);
extern Datum cdp_tc_string_send(PG_FUNCTION_ARGS);
extern Datum cdp_tc_decode(PG_FUNCTION_ARGS);
extern Datum cdp_tc_allows(PG_FUNCTION_ARGS);

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

/* What was refused: why and where must be said, of the text at hand */
static void
CheckRefusal(const FuzzError *error, int len)
{
	int			at = 0;

	if (error->sqlstate != ERRCODE_INVALID_TEXT_REPRESENTATION ||
		strncmp(error->message, "invalid TC string: \"", 20) != 0 ||
		sscanf(error->detail, "At character %d: ", &at) != 1 || at < 1 || at > len + 1)
		abort();
}

/* A string that was taken: all functions of the type */
static int
UseString(text *string, const char *given, int len)
{
	Datum		arguments[3] = {PointerGetDatum(string), Int32GetDatum(1 + (int32) Random(TC_PURPOSES)),
	Int32GetDatum(1 + (int32) Random(TC_MAX_VENDOR_ID))};
	FuzzError	error;
	TcError		refusal;
	TcString	tc;
	Datum		result;

	if (VARSIZE(string) != VARHDRSZ + (Size) len || memcmp(VARDATA(string), given, len) != 0)
		abort();
	if (!FuzzCall(cdp_tc_string_out, arguments[0], &result, &error) ||
		strcmp(DatumGetCString(result), given) != 0)
		abort();
	if (!FuzzCall(cdp_tc_string_send, arguments[0], &result, &error) ||
		VARSIZE(DatumGetPointer(result)) != VARHDRSZ + (Size) len ||
		memcmp(VARDATA(DatumGetPointer(result)), given, len) != 0)
		abort();
	/* lists of thousands of vendors take their time */
	if (Random(64) == 0 && !FuzzCall(cdp_tc_decode, arguments[0], &result, &error) &&
		error.sqlstate != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		abort();
	if (!FuzzCallMany(cdp_tc_allows, 2 + Random(2), arguments, &result, &error))
		abort();
	if (!TcDecode(VARDATA(string), len, &tc, &refusal))
		abort();
	return AskAll(&tc) + DatumGetBool(result);
}

/* One string, as a text literal and as a message of the binary protocol */
static bool
TryString(const char *given, int len, long *answers)
{
	char	   *literal = palloc(len + 1);
	StringInfoData message;
	FuzzError	error;
	FuzzError	binary_error;
	Datum		string;
	Datum		received;
	bool		taken;

	memcpy(literal, given, len);
	literal[len] = '\0';
	len = strlen(literal);
	message.data = palloc(Max(len, 1));
	memcpy(message.data, literal, len);
	message.len = message.maxlen = len;
	message.cursor = 0;
	taken = FuzzCall(cdp_tc_string_in, CStringGetDatum(literal), &string, &error);
	if (FuzzCall(cdp_tc_string_recv, PointerGetDatum(&message), &received, &binary_error) != taken ||
		message.cursor != message.len)
		abort();
	if (!taken)
	{
		CheckRefusal(&error, len);
		if (strcmp(error.message, binary_error.message) != 0 ||
			strcmp(error.detail, binary_error.detail) != 0)
			abort();
		return false;
	}
	if (memcmp(DatumGetPointer(string), DatumGetPointer(received), VARHDRSZ + len) != 0)
		abort();
	*answers += UseString((text *) DatumGetPointer(string), literal, len);
	return true;
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

		taken += TryString(text, MakeInput(text), &answers);
		FuzzReset();
	}
	printf("%ld strings, %ld taken, %ld answers yes\n", count, taken, answers);
	return taken > count / 50 && taken < count ? 0 : 1;
}
