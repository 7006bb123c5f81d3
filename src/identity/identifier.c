/*
 * identifier.c
 *		Identifier types and their rules (tables identifier_type and
 *		blocked_identifier), and how a value becomes canonical.
 */
#include "core/core.h"

#include "catalog/pg_collation.h"
#include "regex/regex.h"

#include "core/hash.h"
#include "core/rowset.h"
#include "identity/email.h"
#include "identity/identifier.h"
#include "identity/phone.h"

PG_FUNCTION_INFO_V1(cdp_normalize_identifier);
PG_FUNCTION_INFO_V1(cdp_identity_key);

static Statement select_types = {
	"SELECT name, normalizer, priority::int, coalesce(max_per_profile, 0), is_unique, coalesce(max_people, 0), is_personal"
	" FROM cdp.identifier_type ORDER BY priority, name COLLATE \"C\""
};

static Statement select_blocked = {
	"SELECT type, is_regex, CASE WHEN is_regex THEN pattern ELSE lower(pattern COLLATE \"C\") END"
	" FROM cdp.blocked_identifier ORDER BY type, pattern COLLATE \"C\""
};

static Statement select_region = {
	"SELECT value FROM cdp.setting WHERE name = 'default_region' AND value <> ''"
};

static char *
ColumnText(int row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static Normalizer
NormalizerByName(const char *name)
{
	if (strcmp(name, "email") == 0)
		return NORMALIZE_EMAIL;
	if (strcmp(name, "phone") == 0)
		return NORMALIZE_PHONE;
	if (strcmp(name, "lower") == 0)
		return NORMALIZE_LOWER;
	return NORMALIZE_TEXT;
}

/*
 * Reads the rules, in the caller's memory context.  SPI must be connected.
 */
IdentifierRules *
LoadIdentifierRules(void)
{
	IdentifierRules *rules = palloc0(sizeof(IdentifierRules));
	bool		isnull;

	StatementRun(&select_types, NULL, NULL);
	if (SPI_processed > MAX_IDENTIFIER_TYPES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many identifier types: %llu", (unsigned long long) SPI_processed),
				 errdetail("At most %d are possible.", MAX_IDENTIFIER_TYPES)));
	rules->ntypes = SPI_processed;
	rules->types = palloc0(sizeof(IdentifierType) * Max(rules->ntypes, 1));
	for (int i = 0; i < rules->ntypes; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		rules->types[i].name = ColumnText(i, 1);
		rules->types[i].normalizer = NormalizerByName(ColumnText(i, 2));
		rules->types[i].priority = DatumGetInt32(SPI_getbinval(tuple, desc, 3, &isnull));
		rules->types[i].max_per_profile = DatumGetInt32(SPI_getbinval(tuple, desc, 4, &isnull));
		rules->types[i].is_unique = DatumGetBool(SPI_getbinval(tuple, desc, 5, &isnull));
		rules->types[i].is_personal = DatumGetBool(SPI_getbinval(tuple, desc, 7, &isnull));
		rules->types[i].max_people = DatumGetInt32(SPI_getbinval(tuple, desc, 6, &isnull));
		if (rules->types[i].is_unique)
			rules->types[i].max_per_profile = 1;
	}

	StatementRun(&select_blocked, NULL, NULL);
	rules->blocked = palloc0(sizeof(BlockedPattern) * Max(SPI_processed, 1));
	for (int i = 0; i < SPI_processed; i++)
	{
		char	   *type = ColumnText(i, 1);
		BlockedPattern *blocked = &rules->blocked[rules->nblocked];

		blocked->type = strcmp(type, "*") == 0 ? -1 : FindIdentifierType(rules, type, strlen(type));
		if (blocked->type < 0 && strcmp(type, "*") != 0)
			continue;			/* a rule for a type that is gone */
		blocked->is_regex = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		blocked->pattern = cstring_to_text(ColumnText(i, 3));
		rules->nblocked++;
	}

	StatementRun(&select_region, NULL, NULL);
	if (SPI_processed == 1)
		rules->default_region = ColumnText(0, 1);
	return rules;
}

/* Index of a type, or -1. */
int
FindIdentifierType(const IdentifierRules *rules, const char *name, int len)
{
	for (int i = 0; i < rules->ntypes; i++)
		if (strlen(rules->types[i].name) == len && memcmp(rules->types[i].name, name, len) == 0)
			return i;
	return -1;
}

/* Letters A to Z in lower case; others stay. */
static void
AppendLower(StringInfo buf, const char *value, int len)
{
	for (int i = 0; i < len; i++)
		appendStringInfoChar(buf, value[i] >= 'A' && value[i] <= 'Z' ? value[i] + 32 : value[i]);
}

