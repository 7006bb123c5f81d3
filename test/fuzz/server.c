/*
 * server.c
 *		A stand-in for the server; see server.h.
 */
#include "server.h"

#include <setjmp.h>
#include <time.h>

#include "libpq/pqformat.h"
#include "pgtime.h"

#undef printf
#undef fprintf
#undef vsnprintf
#undef vfprintf

volatile sig_atomic_t InterruptPending = false;

static sigjmp_buf jump;
static FuzzError *raised;
static void **pieces;
static int	piece_count;
static int	piece_size;

/*
 * Memory
 */
void *
palloc(Size size)
{
	void	   *piece = malloc(size > 0 ? size : 1);

	if (piece == NULL || size > MaxAllocSize)
		abort();
	if (piece_count == piece_size)
	{
		piece_size = Max(64, 2 * piece_size);
		pieces = realloc(pieces, sizeof(void *) * piece_size);
	}
	pieces[piece_count++] = piece;
	return piece;
}

static void *
Resize(void *piece, Size size)
{
	for (int i = piece_count - 1; i >= 0; i--)
		if (pieces[i] == piece)
			return pieces[i] = realloc(piece, size);
	abort();
}

void
FuzzReset(void)
{
	while (piece_count > 0)
		free(pieces[--piece_count]);
}

char *
pnstrdup(const char *text, Size length)
{
	Size		used = strnlen(text, length);
	char	   *copy = palloc(used + 1);

	memcpy(copy, text, used);
	copy[used] = '\0';
	return copy;
}

char *
psprintf(const char *format, ...)
{
	char		text[1024];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return pnstrdup(text, sizeof(text));
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

text *
cstring_to_text_with_len(const char *string, int length)
{
	text	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), string, length);
	return result;
}

