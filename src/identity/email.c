/*
 * email.c
 *		The type cdp.email: an address as given, with its canonical form.
 *
 *	 +---------+---------+-----------+------------------+----------------+
 *	 | varlena | version | length of | canonical bytes, | as given;      |
 *	 | header  | 1 byte  | canonical | UTF-8, at most   | nothing when   |
 *	 | 1 or 4  | (1)     | 1 byte    | 254              | it is the same |
 *	 +---------+---------+-----------+------------------+----------------+
 *
 * Equality and order are those of the canonical bytes (memcmp); ICU works only
 * when a value is read, so no index depends on its version.  The address as
 * given is in the encoding of the database.
 */
#include "core/core.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/sortsupport.h"

#include "core/text.h"
#include "identity/email.h"

#define EMAIL_VERSION 1
#define EMAIL_HEADER 2			/* version and length */
#define EMAIL_KEY_SIZE 256		/* what one byte of length can say */

/* A value taken apart */
typedef struct EmailView
{
	const char *canonical;
	int			len;
	const char *given;
	int			given_len;
} EmailView;

PG_FUNCTION_INFO_V1(cdp_email_in);
PG_FUNCTION_INFO_V1(cdp_email_out);
PG_FUNCTION_INFO_V1(cdp_email_recv);
PG_FUNCTION_INFO_V1(cdp_email_send);
PG_FUNCTION_INFO_V1(cdp_try_email);
PG_FUNCTION_INFO_V1(cdp_email_canonical);
PG_FUNCTION_INFO_V1(cdp_email_domain);
PG_FUNCTION_INFO_V1(cdp_email_match_key);
PG_FUNCTION_INFO_V1(cdp_email_eq);
PG_FUNCTION_INFO_V1(cdp_email_ne);
PG_FUNCTION_INFO_V1(cdp_email_lt);
PG_FUNCTION_INFO_V1(cdp_email_le);
PG_FUNCTION_INFO_V1(cdp_email_gt);
PG_FUNCTION_INFO_V1(cdp_email_ge);
PG_FUNCTION_INFO_V1(cdp_email_cmp);
PG_FUNCTION_INFO_V1(cdp_email_sortsupport);
PG_FUNCTION_INFO_V1(cdp_email_hash);
PG_FUNCTION_INFO_V1(cdp_email_hash_extended);
PG_FUNCTION_INFO_V1(cdp_email_same_mailbox);
PG_FUNCTION_INFO_V1(cdp_email_mailbox_hash);
PG_FUNCTION_INFO_V1(cdp_email_mailbox_hash_extended);

static void
ViewEmail(struct varlena *value, EmailView *view)
{
	const unsigned char *data = (const unsigned char *) VARDATA_ANY(value);
	int			size = VARSIZE_ANY_EXHDR(value);

	if (size < EMAIL_HEADER || data[0] != EMAIL_VERSION || size < EMAIL_HEADER + data[1])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a value of type email has an unknown format")));
	view->len = data[1];
	view->canonical = (const char *) data + EMAIL_HEADER;
	view->given = view->canonical + view->len;
	view->given_len = size - EMAIL_HEADER - view->len;
}

#define PG_GETARG_EMAIL(n, view) ViewEmail(PG_GETARG_VARLENA_PP(n), view)

static int
InvalidEmail(const char *text, int len, const char *reason)
{
	errcode(ERRCODE_INVALID_TEXT_REPRESENTATION);
	errmsg("invalid e-mail address: \"%s\"", TextForMessage(text, len));
	return errdetail("%s", reason);
}

/* Makes a value of text of the database's encoding; NULL, with the reason, when it is none */
static struct varlena *
MakeEmail(const char *text, int len, const char **reason)
{
	EmailAddress email;
	int			utf8_len = len;
	const char *utf8 = TextToUtf8(text, &utf8_len);
	const char *given;
	int			given_len;
	struct varlena *value;
	char	   *data;

	if (!EmailParse(utf8, utf8_len, &email, reason))
		return NULL;
	given = email.given;
	given_len = email.given_len;
	if (given_len == email.canonical_len && memcmp(given, email.canonical, given_len) == 0)
		given_len = 0;
	else if (utf8 != text)
	{
		given = TextFromUtf8(given, given_len);
		given_len = strlen(given);
	}
	value = palloc(VARHDRSZ + EMAIL_HEADER + email.canonical_len + given_len);
	SET_VARSIZE(value, VARHDRSZ + EMAIL_HEADER + email.canonical_len + given_len);
	data = VARDATA(value);
	data[0] = EMAIL_VERSION;
	data[1] = (char) email.canonical_len;
	memcpy(data + EMAIL_HEADER, email.canonical, email.canonical_len);
	memcpy(data + EMAIL_HEADER + email.canonical_len, given, given_len);
	return value;
}

/* The address as given, zero-terminated */
static char *
EmailText(const EmailView *view)
{
	if (view->given_len == 0)
		return TextFromUtf8(view->canonical, view->len);
	return pnstrdup(view->given, view->given_len);
}

Datum
cdp_email_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int			len = strlen(text);
	const char *reason;
	struct varlena *value = MakeEmail(text, len, &reason);

	if (value == NULL)
		CdpReturnError(CdpErrorContext(fcinfo), (Datum) 0, (InvalidEmail(text, len, reason)));
	PG_RETURN_POINTER(value);
}

Datum
cdp_email_out(PG_FUNCTION_ARGS)
{
	EmailView	view;

	PG_GETARG_EMAIL(0, &view);
	PG_RETURN_CSTRING(EmailText(&view));
}

