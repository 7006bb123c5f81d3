/*
 * scan.c
 *		Reads events, identifiers and profiles for a plan.
 *
 * The rows of a query go straight into a DestReceiver of ours, so that no row
 * is copied: of an event only the values that some rule needs are kept.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "segment/facts.h"
#include "segment/interest.h"
#include "segment/plan.h"
#include "segment/statement.h"

/*
 * Profiles are looked up by index when they are few, or few among all; a look-up
 * reads a page an event and asks each partition.  Otherwise all is scanned.
 */
#define FEW_LOOKUPS 2000
#define LOOKUPS_SHARE 16		/* one profile among so many */
#define MAX_LOOKUPS 1000000
#define UNKNOWN_LOOKUPS 20000	/* when nobody knows how many there are */
#define PARAMS_MAX 4
#define QUANTILES 100
/* so many event names are a condition of the query */
#define MAX_NAMES 8

typedef struct Reader
{
	DestReceiver pub;
	RulePlan   *plan;
	FactStore  *facts;
	MemoryContext row_context;
	int64	   *ids;			/* wanted ids, sorted; NULL: all */
	int			nids;
	bool		by_id;			/* look them up */
	/* events: filters by name */
	int			nnames;
	struct NamedFilters *names;
	uint32		name_mask;		/* places in name_table - 1, a power of two */
	int		   *name_table;		/* -1: no name */
	InterestReader *interests;	/* NULL: not needed */
	/* profiles */
	bool		with_state;
	ProfileCallback callback;
	void	   *arg;
} Reader;

typedef struct NamedFilters
{
	const char *name;			/* NULL: any */
	int			length;
	int			nfilters;
	int		   *filters;
	bool		needs_properties;
} NamedFilters;