char *
text_to_cstring(const text *string)
{
	return pnstrdup(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
}

/*
 * Errors
 */
bool
errstart(int level, const char *domain)
{
	(void) domain;
	if (level < ERROR || raised == NULL)
		abort();
	return true;
}

bool
errstart_cold(int level, const char *domain)
{
	return errstart(level, domain);
}

int
errcode(int sqlstate)
{
	raised->sqlstate = sqlstate;
	return 0;
}

int
errmsg(const char *format, ...)
{
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(raised->message, sizeof(raised->message), format, arguments);
	va_end(arguments);
	return 0;
}

int
errdetail(const char *format, ...)
{
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(raised->detail, sizeof(raised->detail), format, arguments);
	va_end(arguments);
	return 0;
}

void
errfinish(const char *file, int line, const char *function)
{
	(void) file, (void) line, (void) function;
	siglongjmp(jump, 1);
}

#if PG_VERSION_NUM >= 160000
bool
errsave_start(struct Node *context, const char *domain)
{
	(void) context;
	return errstart(ERROR, domain);
}

void
errsave_finish(struct Node *context, const char *file, int line, const char *function)
{
	(void) context;
	errfinish(file, line, function);
}
#endif

void
ProcessInterrupts(void)
{
}

/*
 * Strings and messages
 */
void
initStringInfo(StringInfo string)
{
	string->maxlen = 64;
	string->data = palloc(string->maxlen);
	resetStringInfo(string);
}

void
resetStringInfo(StringInfo string)
{
	string->data[0] = '\0';
	string->len = 0;
	string->cursor = 0;
}

void
appendBinaryStringInfo(StringInfo string,
#if PG_VERSION_NUM >= 160000
					   const void *data,
#else
					   const char *data,
#endif
					   int length)
{
	while (string->len + length >= string->maxlen)
	{
		string->maxlen *= 4;
		string->data = Resize(string->data, string->maxlen);
	}
	memcpy(string->data + string->len, data, length);
	string->len += length;
	string->data[string->len] = '\0';
}

void
appendStringInfo(StringInfo string, const char *format, ...)
{
	char		text[1024];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	appendBinaryStringInfo(string, text, strlen(text));
}

void
appendStringInfoString(StringInfo string, const char *text)
{
	appendBinaryStringInfo(string, text, strlen(text));
}

void
appendStringInfoChar(StringInfo string, char c)
{
	appendBinaryStringInfo(string, &c, 1);
}

char *
pq_getmsgtext(StringInfo message, int rawbytes, int *nbytes)
{
	char	   *text;

	if (rawbytes < 0 || rawbytes > message->len - message->cursor)
		abort();
	text = palloc(rawbytes + 1);
	memcpy(text, message->data + message->cursor, rawbytes);
	text[rawbytes] = '\0';
	message->cursor += rawbytes;
	*nbytes = strlen(text);
	return text;
}

void
pq_begintypsend(StringInfo message)
{
	initStringInfo(message);
	appendBinaryStringInfo(message, "\0\0\0\0", VARHDRSZ);
}

void
pq_sendtext(StringInfo message, const char *text, int length)
{
	appendBinaryStringInfo(message, text, length);
}

bytea *
pq_endtypsend(StringInfo message)
{
	SET_VARSIZE(message->data, message->len);
	return (bytea *) message->data;
}

/*
 * Encodings: the server's and the client's are UTF-8
 */
int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

char *
pg_any_to_server(const char *text, int length, int encoding)
{
	(void) length, (void) encoding;
	return unconstify(char *, text);
}

char *
pg_server_to_any(const char *text, int length, int encoding)
{
	(void) length, (void) encoding;
	return unconstify(char *, text);
}

int
pg_mbcliplen(const char *text, int length, int limit)
{
	int			at = Min(length, limit);

	while (at > 0 && at < length && (text[at] & 0xC0) == 0x80)
		at--;
	return at;
}

/*
 * Others
 */
struct pg_tm *
pg_gmtime(const pg_time_t *seconds)
{
	static struct pg_tm result;
	time_t		t = *seconds;
	struct tm	parts;

	if (gmtime_r(&t, &parts) == NULL)
		return NULL;
	result.tm_sec = parts.tm_sec;
	result.tm_min = parts.tm_min;
	result.tm_hour = parts.tm_hour;
	result.tm_mday = parts.tm_mday;
	result.tm_mon = parts.tm_mon;
	result.tm_year = parts.tm_year;
	return &result;
}

/* No parser, but what is cut off or torn apart is no JSON. */
Datum
jsonb_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int			depth = 0;
	bool		is_text = false;

	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '"')
			is_text = !is_text;
		else if (is_text && ((unsigned char) *c < ' ' || *c == '\\'))
			abort();
		else if (!is_text && (*c == '{' || *c == '['))
			depth++;
		else if (!is_text && (*c == '}' || *c == ']') && --depth < (c[1] != '\0'))
			abort();
	}
	if (is_text || depth != 0 || text[0] != '{')
		abort();
	return PointerGetDatum(text);
}

Datum
DirectFunctionCall1Coll(PGFunction function, Oid collation, Datum argument)
{
	LOCAL_FCINFO(fcinfo, 1);

	InitFunctionCallInfoData(*fcinfo, NULL, 1, collation, NULL, NULL);
	fcinfo->args[0].value = argument;
	fcinfo->args[0].isnull = false;
	return function(fcinfo);
}

bool
FuzzCallMany(PGFunction function, int count, const Datum *arguments, Datum *result, FuzzError *error)
{
	LOCAL_FCINFO(fcinfo, 3);

	InitFunctionCallInfoData(*fcinfo, NULL, 3, InvalidOid, NULL, NULL);
	for (int i = 0; i < 3; i++)
	{
		fcinfo->args[i].value = i < count ? arguments[i] : (Datum) 0;
		fcinfo->args[i].isnull = i >= count;
	}
	memset(error, 0, offsetof(FuzzError, message) + 1);
	raised = error;
	if (sigsetjmp(jump, 0) != 0)
	{
		raised = NULL;
		return false;
	}
	*result = function(fcinfo);
	raised = NULL;
	if (fcinfo->isnull)
		abort();
	return true;
}

bool
FuzzCall(PGFunction function, Datum argument, Datum *result, FuzzError *error)
{
	return FuzzCallMany(function, 1, &argument, result, error);
}