/* Is the value, or its canonical form, one that identifies nobody? */
static bool
IsBlocked(const IdentifierRules *rules, int type, const char *value, int len, StringInfo canonical)
{
	StringInfoData folded;
	text	   *subject = NULL;
	bool		blocked = false;

	initStringInfo(&folded);
	AppendLower(&folded, value, len);
	for (int i = 0; i < rules->nblocked && !blocked; i++)
	{
		const BlockedPattern *b = &rules->blocked[i];
		int			pattern_len = VARSIZE_ANY_EXHDR(b->pattern);

		if (b->type >= 0 && b->type != type)
			continue;
		if (b->is_regex)
		{
			if (subject == NULL)
				subject = cstring_to_text_with_len(canonical->len > 0 ? canonical->data : folded.data,
												   canonical->len > 0 ? canonical->len : folded.len);
			blocked = RE_compile_and_execute(b->pattern, VARDATA_ANY(subject), VARSIZE_ANY_EXHDR(subject),
											 REG_ADVANCED | REG_NOSUB | REG_ICASE, C_COLLATION_OID, 0, NULL);
		}
		else
			blocked = pattern_len == folded.len && memcmp(VARDATA_ANY(b->pattern), folded.data, folded.len) == 0;
	}
	pfree(folded.data);
	return blocked;
}

/* Cuts ASCII blanks and no-break spaces at both ends. */
static void
Trim(const char **value, int *len)
{
	for (;;)
	{
		if (*len > 0 && (unsigned char) **value <= ' ')
			(*value)++, (*len)--;
		else if (*len > 1 && memcmp(*value, "\xC2\xA0", 2) == 0)
			*value += 2, *len -= 2;
		else
			break;
	}
	for (;;)
	{
		if (*len > 0 && (unsigned char) (*value)[*len - 1] <= ' ')
			(*len)--;
		else if (*len > 1 && memcmp(*value + *len - 2, "\xC2\xA0", 2) == 0)
			*len -= 2;
		else
			break;
	}
}

/*
 * Puts the canonical form of a value into *canonical (reset first).  When the
 * verdict is not OK, *reason says why in words that carry no value.
 */
IdentifierVerdict
NormalizeIdentifier(const IdentifierRules *rules, int type, const char *value, int len,
					const char *region, StringInfo canonical, const char **reason)
{
	char		phone[32];
	bool		valid = true;

	resetStringInfo(canonical);
	*reason = NULL;
	Trim(&value, &len);
	if (len == 0)
		return IDENTIFIER_EMPTY;
	if (len > MAX_IDENTIFIER_LENGTH)
	{
		*reason = "longer than 512 bytes";
		return IDENTIFIER_INVALID;
	}
	switch (rules->types[type].normalizer)
	{
		case NORMALIZE_EMAIL:
			valid = EmailCanonicalize(value, len, canonical, reason);
			break;
		case NORMALIZE_PHONE:
			valid = PhoneCanonicalize(value, len, region ? region : rules->default_region, phone, reason);
			if (valid)
				appendStringInfoString(canonical, phone);
			break;
		case NORMALIZE_LOWER:
			AppendLower(canonical, value, len);
			break;
		case NORMALIZE_TEXT:
			appendBinaryStringInfo(canonical, value, len);
			break;
	}
	if (!valid)
		resetStringInfo(canonical);
	if (IsBlocked(rules, type, value, len, canonical))
	{
		*reason = "blocked";
		return IDENTIFIER_BLOCKED;
	}
	return valid ? IDENTIFIER_OK : IDENTIFIER_INVALID;
}

/* The key by which the whole graph knows an identifier. */
void
IdentityKey(pg_uuid_t *key, const IdentifierType *type, const char *canonical, int len)
{
	HashKey(key, type->name, strlen(type->name), canonical, len);
}

/*
 * normalize_identifier(type text, value text, region text) → text
 */
Datum
cdp_normalize_identifier(PG_FUNCTION_ARGS)
{
	text	   *type_name;
	text	   *value;
	char	   *region = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	MemoryContext caller = CurrentMemoryContext;
	IdentifierRules *rules;
	StringInfoData canonical;
	const char *reason;
	int			type;
	text	   *result = NULL;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	type_name = PG_GETARG_TEXT_PP(0);
	value = PG_GETARG_TEXT_PP(1);

	/* the rules are read once a statement, for a function called per row */
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext old;

		SPI_connect();
		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = LoadIdentifierRules();
		MemoryContextSwitchTo(old);
		SPI_finish();
		MemoryContextSwitchTo(caller);
	}
	rules = fcinfo->flinfo->fn_extra;
	type = FindIdentifierType(rules, VARDATA_ANY(type_name), VARSIZE_ANY_EXHDR(type_name));
	if (type < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CDP_UNKNOWN_NAME),
				 errmsg("unknown identifier type \"%s\"", text_to_cstring(type_name)),
				 errhint("SELECT name FROM cdp.identifier_type lists the types.")));
	initStringInfo(&canonical);
	if (NormalizeIdentifier(rules, type, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), region,
							&canonical, &reason) == IDENTIFIER_OK)
		result = cstring_to_text_with_len(canonical.data, canonical.len);
	pfree(canonical.data);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/*
 * identity_key(type text, value text) → uuid, of a canonical value
 */
Datum
cdp_identity_key(PG_FUNCTION_ARGS)
{
	text	   *type = PG_GETARG_TEXT_PP(0);
	text	   *value = PG_GETARG_TEXT_PP(1);
	pg_uuid_t  *key = palloc(sizeof(pg_uuid_t));

	HashKey(key, VARDATA_ANY(type), VARSIZE_ANY_EXHDR(type), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_UUID_P(key);
}
