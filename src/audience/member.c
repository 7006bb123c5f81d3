/*
 * member.c
 *		The ids of an audience one by one, and whether it has a given one.
 */
#include "core/core.h"

#include "access/detoast.h"
#include "funcapi.h"

#include "audience/audience.h"

PG_FUNCTION_INFO_V1(cdp_audience_contains_id);
PG_FUNCTION_INFO_V1(cdp_audience_ids);

/* Looks an id up in a value at hand */
static bool
HasMember(const Audience *audience, uint64 id)
{
	int64		at = AudienceFind(audience, id >> 16);
	Container	container;

	if (at < 0)
		return false;
	container = AudienceContainer(audience, (uint32) at);
	return ContainerContains(&container, (uint16) id);
}

/*
 * Looks an id up in a stored value by fetching its directory and, of a bitset,
 * one word, or else one container.  The first bytes fetched hold the whole
 * directory of an audience over some millions of ids.
 */
#define FIRST_SLICE (AUDIENCE_HEADER + 120 * sizeof(AudienceEntry))

static bool
HasMemberStored(Datum datum, uint64 id)
{
	Audience   *audience = (Audience *) PG_DETOAST_DATUM_SLICE(datum, 0, FIRST_SLICE - VARHDRSZ);
	Container	container;
	Size		directory,
				payload;
	int64		at;

	AudienceCheck(audience);
	directory = AUDIENCE_HEADER + audience->containers * sizeof(AudienceEntry);
	if (directory > FIRST_SLICE)
		audience = (Audience *) PG_DETOAST_DATUM_SLICE(datum, 0, directory - VARHDRSZ);
	at = AudienceFind(audience, id >> 16);
	if (at < 0)
		return false;
	container = AudienceContainer(audience, (uint32) at);
	if (ContainerBytes(container.kind, container.count, container.runs) <= INLINE_BYTES)
		return ContainerContains(&container, (uint16) id);
	payload = directory - VARHDRSZ + (Size) audience->entry[at].place * 8;
	if (container.kind == CONTAINER_BITSET)
	{
		uint32		bit = id & 0xFFFF;
		uint64		word;

		memcpy(&word, VARDATA_ANY(PG_DETOAST_DATUM_SLICE(datum, payload + bit / 64 * 8, 8)), 8);
		return word >> (bit & 63) & 1;
	}
	container.data = VARDATA_ANY(PG_DETOAST_DATUM_SLICE(datum, payload,
														ContainerBytes(container.kind, container.count, container.runs)));
	return ContainerContains(&container, (uint16) id);
}

/* The value that a place in a query asked last, fetched when it asks again */
typedef struct MemberCache
{
	struct varatt_external pointer;
	Audience   *audience;		/* or NULL, after the first time */
} MemberCache;

static bool
HasMemberCached(FunctionCallInfo fcinfo, Datum datum, uint64 id)
{
	MemberCache *cache = fcinfo->flinfo->fn_extra;
	struct varatt_external pointer;
	MemoryContext before;

	/* pointers are not aligned, and have no gaps */
	memcpy(&pointer, VARDATA_EXTERNAL(DatumGetPointer(datum)), sizeof(pointer));
	if (cache == NULL)
		fcinfo->flinfo->fn_extra = cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(MemberCache));
	if (memcmp(&cache->pointer, &pointer, sizeof(pointer)) != 0)
	{
		if (cache->audience != NULL)
			pfree(cache->audience);
		cache->audience = NULL;
		cache->pointer = pointer;
		return HasMemberStored(datum, id);
	}
	if (cache->audience == NULL)
	{
		before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		cache->audience = DatumGetAudience(datum);
		MemoryContextSwitchTo(before);
	}
	return HasMember(cache->audience, id);
}

Datum
cdp_audience_contains_id(PG_FUNCTION_ARGS)
{
	Datum		datum = PG_GETARG_DATUM(0);
	int64		id = PG_GETARG_INT64(1);

	if (id < 0)
		PG_RETURN_BOOL(false);
	if (VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(datum)))
		PG_RETURN_BOOL(HasMemberCached(fcinfo, datum, (uint64) id));
	PG_RETURN_BOOL(HasMember(DatumGetAudience(datum), (uint64) id));
}

/*
 * Ids in ascending order, a value a call: nothing but the value is held
 */
typedef struct IdsState
{
	AudienceIterator iterator;
	uint64		next;
	uint64		left;			/* of the current run */
} IdsState;

Datum
cdp_audience_ids(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	IdsState   *state;
	uint64		last;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext before;

		call = SRF_FIRSTCALL_INIT();
		before = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		state = palloc0(sizeof(IdsState));
		AudienceIterate(&state->iterator, AudienceCheck((Audience *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0))));
		MemoryContextSwitchTo(before);
		call->user_fctx = state;
	}
	call = SRF_PERCALL_SETUP();
	state = call->user_fctx;
	if (state->left == 0)
	{
		if (!AudienceNextRun(&state->iterator, &state->next, &last))
			SRF_RETURN_DONE(call);
		state->left = last - state->next + 1;
	}
	state->left--;
	SRF_RETURN_NEXT(call, Int64GetDatum((int64) state->next++));
}
