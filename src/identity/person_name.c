/*
 * person_name.c
 *		The type cdp.person_name: a name as given, with its canonical form.
 *
 *	 +---------+---------+------------+------------------+----------------+
 *	 | varlena | version | length of  | canonical name,  | as given;      |
 *	 | header  | 1 byte  | canonical, | UTF-8, words     | nothing when   |
 *	 | 1 or 4  | (1)     | 2 bytes,   | parted by blanks | it is the same |
 *	 |         |         | high first |                  |                |
 *	 +---------+---------+------------+------------------+----------------+
 *
 * Equality and order are those of the canonical bytes (memcmp): the order of
 * words counts, but "Kowalski, Jan" has been put in order when it was read.
 * Similarity (~=, <~>) does not look at the order of words.  ICU works only
 * when a value is read.  The name as given is in the encoding of the database.
 */
#include "core/core.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "nodes/pg_list.h"
#include "utils/selfuncs.h"
#include "utils/sortsupport.h"

#include "core/settings.h"
#include "core/text.h"
#include "identity/person_name.h"

#define NAME_VERSION 1
#define NAME_HEADER 3			/* version and length */

/* share of names that are similar to one: what is assumed when nothing is known */
#define SIMILAR_SHARE 0.0001

PG_FUNCTION_INFO_V1(cdp_person_name_in);
PG_FUNCTION_INFO_V1(cdp_person_name_out);
PG_FUNCTION_INFO_V1(cdp_person_name_recv);
PG_FUNCTION_INFO_V1(cdp_person_name_send);
PG_FUNCTION_INFO_V1(cdp_try_person_name);
PG_FUNCTION_INFO_V1(cdp_person_name_canonical);
PG_FUNCTION_INFO_V1(cdp_person_name_eq);
PG_FUNCTION_INFO_V1(cdp_person_name_ne);
PG_FUNCTION_INFO_V1(cdp_person_name_lt);
PG_FUNCTION_INFO_V1(cdp_person_name_le);
PG_FUNCTION_INFO_V1(cdp_person_name_gt);
PG_FUNCTION_INFO_V1(cdp_person_name_ge);
PG_FUNCTION_INFO_V1(cdp_person_name_cmp);
PG_FUNCTION_INFO_V1(cdp_person_name_sortsupport);
PG_FUNCTION_INFO_V1(cdp_person_name_hash);
PG_FUNCTION_INFO_V1(cdp_person_name_hash_extended);
PG_FUNCTION_INFO_V1(cdp_name_similarity);
PG_FUNCTION_INFO_V1(cdp_name_distance);
PG_FUNCTION_INFO_V1(cdp_is_similar_name);
PG_FUNCTION_INFO_V1(cdp_is_similar_name_threshold);
PG_FUNCTION_INFO_V1(cdp_person_name_similar_selectivity);
PG_FUNCTION_INFO_V1(cdp_person_name_similar_join_selectivity);

void
ViewPersonName(struct varlena *value, NameView *view)
{
	const unsigned char *data = (const unsigned char *) VARDATA_ANY(value);
	int			size = VARSIZE_ANY_EXHDR(value);

	if (size >= NAME_HEADER)
		view->len = data[1] << 8 | data[2];
	if (size < NAME_HEADER || data[0] != NAME_VERSION || size < NAME_HEADER + view->len)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a value of type person_name has an unknown format")));
	view->canonical = (const char *) data + NAME_HEADER;
	view->given = view->canonical + view->len;
	view->given_len = size - NAME_HEADER - view->len;
}

#define PG_GETARG_NAME_VIEW(n, view) ViewPersonName(PG_GETARG_VARLENA_PP(n), view)

static int
InvalidName(const char *text, int len, NameProblem problem)
{
	errmsg("invalid name of a person: \"%s\"", TextForMessage(text, len));
	if (problem == NAME_IS_EMPTY)
	{
		errcode(ERRCODE_INVALID_TEXT_REPRESENTATION);
		return errdetail("It has no letter or digit.");
	}
	errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED);
	if (problem == NAME_IS_LONG)
		return errdetail("A name has at most %d characters.", NAME_CHARS);
	return errdetail("A name has at most %d words.", NAME_WORDS);
}

/* Spaces of ASCII around a name are not kept */
static const char *
TrimName(const char *text, int *len)
{
	while (*len > 0 && (*text == ' ' || (*text >= '\t' && *text <= '\r')))
	{
		text++;
		(*len)--;
	}
	while (*len > 0 && (text[*len - 1] == ' ' || (text[*len - 1] >= '\t' && text[*len - 1] <= '\r')))
		(*len)--;
	return text;
}

/* Makes a value of text of the database's encoding; NULL, with the problem, when it is none */
static struct varlena *
MakeName(const char *text, int len, NameProblem *problem)
{
	const char *utf8;
	int			utf8_len;
	StringInfoData canonical;
	struct varlena *value;
	char	   *data;
	int			size;

	text = TrimName(text, &len);
	utf8_len = len;
	utf8 = TextToUtf8(text, &utf8_len);
	initStringInfo(&canonical);
	*problem = NameParse(utf8, utf8_len, &canonical);
	if (*problem != NAME_IS_GOOD)
	{
		pfree(canonical.data);
		return NULL;
	}
	if (utf8_len == canonical.len && memcmp(utf8, canonical.data, canonical.len) == 0)
		len = 0;
	size = VARHDRSZ + NAME_HEADER + canonical.len + len;
	value = palloc(size);
	SET_VARSIZE(value, size);
	data = VARDATA(value);
	data[0] = NAME_VERSION;
	data[1] = (char) (canonical.len >> 8);
	data[2] = (char) canonical.len;
	memcpy(data + NAME_HEADER, canonical.data, canonical.len);
	memcpy(data + NAME_HEADER + canonical.len, text, len);
	pfree(canonical.data);
	return value;
}

