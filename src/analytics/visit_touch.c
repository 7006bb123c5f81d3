/*
 * visit_touch.c
 *		What an event of a visit tells of where the visit came from.
 *
 *	  source \037 medium \037 campaign \037 host of the referrer \037 name of the click id
 *
 * Null when neither a source, a medium, a click id nor another site's referrer
 * is there.  The reports look at every event of a visit, so this is C: the same
 * with jsonb paths and regular expressions took most of their time.
 */
#include "core/core.h"

#include "lib/stringinfo.h"

#define PART_END '\037'

static const char *const click_names[] = {
	"gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id", "yclid"
};

/* A text that is not terminated; text is NULL when there is none */
typedef struct Slice
{
	const char *text;
	int			len;
} Slice;

PG_FUNCTION_INFO_V1(cdp_visit_touch);

static JsonbContainer *
MemberObject(JsonbContainer *container, const char *key)
{
	JsonbValue	value;

	if (container == NULL || !JsonContainerIsObject(container) ||
		getKeyJsonValueFromContainer(container, key, strlen(key), &value) == NULL || value.type != jbvBinary)
		return NULL;
	return value.val.binary.data;
}

/* As container ->> key tells it */
static Slice
MemberText(JsonbContainer *container, const char *key)
{
	Slice		slice = {NULL, 0};
	JsonbValue	value;
	char	   *number;

	if (container == NULL || !JsonContainerIsObject(container) ||
		getKeyJsonValueFromContainer(container, key, strlen(key), &value) == NULL)
		return slice;
	switch (value.type)
	{
		case jbvString:
			slice.text = value.val.string.val;
			slice.len = value.val.string.len;
			break;
		case jbvNumeric:
			number = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
			slice.text = number;
			slice.len = strlen(number);
			break;
		case jbvBool:
			slice.text = value.val.boolean ? "true" : "false";
			slice.len = strlen(slice.text);
			break;
		case jbvBinary:
			slice.text = JsonbToCString(NULL, value.val.binary.data, value.val.binary.len);
			slice.len = strlen(slice.text);
			break;
		default:
			break;
	}
	return slice;
}

static Slice
FirstOf(Slice a, Slice b)
{
	return a.text != NULL ? a : b;
}

/* The host of scheme://host…, without www.; none when it is no such address */
static Slice
HostOf(Slice address)
{
	Slice		host = {NULL, 0};
	const char *p = address.text;
	const char *end = p + address.len;
	const char *start;

	if (p == NULL)
		return host;
	while (p < end && *p >= 'a' && *p <= 'z')
		p++;
	if (p == address.text || end - p < 3 || memcmp(p, "://", 3) != 0)
		return host;
	start = p += 3;
	while (p < end && *p != '/' && *p != ':' && *p != '?' && *p != '#')
		p++;
	if (p - start > 4 && memcmp(start, "www.", 4) == 0)
		start += 4;
	if (p > start)
	{
		host.text = start;
		host.len = p - start;
	}
	return host;
}

/* Name of the first click id in the address's query, or NULL */
static const char *
ClickNameIn(Slice address)
{
	const char *p = address.text;
	const char *end = p + address.len;

	if (p == NULL)
		return NULL;
	for (; p < end; p++)
	{
		if (*p != '?' && *p != '&')
			continue;
		for (int i = 0; i < (int) lengthof(click_names); i++)
		{
			int			len = strlen(click_names[i]);

			if (end - p > len + 1 && memcmp(p + 1, click_names[i], len) == 0 && p[1 + len] == '=')
				return click_names[i];
		}
	}
	return NULL;
}

/* visit_touch(context jsonb, properties jsonb) */
Datum
cdp_visit_touch(PG_FUNCTION_ARGS)
{
	JsonbContainer *context = PG_ARGISNULL(0) ? NULL : &PG_GETARG_JSONB_P(0)->root;
	JsonbContainer *properties = PG_ARGISNULL(1) ? NULL : &PG_GETARG_JSONB_P(1)->root;
	JsonbContainer *campaign = MemberObject(context, "campaign");
	JsonbContainer *page = MemberObject(context, "page");
	Slice		url = MemberText(page, "url");
	Slice		property_url = MemberText(properties, "url");
	Slice		source = MemberText(campaign, "source");
	Slice		medium = MemberText(campaign, "medium");
	Slice		site;
	Slice		own;
	Slice		click = {NULL, 0};
	Slice		parts[5];
	StringInfoData buf;

	site = HostOf(FirstOf(FirstOf(MemberText(page, "referrer"), MemberText(MemberObject(context, "referrer"), "url")),
						  MemberText(properties, "referrer")));
	/* the own site is no referrer */
	own = HostOf(FirstOf(url, property_url));
	if (site.text != NULL && own.text != NULL && site.len == own.len && memcmp(site.text, own.text, own.len) == 0)
		site.text = NULL;
	click.text = ClickNameIn(url);
	if (click.text == NULL)
		click.text = ClickNameIn(property_url);
	if (click.text == NULL)
		click.text = ClickNameIn(MemberText(page, "search"));
	if (click.text == NULL)
		click.text = ClickNameIn(MemberText(properties, "search"));
	if (click.text != NULL)
		click.len = strlen(click.text);
	if (source.len == 0 && medium.len == 0 && click.text == NULL && site.text == NULL)
		PG_RETURN_NULL();
	parts[0] = source;
	parts[1] = medium;
	parts[2] = MemberText(campaign, "name");
	parts[3] = site;
	parts[4] = click;
	initStringInfo(&buf);
	for (int i = 0; i < (int) lengthof(parts); i++)
	{
		if (i > 0)
			appendStringInfoChar(&buf, PART_END);
		if (parts[i].text != NULL)
			appendBinaryStringInfo(&buf, parts[i].text, parts[i].len);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}