/* The binary form is the text as given, so that it outlives the layout above */
Datum
cdp_email_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor, &len);
	const char *reason;
	struct varlena *value = MakeEmail(text, len, &reason);

	if (value == NULL)
		ereport(ERROR, (InvalidEmail(text, len, reason)));
	PG_RETURN_POINTER(value);
}

Datum
cdp_email_send(PG_FUNCTION_ARGS)
{
	EmailView	view;
	StringInfoData message;
	char	   *text;

	PG_GETARG_EMAIL(0, &view);
	text = EmailText(&view);
	pq_begintypsend(&message);
	pq_sendtext(&message, text, strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
cdp_try_email(PG_FUNCTION_ARGS)
{
	text	   *given = PG_GETARG_TEXT_PP(0);
	const char *reason;
	struct varlena *value = MakeEmail(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &reason);

	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(value);
}

static text *
TextOfUtf8(const char *utf8, int len)
{
	if (GetDatabaseEncoding() == PG_UTF8 || TextIsAscii(utf8, len))
		return cstring_to_text_with_len(utf8, len);
	return cstring_to_text(TextFromUtf8(utf8, len));
}

Datum
cdp_email_canonical(PG_FUNCTION_ARGS)
{
	EmailView	view;

	PG_GETARG_EMAIL(0, &view);
	PG_RETURN_TEXT_P(TextOfUtf8(view.canonical, view.len));
}

Datum
cdp_email_domain(PG_FUNCTION_ARGS)
{
	EmailView	view;
	int			at;

	PG_GETARG_EMAIL(0, &view);
	for (at = view.len - 1; at > 0 && view.canonical[at] != '@';)
		at--;
	PG_RETURN_TEXT_P(cstring_to_text_with_len(view.canonical + at + 1, view.len - at - 1));
}

Datum
cdp_email_match_key(PG_FUNCTION_ARGS)
{
	EmailView	view;
	char		key[EMAIL_KEY_SIZE];
	int			len;

	PG_GETARG_EMAIL(0, &view);
	len = EmailMatchKey(view.canonical, view.len, key);
	PG_RETURN_TEXT_P(TextOfUtf8(key, len));
}

static inline int
CompareViews(const EmailView *a, const EmailView *b)
{
	int			order = memcmp(a->canonical, b->canonical, Min(a->len, b->len));

	return order != 0 ? order : a->len - b->len;
}

static int
CompareArguments(FunctionCallInfo fcinfo)
{
	EmailView	a;
	EmailView	b;
	int			order;

	PG_GETARG_EMAIL(0, &a);
	PG_GETARG_EMAIL(1, &b);
	order = CompareViews(&a, &b);
	return order < 0 ? -1 : order > 0 ? 1 : 0;
}

#define EMAIL_COMPARISON(name, operator) \
Datum \
cdp_email_##name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(CompareArguments(fcinfo) operator 0); \
}

EMAIL_COMPARISON(eq, ==)
EMAIL_COMPARISON(ne, !=)
EMAIL_COMPARISON(lt, <)
EMAIL_COMPARISON(le, <=)
EMAIL_COMPARISON(gt, >)
EMAIL_COMPARISON(ge, >=)

Datum
cdp_email_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareArguments(fcinfo));
}

static int
EmailSortComparator(Datum x, Datum y, SortSupport ssup)
{
	struct varlena *a = PG_DETOAST_DATUM_PACKED(x);
	struct varlena *b = PG_DETOAST_DATUM_PACKED(y);
	EmailView	view_a;
	EmailView	view_b;
	int			order;

	ViewEmail(a, &view_a);
	ViewEmail(b, &view_b);
	order = CompareViews(&view_a, &view_b);
	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return order;
}

Datum
cdp_email_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = EmailSortComparator;
	PG_RETURN_VOID();
}

Datum
cdp_email_hash(PG_FUNCTION_ARGS)
{
	EmailView	view;

	PG_GETARG_EMAIL(0, &view);
	return hash_any((const unsigned char *) view.canonical, view.len);
}

Datum
cdp_email_hash_extended(PG_FUNCTION_ARGS)
{
	EmailView	view;

	PG_GETARG_EMAIL(0, &view);
	return hash_any_extended((const unsigned char *) view.canonical, view.len, PG_GETARG_INT64(1));
}

Datum
cdp_email_same_mailbox(PG_FUNCTION_ARGS)
{
	EmailView	a;
	EmailView	b;
	char		key_a[EMAIL_KEY_SIZE];
	char		key_b[EMAIL_KEY_SIZE];
	int			len_a;
	int			len_b;

	PG_GETARG_EMAIL(0, &a);
	PG_GETARG_EMAIL(1, &b);
	len_a = EmailMatchKey(a.canonical, a.len, key_a);
	len_b = EmailMatchKey(b.canonical, b.len, key_b);
	PG_RETURN_BOOL(len_a == len_b && memcmp(key_a, key_b, len_a) == 0);
}

Datum
cdp_email_mailbox_hash(PG_FUNCTION_ARGS)
{
	EmailView	view;
	char		key[EMAIL_KEY_SIZE];
	int			len;

	PG_GETARG_EMAIL(0, &view);
	len = EmailMatchKey(view.canonical, view.len, key);
	return hash_any((unsigned char *) key, len);
}

Datum
cdp_email_mailbox_hash_extended(PG_FUNCTION_ARGS)
{
	EmailView	view;
	char		key[EMAIL_KEY_SIZE];
	int			len;

	PG_GETARG_EMAIL(0, &view);
	len = EmailMatchKey(view.canonical, view.len, key);
	return hash_any_extended((unsigned char *) key, len, PG_GETARG_INT64(1));
}