/* The name as given, zero-terminated */
static char *
NameText(const NameView *view)
{
	if (view->given_len == 0)
		return TextFromUtf8(view->canonical, view->len);
	return pnstrdup(view->given, view->given_len);
}

Datum
cdp_person_name_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int			len = strlen(text);
	NameProblem problem;
	struct varlena *value = MakeName(text, len, &problem);

	if (value == NULL)
		CdpReturnError(CdpErrorContext(fcinfo), (Datum) 0, (InvalidName(text, len, problem)));
	PG_RETURN_POINTER(value);
}

Datum
cdp_person_name_out(PG_FUNCTION_ARGS)
{
	NameView	view;

	PG_GETARG_NAME_VIEW(0, &view);
	PG_RETURN_CSTRING(NameText(&view));
}

/* The binary form is the text as given, so that it outlives the layout above */
Datum
cdp_person_name_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor, &len);
	NameProblem problem;
	struct varlena *value = MakeName(text, len, &problem);

	if (value == NULL)
		ereport(ERROR, (InvalidName(text, len, problem)));
	PG_RETURN_POINTER(value);
}

Datum
cdp_person_name_send(PG_FUNCTION_ARGS)
{
	NameView	view;
	StringInfoData message;
	char	   *text;

	PG_GETARG_NAME_VIEW(0, &view);
	text = NameText(&view);
	pq_begintypsend(&message);
	pq_sendtext(&message, text, strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
cdp_try_person_name(PG_FUNCTION_ARGS)
{
	text	   *given = PG_GETARG_TEXT_PP(0);
	NameProblem problem;
	struct varlena *value = MakeName(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &problem);

	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(value);
}

Datum
cdp_person_name_canonical(PG_FUNCTION_ARGS)
{
	NameView	view;

	PG_GETARG_NAME_VIEW(0, &view);
	if (GetDatabaseEncoding() == PG_UTF8 || TextIsAscii(view.canonical, view.len))
		PG_RETURN_TEXT_P(cstring_to_text_with_len(view.canonical, view.len));
	PG_RETURN_TEXT_P(cstring_to_text(TextFromUtf8(view.canonical, view.len)));
}

static inline int
CompareViews(const NameView *a, const NameView *b)
{
	int			order = memcmp(a->canonical, b->canonical, Min(a->len, b->len));

	return order != 0 ? order : a->len - b->len;
}

static int
CompareArguments(FunctionCallInfo fcinfo)
{
	NameView	a;
	NameView	b;
	int			order;

	PG_GETARG_NAME_VIEW(0, &a);
	PG_GETARG_NAME_VIEW(1, &b);
	order = CompareViews(&a, &b);
	return order < 0 ? -1 : order > 0 ? 1 : 0;
}

#define NAME_COMPARISON(name, operator) \
Datum \
cdp_person_name_##name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(CompareArguments(fcinfo) operator 0); \
}

NAME_COMPARISON(eq, ==)
NAME_COMPARISON(ne, !=)
NAME_COMPARISON(lt, <)
NAME_COMPARISON(le, <=)
NAME_COMPARISON(gt, >)
NAME_COMPARISON(ge, >=)

Datum
cdp_person_name_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareArguments(fcinfo));
}

static int
NameSortComparator(Datum x, Datum y, SortSupport ssup)
{
	struct varlena *a = PG_DETOAST_DATUM_PACKED(x);
	struct varlena *b = PG_DETOAST_DATUM_PACKED(y);
	NameView	view_a;
	NameView	view_b;
	int			order;

	ViewPersonName(a, &view_a);
	ViewPersonName(b, &view_b);
	order = CompareViews(&view_a, &view_b);
	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return order;
}

Datum
cdp_person_name_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = NameSortComparator;
	PG_RETURN_VOID();
}

Datum
cdp_person_name_hash(PG_FUNCTION_ARGS)
{
	NameView	view;

	PG_GETARG_NAME_VIEW(0, &view);
	return hash_any((const unsigned char *) view.canonical, view.len);
}

Datum
cdp_person_name_hash_extended(PG_FUNCTION_ARGS)
{
	NameView	view;

	PG_GETARG_NAME_VIEW(0, &view);
	return hash_any_extended((const unsigned char *) view.canonical, view.len, PG_GETARG_INT64(1));
}

static double
SimilarityOfArguments(FunctionCallInfo fcinfo)
{
	NameView	a;
	NameView	b;

	PG_GETARG_NAME_VIEW(0, &a);
	PG_GETARG_NAME_VIEW(1, &b);
	return NameSimilarity(&a, &b);
}

Datum
cdp_name_similarity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(SimilarityOfArguments(fcinfo));
}

Datum
cdp_name_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(1.0 - SimilarityOfArguments(fcinfo));
}

Datum
cdp_is_similar_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(SimilarityOfArguments(fcinfo) >= setting_name_threshold);
}

Datum
cdp_is_similar_name_threshold(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(SimilarityOfArguments(fcinfo) >= PG_GETARG_FLOAT8(2));
}

/* ~= asked of the most common values and of the histogram, where these are known */
Datum
cdp_person_name_similar_selectivity(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			relation = PG_GETARG_INT32(3);

	PG_RETURN_FLOAT8(generic_restriction_selectivity(root, operator, PG_GET_COLLATION(), args,
													 relation, SIMILAR_SHARE));
}

Datum
cdp_person_name_similar_join_selectivity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(SIMILAR_SHARE);
}