static void
StartReader(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
EndReader(DestReceiver *self)
{
}

/* Is it cheaper to look up so many profiles than to scan all? */
static bool
AreFew(int nids)
{
	Oid			relation = get_relname_relid("profile", get_namespace_oid("cdp", false));
	HeapTuple	tuple;
	float4		profiles = -1;

	if (nids <= FEW_LOOKUPS)
		return true;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (HeapTupleIsValid(tuple))
	{
		profiles = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	if (profiles <= 0)
		return nids <= UNKNOWN_LOOKUPS;
	return nids <= Min(profiles / LOOKUPS_SHARE, MAX_LOOKUPS);
}

static void
RunQuery(RulePlan *plan, const char *query, ParamListInfo params, Reader *reader,
		 bool (*receive) (TupleTableSlot *slot, DestReceiver *self))
{
	SPIExecuteOptions options = {0};
	int			nest = NewGUCNestLevel();
	int			rc;

	reader->pub.receiveSlot = receive;
	reader->pub.rStartup = StartReader;
	reader->pub.rShutdown = EndReader;
	reader->pub.rDestroy = EndReader;
	reader->pub.mydest = DestTuplestore;	/* DestNone would be no SELECT to SPI */
	reader->row_context = AllocSetContextCreate(CurrentMemoryContext, "segment row", ALLOCSET_DEFAULT_SIZES);
	options.params = params;
	options.read_only = plan->read_only;
	options.dest = (DestReceiver *) reader;
	SPI_connect();
	if (reader->by_id)
	{
		Oid			types[PARAMS_MAX];

		for (int i = 0; i < params->numParams; i++)
			types[i] = params->params[i].ptype;
		/* whatever the planner thinks of the disk, and nothing is compiled for a few */
		(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		rc = SPI_execute_plan_extended(KeptStatement(query, params->numParams, types), &options);
	}
	else
		rc = SPI_execute_extended(query, &options);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not read for segments: %s", SPI_result_code_string(rc));
	AtEOXact_GUC(true, nest);
	SPI_finish();
	MemoryContextDelete(reader->row_context);
}

static void
SetParam(ParamListInfo params, int number, Oid type, Datum value)
{
	params->params[number - 1].ptype = type;
	params->params[number - 1].pflags = PARAM_FLAG_CONST;
	params->params[number - 1].isnull = false;
	params->params[number - 1].value = value;
}

static Datum
IdArray(const int64 *ids, int nids)
{
	Datum	   *values = palloc(Max(nids, 1) * sizeof(Datum));

	for (int i = 0; i < nids; i++)
		values[i] = Int64GetDatum(ids[i]);
	return PointerGetDatum(construct_array(values, nids, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The wanted ids, or the one, as a parameter; what the query says of it, when it is asked for */
static const char *
SetIds(Reader *reader, ParamListInfo params, int number, const char *column)
{
	int			n = reader->by_id ? reader->nids : 0;

	if (n == 1)
	{
		SetParam(params, number, INT8OID, Int64GetDatum(reader->ids[0]));
		return psprintf(" AND %s = $%d", column, number);
	}
	SetParam(params, number, INT8ARRAYOID, IdArray(reader->ids, n));
	return reader->by_id ? psprintf(" AND %s = ANY ($%d)", column, number) : "";
}

static bool
IsWanted(Reader *reader, int64 profile_id)
{
	int			low = 0;
	int			high = reader->nids;

	if (reader->ids == NULL || reader->by_id)
		return true;
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (reader->ids[middle] < profile_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reader->nids && reader->ids[low] == profile_id;
}

/* ---- events ---- */

/* Names that differ mostly do so in their last letters, or in length */
static inline uint32
HashName(const char *name, int length)
{
	uint64		tail = 0;

	if (length >= (int) sizeof(tail))
		memcpy(&tail, name + length - sizeof(tail), sizeof(tail));
	else
		memcpy(&tail, name, length);
	return (uint32) (((tail ^ (uint32) length) * UINT64CONST(0x9E3779B97F4A7C15)) >> 32);
}

static void
HashNames(Reader *reader)
{
	uint32		places = 16;

	while (places < 4 * (uint32) reader->nnames)
		places *= 2;
	reader->name_mask = places - 1;
	reader->name_table = palloc(places * sizeof(int));
	memset(reader->name_table, 0xff, places * sizeof(int));
	for (int i = 0; i < reader->nnames; i++)
	{
		uint32		at = HashName(reader->names[i].name, reader->names[i].length) & reader->name_mask;

		while (reader->name_table[at] >= 0)
			at = (at + 1) & reader->name_mask;
		reader->name_table[at] = i;
	}
}

/* The filters of events of this name; NULL: none */
static inline NamedFilters *
FindName(Reader *reader, const char *name, int length)
{
	uint32		at = HashName(name, length) & reader->name_mask;

	for (; reader->name_table[at] >= 0; at = (at + 1) & reader->name_mask)
	{
		NamedFilters *group = &reader->names[reader->name_table[at]];

		if (group->length == length && memcmp(group->name, name, length) == 0)
			return group;
	}
	return NULL;
}

static bool
FilterNeedsProperties(RulePlan *plan, PlanFilter *filter)
{
	if (filter->event->where)
		return true;
	for (int i = 0; i < filter->nseries; i++)
		if (plan->series[filter->series[i]].value)
			return true;
	return false;
}

/* Groups the filters by event name; those of any event go to names[nnames] */
static void
GroupFilters(Reader *reader)
{
	RulePlan   *plan = reader->plan;
	NamedFilters *any;

	reader->names = palloc0((plan->nfilters + 1) * sizeof(NamedFilters));
	any = palloc0(sizeof(NamedFilters));
	for (int i = 0; i < plan->nfilters; i++)
	{
		const char *name = plan->filters[i].event->name;
		NamedFilters *group = any;

		if (name)
		{
			int			n = 0;

			while (n < reader->nnames && strcmp(reader->names[n].name, name) != 0)
				n++;
			group = &reader->names[n];
			if (n == reader->nnames)
			{
				group->name = name;
				group->length = strlen(name);
				reader->nnames++;
			}
		}
		group->filters = group->filters ? repalloc(group->filters, (group->nfilters + 1) * sizeof(int)) :
			palloc(sizeof(int));
		group->filters[group->nfilters++] = i;
		group->needs_properties |= FilterNeedsProperties(plan, &plan->filters[i]);
	}
	reader->names[reader->nnames] = *any;
	HashNames(reader);
}

static bool
AddFilterFacts(Reader *reader, NamedFilters *group, TimestampTz at, const EventRow *event)
{
	RulePlan   *plan = reader->plan;
	bool		added = false;

	for (int i = 0; i < group->nfilters; i++)
	{
		PlanFilter *filter = &plan->filters[group->filters[i]];

		if (filter->event->where && EventTruth(plan, filter->event->where, event) != TRUTH_TRUE)
			continue;
		for (int s = 0; s < filter->nseries; s++)
		{
			PlanSeries *series = &plan->series[filter->series[s]];
			RuleValue	value = {VALUE_NULL};

			if (at < series->reach)
				continue;
			if (series->value)
			{
				value = EventValue(plan, series->value, event);
				if (value.kind == VALUE_NULL)
					continue;
			}
			AddToFact(reader->facts, filter->series[s], &value);
			added = true;
		}
	}
	return added;
}

/* profile_id, occurred_at, message_key, name, properties, revenue_base, may tell of interests */
static bool
ReceiveEvent(TupleTableSlot *slot, DestReceiver *self)
{
	Reader	   *reader = (Reader *) self;
	MemoryContext old;
	struct varlena *name;
	NamedFilters *group;
	NamedFilters *any = &reader->names[reader->nnames];
	EventRow	event = {0};
	TimestampTz at;
	bool		added = false;
	bool		tells_interest;

	slot_getallattrs(slot);
	if (!IsWanted(reader, DatumGetInt64(slot->tts_values[0])))
		return true;
	old = MemoryContextSwitchTo(reader->row_context);
	at = DatumGetTimestampTz(slot->tts_values[1]);
	name = PG_DETOAST_DATUM_PACKED(slot->tts_values[3]);
	group = FindName(reader, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	tells_interest = reader->interests != NULL && DatumGetBool(slot->tts_values[6]) && at >= reader->plan->interest_reach;
	if (!slot->tts_isnull[4] && ((group && group->needs_properties) || any->needs_properties || tells_interest))
		event.properties = &DatumGetJsonbP(slot->tts_values[4])->root;
	if (!slot->tts_isnull[5])
		event.revenue = DatumGetNumeric(slot->tts_values[5]);
	reader->plan->event++;
	StartFact(reader->facts);
	if (group)
		added = AddFilterFacts(reader, group, at, &event);
	if (any->nfilters > 0)
		added |= AddFilterFacts(reader, any, at, &event);
	if (tells_interest)
		added |= AddInterestFacts(reader->interests, reader->facts, name, event.properties);
	if (added)
		PutFact(reader->facts, DatumGetInt64(slot->tts_values[0]), at, slot->tts_values[2]);
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	return true;
}

static void
ScanEvents(Reader *reader)
{
	RulePlan   *plan = reader->plan;
	StringInfoData query;
	ParamListInfo params = makeParamList(3);
	Datum	   *names;
	const char *by_id = SetIds(reader, params, 3, "profile_id");

	GroupFilters(reader);
	if (plan->needs_interests)
		reader->interests = NewInterestReader(plan);
	names = palloc(Max(reader->nnames, 1) * sizeof(Datum));
	for (int i = 0; i < reader->nnames; i++)
		names[i] = CStringGetTextDatum(reader->names[i].name);
	SetParam(params, 1, TEXTARRAYOID,
			 PointerGetDatum(construct_array(names, reader->nnames, TEXTOID, -1, false, TYPALIGN_INT)));
	SetParam(params, 2, TIMESTAMPTZOID, TimestampTzGetDatum(plan->reach));

	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT profile_id, occurred_at, message_key, name, %s, %s, %s FROM cdp.event WHERE NOT is_echo AND traffic IS NULL",
					 plan->needs_properties ? "properties" : "NULL::pg_catalog.jsonb",
					 plan->needs_revenue ? "revenue_base" : "NULL::pg_catalog.numeric",
					 plan->needs_interests ? "type IN ('track', 'page', 'screen')" : "false");
	/* many names are told apart faster here */
	if (!plan->any_event && reader->nnames <= MAX_NAMES)
		appendStringInfoString(&query, " AND name = ANY ($1)");
	if (plan->reach != DT_NOBEGIN)
		appendStringInfoString(&query, " AND occurred_at >= $2");
	appendStringInfoString(&query, by_id);
	RunQuery(plan, query.data, params, reader, ReceiveEvent);
}

/* ---- identifiers ---- */

/* profile_id, identity_key, type, state */
static bool
ReceiveIdentifier(TupleTableSlot *slot, DestReceiver *self)
{
	Reader	   *reader = (Reader *) self;
	RulePlan   *plan = reader->plan;
	MemoryContext old;
	struct varlena *type;
	bool		active;
	bool		added = false;
	RuleValue	none = {VALUE_NULL};

	slot_getallattrs(slot);
	if (!IsWanted(reader, DatumGetInt64(slot->tts_values[0])))
		return true;
	old = MemoryContextSwitchTo(reader->row_context);
	type = PG_DETOAST_DATUM_PACKED(slot->tts_values[2]);
	active = DatumGetBool(slot->tts_values[3]);
	StartFact(reader->facts);
	for (int i = 0; i < plan->nseries; i++)
	{
		PlanSeries *series = &plan->series[i];

		if (series->kind == SERIES_SAMPLE ||
			(series->kind == SERIES_IDENTIFIER && active &&
			 VARSIZE_ANY_EXHDR(type) == strlen(series->identifier_type) &&
			 memcmp(VARDATA_ANY(type), series->identifier_type, VARSIZE_ANY_EXHDR(type)) == 0))
		{
			AddToFact(reader->facts, i, &none);
			added = true;
		}
	}
	if (added)
		PutFact(reader->facts, DatumGetInt64(slot->tts_values[0]), DT_NOBEGIN, slot->tts_values[1]);
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	return true;
}

static void
ScanIdentifiers(Reader *reader)
{
	ParamListInfo params = makeParamList(1);

	RunQuery(reader->plan,
			 psprintf("SELECT profile_id, identity_key, type, state = 'active' FROM cdp.profile_identity WHERE true%s",
					  SetIds(reader, params, 1, "profile_id")),
			 params, reader, ReceiveIdentifier);
}

/* ---- lists and results of queries ---- */

/* profile_id, segment_id, what stands in the list */
static bool
ReceiveListed(TupleTableSlot *slot, DestReceiver *self)
{
	static const pg_uuid_t none;
	Reader	   *reader = (Reader *) self;
	RulePlan   *plan = reader->plan;
	MemoryContext old;
	RuleValue	entry = {VALUE_NULL};

	slot_getallattrs(slot);
	if (!IsWanted(reader, DatumGetInt64(slot->tts_values[0])))
		return true;
	old = MemoryContextSwitchTo(reader->row_context);
	if (!slot->tts_isnull[2])
	{
		struct varlena *text = PG_DETOAST_DATUM_PACKED(slot->tts_values[2]);

		entry.kind = VALUE_TEXT;
		entry.text = VARDATA_ANY(text);
		entry.length = VARSIZE_ANY_EXHDR(text);
	}
	StartFact(reader->facts);
	for (int i = 0; i < plan->nseries; i++)
		if (plan->series[i].kind == SERIES_LISTED && plan->series[i].segment_id == DatumGetInt32(slot->tts_values[1]))
			AddToFact(reader->facts, i, &entry);
	PutFact(reader->facts, DatumGetInt64(slot->tts_values[0]), DT_NOBEGIN, UUIDPGetDatum(&none));
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	return true;
}

static void
ScanListed(Reader *reader)
{
	RulePlan   *plan = reader->plan;
	ParamListInfo params = makeParamList(2);
	Datum	   *segments = palloc(plan->nseries * sizeof(Datum));
	int			n = 0;

	for (int i = 0; i < plan->nseries; i++)
		if (plan->series[i].kind == SERIES_LISTED)
			segments[n++] = Int32GetDatum(plan->series[i].segment_id);
	SetParam(params, 2, INT4ARRAYOID,
			 PointerGetDatum(construct_array(segments, n, INT4OID, 4, true, TYPALIGN_INT)));
	/* what stands there is for explanations, which ask about one profile */
	RunQuery(plan,
			 psprintf("SELECT l.profile_id, l.segment_id, %s FROM cdp.segment_listed l WHERE l.segment_id = ANY ($2)%s",
					  reader->nids == 1 ? "l.entry" : "NULL::pg_catalog.text",
					  SetIds(reader, params, 1, "l.profile_id")),
			 params, reader, ReceiveListed);
}

/* ---- accounts ---- */

/* profile_id, traits (null: does not belong to it), from when on and until when */
static bool
ReceiveAccount(TupleTableSlot *slot, DestReceiver *self)
{
	static const pg_uuid_t none;
	Reader	   *reader = (Reader *) self;
	MemoryContext old;
	RuleValue	traits = {VALUE_NULL};
	RuleValue	end = {VALUE_NULL};

	slot_getallattrs(slot);
	if (!IsWanted(reader, DatumGetInt64(slot->tts_values[0])))
		return true;
	old = MemoryContextSwitchTo(reader->row_context);
	if (!slot->tts_isnull[1])
	{
		Jsonb	   *json = DatumGetJsonbP(slot->tts_values[1]);

		traits.kind = VALUE_JSON;
		traits.json = &json->root;
		traits.length = VARSIZE(json) - VARHDRSZ;
	}
	if (!slot->tts_isnull[3])
	{
		/* microseconds of our times are exact in it */
		end.kind = VALUE_FLOAT;
		end.real = (float8) DatumGetTimestampTz(slot->tts_values[3]);
	}
	StartFact(reader->facts);
	AddToFact(reader->facts, reader->plan->account_series, &traits);
	AddToFact(reader->facts, reader->plan->account_series + 1, &end);
	PutFact(reader->facts, DatumGetInt64(slot->tts_values[0]),
			slot->tts_isnull[2] ? DT_NOBEGIN : DatumGetTimestampTz(slot->tts_values[2]), UUIDPGetDatum(&none));
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	return true;
}

static void
ScanAccounts(Reader *reader)
{
	RulePlan   *plan = reader->plan;
	ParamListInfo params = makeParamList(4);

	SetParam(params, 1, INT8ARRAYOID, reader->by_id ? IdArray(reader->ids, reader->nids) : (Datum) 0);
	params->params[0].isnull = !reader->by_id;
	SetParam(params, 2, TIMESTAMPTZOID, TimestampTzGetDatum(plan->since));
	SetParam(params, 3, TIMESTAMPTZOID, TimestampTzGetDatum(plan->as_of));
	SetParam(params, 4, OIDOID, ObjectIdGetDatum(plan->reader));
	RunQuery(plan,
			 psprintf("SELECT a.profile_id, a.traits, a.starts_at, a.ends_at FROM cdp.account_facts($1, $2, $3, %s) a",
					  OidIsValid(plan->reader) ? "cdp.reader_masks($4)" : "NULL"),
			 params, reader, ReceiveAccount);
}

/* ---- profiles ---- */

/*
 * profile_id, living, traits, granted, denied, folded consents, until when,
 * has state, segment_ids, due_at, computed
 */
static bool
ReceiveProfile(TupleTableSlot *slot, DestReceiver *self)
{
	Reader	   *reader = (Reader *) self;
	ProfileRow	row = {0};
	MemoryContext old;

	slot_getallattrs(slot);
	row.profile_id = DatumGetInt64(slot->tts_values[0]);
	if (!IsWanted(reader, row.profile_id))
		return true;
	StartProfile(reader->plan);
	old = MemoryContextSwitchTo(reader->plan->profile_context);
	row.living = DatumGetBool(slot->tts_values[1]);
	if (!slot->tts_isnull[2])
		row.traits = &DatumGetJsonbP(slot->tts_values[2])->root;
	row.granted = DatumGetInt64(slot->tts_values[3]);
	row.denied = DatumGetInt64(slot->tts_values[4]);
	row.folded_known = !slot->tts_isnull[5];
	if (row.folded_known)
		row.folded = DatumGetInt64(slot->tts_values[5]);
	row.consent_until = slot->tts_isnull[6] ? NEVER : DatumGetTimestampTz(slot->tts_values[6]);
	row.has_state = DatumGetBool(slot->tts_values[7]);
	row.segment_ids = slot->tts_isnull[8] ? NULL : DatumGetArrayTypeP(slot->tts_values[8]);
	row.due_at = slot->tts_isnull[9] ? NEVER : DatumGetTimestampTz(slot->tts_values[9]);
	row.computed = slot->tts_isnull[10] ? NULL : DatumGetJsonbP(slot->tts_values[10]);
	if (reader->facts)
		LoadFacts(reader->facts, row.profile_id);
	ReadyProfile(reader->plan);
	reader->callback(reader->plan, &row, reader->arg);
	MemoryContextSwitchTo(old);
	return true;
}

static void
ScanProfiles(Reader *reader)
{
	RulePlan   *plan = reader->plan;
	StringInfoData query;
	ParamListInfo params = makeParamList(2);
	const char *by_id = SetIds(reader, params, 2, "p.profile_id");

	SetParam(params, 1, TIMESTAMPTZOID, TimestampTzGetDatum(plan->as_of));
	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT p.profile_id, p.merged_into IS NULL AND p.erased_at IS NULL, %s, ",
					 plan->needs_traits ? "p.traits" : "NULL::pg_catalog.jsonb");
	if (plan->needs_consents)
		appendStringInfoString(&query,
							   "p.consent_granted, p.consent_denied, "
							   "CASE WHEN p.consent_next_expiry <= $1 THEN cdp.consents_at(p.profile_id, $1) END, "
							   "CASE WHEN p.consent_next_expiry <= $1 THEN "
							   "(SELECT min(c.expires_at) FROM cdp.consent_record c "
							   "WHERE c.profile_id = p.profile_id AND c.expires_at > $1) "
							   "ELSE p.consent_next_expiry END, ");
	else
		appendStringInfoString(&query,
							   "0::pg_catalog.int8, 0::pg_catalog.int8, NULL::pg_catalog.int8, "
							   "NULL::pg_catalog.timestamptz, ");
	if (reader->with_state)
		appendStringInfoString(&query,
							   "s.profile_id IS NOT NULL, s.segment_ids, s.due_at, s.computed FROM cdp.profile p "
							   "LEFT JOIN cdp.profile_state s ON s.profile_id = p.profile_id "
							   "WHERE ((p.merged_into IS NULL AND p.erased_at IS NULL) OR s.profile_id IS NOT NULL)");
	else
		appendStringInfoString(&query,
							   "false, NULL::pg_catalog.int4[], NULL::pg_catalog.timestamptz, NULL::pg_catalog.jsonb FROM cdp.profile p "
							   "WHERE p.merged_into IS NULL AND p.erased_at IS NULL");
	appendStringInfoString(&query, by_id);
	if (reader->facts && !(reader->ids && reader->nids == 1))
		appendStringInfoString(&query, " ORDER BY p.profile_id");
	RunQuery(plan, query.data, params, reader, ReceiveProfile);
}

/* The first and the last id */
static void
ReadRange(RulePlan *plan, int64 *low, int64 *high)
{
	bool		isnull;

	SPI_connect();
	if (SPI_execute("SELECT min(profile_id), max(profile_id) FROM cdp.profile", plan->read_only, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
	{
		*low = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		*high = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
}

/* Ids that part the profiles into as many everywhere; of all, those that ANALYZE found */
static void
SpreadIds(RulePlan *plan, FactStore *facts, const int64 *ids, int nids)
{
	int64		quantiles[QUANTILES];
	int			n = 0;
	bool		isnull;

	if (ids != NULL)
	{
		for (; n < QUANTILES; n++)
			quantiles[n] = ids[(int64) n * nids / QUANTILES];
		SpreadFacts(facts, quantiles, n);
		return;
	}
	SPI_connect();
	if (SPI_execute("SELECT b.id FROM pg_catalog.pg_stats s, "
					"pg_catalog.unnest(s.histogram_bounds::pg_catalog.text::pg_catalog.int8[]) b (id) "
					"WHERE s.schemaname = 'cdp' AND s.tablename = 'profile' AND s.attname = 'profile_id' ORDER BY b.id",
					plan->read_only, 0) == SPI_OK_SELECT && SPI_processed >= QUANTILES)
	{
		for (; n < QUANTILES; n++)
			quantiles[n] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[n * SPI_processed / QUANTILES],
													   SPI_tuptable->tupdesc, 1, &isnull));
		SpreadFacts(facts, quantiles, n);
	}
	SPI_finish();
}

/*
 * Calls back for every living profile (with_state: also for those that have a
 * state and live no more), or for those of the sorted ids.
 */
void
EvaluateProfiles(RulePlan *plan, bool with_state, int64 *ids, int nids, ProfileCallback callback, void *arg)
{
	Reader		reader = {0};

	reader.plan = plan;
	reader.ids = ids;
	reader.nids = nids;
	reader.with_state = with_state;
	reader.callback = callback;
	reader.arg = arg;
	if (ids != NULL && nids == 0)
		return;
	reader.by_id = ids != NULL && AreFew(nids);
	if (plan->nseries > PG_UINT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("segments need too many metrics at once"),
				 errdetail("%d are needed, %d are allowed.", plan->nseries, PG_UINT16_MAX)));
	if (plan->needs_events || plan->needs_identifiers || plan->needs_listed || plan->needs_accounts)
	{
		int64		low = ids ? ids[0] : 0;
		int64		high = ids ? ids[nids - 1] : 0;

		if (ids == NULL)
			ReadRange(plan, &low, &high);
		if (plan->filled == NULL)
			plan->filled = MemoryContextAlloc(plan->context, Max(plan->nseries, 1) * sizeof(int));
		reader.facts = NewFactStore(plan, low, high, ids != NULL && nids <= FEW_PROFILES);
		if (ids == NULL || nids > FEW_PROFILES)
			SpreadIds(plan, reader.facts, ids, nids);
	}
	if (plan->needs_events)
		ScanEvents(&reader);
	if (plan->needs_identifiers)
		ScanIdentifiers(&reader);
	if (plan->needs_listed)
		ScanListed(&reader);
	if (plan->needs_accounts)
		ScanAccounts(&reader);
	ScanProfiles(&reader);
	if (reader.facts)
		FreeFactStore(reader.facts);
}
