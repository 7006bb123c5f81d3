/*
 * facts.c
 *		Narrow facts of events, sorted by profile.
 *
 * One event becomes one tuple, whatever number of rules it matters to:
 *
 *		profile_id | occurred_at | message_key | entries (bytea)
 *		 8 bytes      8             16
 *
 *		entry := series (2 bytes), kind (1 byte), value
 *		value := nothing                              VALUE_NULL
 *				 1 byte                               VALUE_BOOLEAN
 *				 length (4 bytes), bytes              VALUE_NUMBER, VALUE_TEXT, VALUE_JSON
 *
 * The tuples live in a sort of the server, which spills to disk beyond
 * work_mem; nothing of this is ever stored.
 */
#include "core/core.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "utils/typcache.h"

#include "segment/facts.h"

struct FactStore
{
	RulePlan   *plan;
	Tuplesortstate *sort;
	TupleDesc	desc;
	TupleTableSlot *put;
	TupleTableSlot *get;
	bool		at_fact;		/* get holds the next fact */
	bool		sorted;
	StringInfoData entries;
};

FactStore *
NewFactStore(RulePlan *plan)
{
	FactStore  *store = palloc0(sizeof(FactStore));
	AttrNumber	keys[3] = {1, 2, 3};
	Oid			operators[3];
	Oid			collations[3] = {InvalidOid, InvalidOid, InvalidOid};
	bool		nulls_first[3] = {false, false, false};
	Oid			types[3] = {INT8OID, TIMESTAMPTZOID, UUIDOID};

	store->plan = plan;
	store->desc = CreateTemplateTupleDesc(4);
	TupleDescInitEntry(store->desc, 1, "profile_id", INT8OID, -1, 0);
	TupleDescInitEntry(store->desc, 2, "occurred_at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(store->desc, 3, "message_key", UUIDOID, -1, 0);
	TupleDescInitEntry(store->desc, 4, "entries", BYTEAOID, -1, 0);
	for (int i = 0; i < 3; i++)
		operators[i] = lookup_type_cache(types[i], TYPECACHE_LT_OPR)->lt_opr;
	store->sort = tuplesort_begin_heap(store->desc, 3, keys, operators, collations, nulls_first,
									   work_mem, NULL, TUPLESORT_NONE);
	store->put = MakeSingleTupleTableSlot(store->desc, &TTSOpsVirtual);
	store->get = MakeSingleTupleTableSlot(store->desc, &TTSOpsMinimalTuple);
	initStringInfo(&store->entries);
	return store;
}

void
StartFact(FactStore *store)
{
	resetStringInfo(&store->entries);
	appendStringInfoSpaces(&store->entries, VARHDRSZ);
}

void
AddToFact(FactStore *store, int series, const RuleValue *value)
{
	uint16		number = series;
	uint8		kind = value->kind;
	int32		length = 0;
	const void *bytes = NULL;

	appendBinaryStringInfo(&store->entries, (char *) &number, sizeof(number));
	appendBinaryStringInfo(&store->entries, (char *) &kind, sizeof(kind));
	switch (value->kind)
	{
		case VALUE_NUMBER:
			length = VARSIZE_ANY(value->number);
			bytes = value->number;
			break;
		case VALUE_TEXT:
			length = value->length;
			bytes = value->text;
			break;
		case VALUE_JSON:
			length = value->length;
			bytes = value->json;
			break;
		case VALUE_BOOLEAN:
			appendBinaryStringInfo(&store->entries, (const char *) &value->boolean, 1);
			return;
		default:
			return;
	}
	appendBinaryStringInfo(&store->entries, (char *) &length, sizeof(length));
	appendBinaryStringInfo(&store->entries, bytes, length);
}

void
PutFact(FactStore *store, int64 profile_id, TimestampTz at, Datum message_key)
{
	TupleTableSlot *slot = store->put;

	SET_VARSIZE(store->entries.data, store->entries.len);
	ExecClearTuple(slot);
	slot->tts_values[0] = Int64GetDatum(profile_id);
	slot->tts_values[1] = TimestampTzGetDatum(at);
	slot->tts_values[2] = message_key;
	slot->tts_values[3] = PointerGetDatum(store->entries.data);
	memset(slot->tts_isnull, 0, 4 * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(store->sort, slot);
}

static void
NextFact(FactStore *store)
{
	store->at_fact = tuplesort_gettupleslot(store->sort, true, false, store->get, NULL);
	if (store->at_fact)
		slot_getallattrs(store->get);
}

void
SortFacts(FactStore *store)
{
	tuplesort_performsort(store->sort);
	store->sorted = true;
	NextFact(store);
}

/* Appends a fact to its series; values are copied, since the tuple goes away */
static const char *
LoadEntry(RulePlan *plan, const char *at, TimestampTz when, uint32 ordinal, Datum message_key)
{
	PlanSeries *series;
	Fact	   *fact;
	uint16		number;
	uint8		kind;
	int32		length;
	char	   *bytes;

	memcpy(&number, at, sizeof(number));
	kind = at[2];
	at += 3;
	series = &plan->series[number];
	if (series->nfacts == series->space)
	{
		int			space = Max(16, series->space * 2);

		series->facts = series->facts ? repalloc_huge(series->facts, space * sizeof(Fact)) :
			MemoryContextAllocHuge(plan->context, space * sizeof(Fact));
		series->space = space;
	}
	if (series->nfacts == 0)
		series->first_key = *DatumGetUUIDP(message_key);
	fact = &series->facts[series->nfacts++];
	fact->at = when;
	fact->ordinal = ordinal;
	fact->value.kind = kind;
	if (kind == VALUE_NULL)
		return at;
	if (kind == VALUE_BOOLEAN)
	{
		fact->value.boolean = *at;
		return at + 1;
	}
	memcpy(&length, at, sizeof(length));
	at += sizeof(length);
	bytes = MemoryContextAlloc(plan->profile_context, Max(length, 1));
	memcpy(bytes, at, length);
	if (kind == VALUE_NUMBER)
		fact->value.number = DatumGetNumeric(PointerGetDatum(bytes));
	else if (kind == VALUE_JSON)
		fact->value.json = (JsonbContainer *) bytes;
	else
		fact->value.text = bytes;
	fact->value.length = length;
	return at + length;
}

/* The facts of a profile; profiles must be asked for in the order of their ids */
void
LoadFacts(FactStore *store, int64 profile_id)
{
	uint32		ordinal = 0;

	while (store->at_fact && DatumGetInt64(store->get->tts_values[0]) <= profile_id)
	{
		if (DatumGetInt64(store->get->tts_values[0]) == profile_id)
		{
			struct varlena *entries = (struct varlena *) DatumGetPointer(store->get->tts_values[3]);
			const char *at = VARDATA_ANY(entries);
			const char *end = at + VARSIZE_ANY_EXHDR(entries);

			while (at < end)
				at = LoadEntry(store->plan, at, DatumGetTimestampTz(store->get->tts_values[1]), ordinal,
							   store->get->tts_values[2]);
			ordinal++;
		}
		NextFact(store);
	}
}

void
FreeFactStore(FactStore *store)
{
	ExecDropSingleTupleTableSlot(store->put);
	ExecDropSingleTupleTableSlot(store->get);
	tuplesort_end(store->sort);
}
