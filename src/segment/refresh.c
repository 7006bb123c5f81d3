/*
 * refresh.c
 *		refresh_segments(): evaluates profiles and writes what changed.
 *
 *		full			every profile, all segments; empties the queue
 *		names			every profile, the named segments; leaves the queue alone
 *		incremental		profiles in the queue and profiles that are due, all segments;
 *						segments never computed are filled first, like named ones
 *		chunk			given profiles, the named segments: a step of build_segment()
 *
 * A profile that is only due is evaluated at each moment at which an answer
 * could change, so that an exit is dated when it happened and not when the
 * refresh ran.  What is written goes through two tuplestores that the last
 * statements read as relations, so there are as many statements for a
 * million profiles as for one.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/queryenvironment.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

#include "core/progress.h"
#include "segment/computed.h"
#include "segment/ids.h"
#include "segment/membership.h"
#include "segment/plan.h"

PG_FUNCTION_INFO_V1(cdp_refresh_segments);
PG_FUNCTION_INFO_V1(cdp_refresh_chunk);

/* moments at which one due profile is evaluated; then as_of follows */
#define MAX_MOMENTS 1000

typedef struct Segment
{
	int32		segment_id;
	char	   *name;
	char	   *rule;
	bool		is_current;		/* has been computed with this rule */
	bool		is_building;	/* build_segment() fills it */
	bool		selected;
	bool		usable;			/* its rule compiles */
	bool		reads_accounts;
	char	   *error;
	int			number;			/* in the plan, -1: not evaluated */
	int64		members;
	int64		entered;
	int64		exited;
} Segment;

typedef struct Refresh
{
	int			nsegments;
	Segment    *segments;		/* by id */
	int32	   *segment_ids;
	TimestampTz as_of;
	TimestampTz last;			/* as_of of the refresh before */

	/* one pass */
	bool		keeps_others;	/* named: other segments and their due_at stay */
	bool		keeps_computed; /* named: computed traits stay as well */
	bool		by_moments;
	int64	   *dirty;			/* sorted: their data has changed */
	int			ndirty;
	ComputedTraits *computed;	/* NULL: their values stay */
	Tuplestorestate *states;
	int64		departed;		/* of these, profiles that live no more */
	TupleDesc	state_desc;
	Tuplestorestate *changes;
	AudienceChanges *audiences;
	TupleDesc	change_desc;

	/* sets of segments: a bit each, by their places */
	int			nwords;
	uint64	   *kept;			/* those that are not evaluated */
	uint64	   *before;			/* of the profile at hand */
	uint64	   *members;
	uint64	   *scratch;
	int		   *places;			/* of the plan's rules, -1: not asked for itself */

	int64		evaluated;
	int64		entered;
	int64		exited;
} Refresh;

/* ---- a profile ---- */

static bool
IsDirty(Refresh *r, int64 profile_id)
{
	int			low = 0;
	int			high = r->ndirty;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (r->dirty[middle] < profile_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->ndirty && r->dirty[low] == profile_id;
}

static void
NoteChange(Refresh *r, Segment *segment, int64 profile_id, bool entered, TimestampTz at)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = Int32GetDatum(segment->segment_id);
	values[1] = TimestampTzGetDatum(at);
	values[2] = Int64GetDatum(profile_id);
	values[3] = BoolGetDatum(entered);
	tuplestore_putvalues(r->changes, r->change_desc, values, nulls);
	if (entered)
		segment->entered++;
	else
		segment->exited++;
}

#define FOR_EACH_MEMBER(place, set, nwords) \
	for (int word_ = 0; word_ < (nwords); word_++) \
		for (uint64 bits_ = (set)[word_]; \
			 bits_ != 0 && ((place) = word_ * 64 + pg_rightmost_one_pos64(bits_), true); \
			 bits_ &= bits_ - 1)

#define ADD_MEMBER(set, place) ((set)[(place) / 64] |= UINT64CONST(1) << ((place) % 64))

/* Evaluates at the plan's time; members: in the memberships before, out those after */
static void
EvaluateMemberships(Refresh *r, RulePlan *plan, ProfileRow *row, uint64 *members, TimestampTz *due)
{
	uint64	   *after = r->scratch;
	int			rule;
	int			place;

	*due = NEVER;
	for (int w = 0; w < r->nwords; w++)
		after[w] = row->living ? members[w] & r->kept[w] : 0;
	if (row->living)
	{
		FOR_EACH_MEMBER(rule, plan->asked, plan->nwords)
		{
			TimestampTz until;

			if (rule >= plan->nrules || r->places[rule] < 0)
				continue;
			if (EvaluateRule(plan, row, rule, &until) == TRUTH_TRUE)
				ADD_MEMBER(after, r->places[rule]);
			*due = Min(*due, until);
		}
	}
	for (int w = 0; w < r->nwords; w++)
		members[w] ^= after[w];
	FOR_EACH_MEMBER(place, members, r->nwords)
		NoteChange(r, &r->segments[place], row->profile_id,
				   (after[place / 64] >> (place % 64)) & 1, plan->as_of);
	memcpy(members, after, r->nwords * sizeof(uint64));
}

static void
NoteState(Refresh *r, ProfileRow *row, TimestampTz due, Jsonb *computed)
{
	Datum		values[5];
	bool		nulls[5] = {false};
	Datum	   *elements = palloc(Max(r->nsegments, 1) * sizeof(Datum));
	int			n = 0;
	int			place;

	FOR_EACH_MEMBER(place, r->members, r->nwords)
		elements[n++] = Int32GetDatum(r->segment_ids[place]);
	values[0] = Int64GetDatum(row->profile_id);
	values[1] = PointerGetDatum(construct_array(elements, n, INT4OID, 4, true, TYPALIGN_INT));
	values[2] = TimestampTzGetDatum(due);
	nulls[2] = due == NEVER;
	values[3] = BoolGetDatum(row->living);
	if (!row->living)
		r->departed++;
	values[4] = JsonbPGetDatum(computed);
	nulls[4] = computed == NULL;
	tuplestore_putvalues(r->states, r->state_desc, values, nulls);
}

/* Who came and who went, whatever happened in between */
static void
NoteDifference(Refresh *r, int64 profile_id)
{
	int			place;

	for (int w = 0; w < r->nwords; w++)
		r->scratch[w] = r->before[w] ^ r->members[w];
	FOR_EACH_MEMBER(place, r->scratch, r->nwords)
		NoteAudienceChange(r->audiences, place, profile_id, (r->members[place / 64] >> (place % 64)) & 1);
}

/* The stored memberships; false when some are of segments that are no more */
static bool
ReadMembers(Refresh *r, const ProfileRow *row)
{
	const int32 *ids;
	int			n;
	int			place = 0;
	int			found = 0;

	memset(r->before, 0, r->nwords * sizeof(uint64));
	if (row->segment_ids == NULL || ARR_NDIM(row->segment_ids) != 1 || ARR_HASNULL(row->segment_ids))
		return true;
	n = ARR_DIMS(row->segment_ids)[0];
	ids = (const int32 *) ARR_DATA_PTR(row->segment_ids);
	for (int i = 0; i < n; i++)
	{
		while (place < r->nsegments && r->segment_ids[place] < ids[i])
			place++;
		if (place < r->nsegments && r->segment_ids[place] == ids[i])
		{
			ADD_MEMBER(r->before, place);
			found++;
		}
	}
	return found == n;
}

/* By the passing of time alone: moment after moment */
static void
PassMoments(Refresh *r, RulePlan *plan, ProfileRow *row)
{
	TimestampTz moment = row->due_at;

	for (int i = 0; i < MAX_MOMENTS && moment < r->as_of && moment > r->last; i++)
	{
		TimestampTz due;

		SetPlanTime(plan, moment);
		EvaluateMemberships(r, plan, row, r->members, &due);
		if (due <= moment)
			break;
		moment = due;
	}
	SetPlanTime(plan, r->as_of);
}

static void
RefreshProfile(RulePlan *plan, ProfileRow *row, void *arg)
{
	Refresh    *r = arg;
	TimestampTz due;
	Jsonb	   *computed = row->computed;
	bool		changed = !ReadMembers(r, row);
	int			place;

	memcpy(r->members, r->before, r->nwords * sizeof(uint64));
	r->evaluated++;
	if (r->evaluated % 1024 == 0)
		ReportProgress(r->evaluated);
	if (r->by_moments && row->living && row->has_state && !row->folded_known && !IsDirty(r, row->profile_id))
		PassMoments(r, plan, row);
	EvaluateMemberships(r, plan, row, r->members, &due);
	if (r->computed)
		computed = EvaluateComputed(plan, row, r->computed, &due);
	if (r->keeps_others && row->has_state)
		due = Min(due, row->due_at);

	FOR_EACH_MEMBER(place, r->members, r->nwords)
		r->segments[place].members++;
	if (memcmp(r->members, r->before, r->nwords * sizeof(uint64)) != 0)
	{
		NoteDifference(r, row->profile_id);
		changed = true;
	}
	if (changed || !row->has_state || !row->living || due != row->due_at ||
		(r->computed && (row->computed == NULL || compareJsonbContainers(&row->computed->root, &computed->root) != 0)))
		NoteState(r, row, due, computed);
}

/* ---- a pass ---- */

static TupleDesc
MakeDesc(int n, const char *const *names, const Oid *types)
{
	TupleDesc	desc = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
		TupleDescInitEntry(desc, i + 1, names[i], types[i], -1, 0);
	return desc;
}

static void
RegisterRelation(char *name, TupleDesc desc, Tuplestorestate *store)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = name;
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = tuplestore_tuple_count(store);
	enr->reldata = store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\"", name);
}

static void
Execute(const char *query, int nargs, Oid *types, Datum *values)
{
	int			rc = SPI_execute_with_args(query, nargs, types, values, NULL, false, 0);

	if (rc < 0)
		elog(ERROR, "statement of refresh failed: %s", SPI_result_code_string(rc));
}

static void
WritePass(Refresh *r)
{
	Oid			types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(r->as_of)};

	RegisterRelation("new_state", r->state_desc, r->states);
	RegisterRelation("new_change", r->change_desc, r->changes);
	if (tuplestore_tuple_count(r->states) > 0)
		Execute("INSERT INTO cdp.profile_state AS s (profile_id, segment_ids, evaluated_at, due_at, computed) "
				"SELECT n.profile_id, n.segment_ids, $1, n.due_at, coalesce(n.computed, '{}') FROM new_state n WHERE n.living "
				"ON CONFLICT (profile_id) DO UPDATE SET segment_ids = excluded.segment_ids, "
				"evaluated_at = excluded.evaluated_at, due_at = excluded.due_at, computed = excluded.computed", 1, types, values);
	if (r->departed > 0)
		Execute("DELETE FROM cdp.profile_state s USING new_state n "
				"WHERE s.profile_id = n.profile_id AND NOT n.living", 0, NULL, NULL);
	/* an entry and an exit at the same instant undo each other */
	if (tuplestore_tuple_count(r->changes) > 0)
		Execute("WITH undone AS (DELETE FROM cdp.segment_change c USING new_change n "
				"WHERE c.segment_id = n.segment_id AND c.changed_at = n.changed_at AND c.profile_id = n.profile_id "
				"AND c.entered <> n.entered RETURNING c.segment_id, c.changed_at, c.profile_id) "
				"INSERT INTO cdp.segment_change (segment_id, changed_at, profile_id, entered) "
				"SELECT n.segment_id, n.changed_at, n.profile_id, n.entered FROM new_change n "
				"WHERE NOT EXISTS (SELECT FROM undone u WHERE u.segment_id = n.segment_id "
				"AND u.changed_at = n.changed_at AND u.profile_id = n.profile_id) "
				"ON CONFLICT (segment_id, changed_at, profile_id) DO NOTHING", 0, NULL, NULL);
	/* a named pass reads no other news of a person than who came and went */
	if (r->keeps_others)
		Execute("SELECT cdp.after_refresh(ARRAY(SELECT DISTINCT n.profile_id FROM new_change n))", 0, NULL, NULL);
	SPI_unregister_relation("new_state");
	SPI_unregister_relation("new_change");

	WriteAudienceChanges(r->audiences, r->segment_ids);
}

/*
 * One UPDATE for the segments of this pass.  Those that were not evaluated can
 * still have lost profiles that live no more.
 */
static void
WriteSegments(Refresh *r, bool every_profile)
{
	Oid			types[5] = {INT4ARRAYOID, INT8ARRAYOID, BOOLARRAYOID, BOOLOID, TIMESTAMPTZOID};
	Datum		values[5];
	Datum	   *ids = palloc(Max(r->nsegments, 1) * sizeof(Datum));
	Datum	   *sizes = palloc(Max(r->nsegments, 1) * sizeof(Datum));
	Datum	   *computed = palloc(Max(r->nsegments, 1) * sizeof(Datum));
	Datum	   *entered = palloc(Max(r->nsegments, 1) * sizeof(Datum));
	Datum	   *exited = palloc(Max(r->nsegments, 1) * sizeof(Datum));
	int			n = 0;

	for (int i = 0; i < r->nsegments; i++)
	{
		Segment    *segment = &r->segments[i];
		int64		change = segment->entered - segment->exited;

		r->entered += segment->entered;
		r->exited += segment->exited;
		if (segment->number >= 0 || change != 0)
		{
			ids[n] = Int32GetDatum(segment->segment_id);
			entered[n] = Int64GetDatum(segment->entered);
			exited[n] = Int64GetDatum(segment->exited);
			sizes[n] = Int64GetDatum(every_profile && segment->number >= 0 ? segment->members : change);
			computed[n++] = BoolGetDatum(segment->number >= 0);
		}
		segment->entered = segment->exited = segment->members = 0;
	}
	values[0] = PointerGetDatum(construct_array(ids, n, INT4OID, 4, true, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(sizes, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[2] = PointerGetDatum(construct_array(computed, n, BOOLOID, 1, true, TYPALIGN_CHAR));
	values[3] = BoolGetDatum(every_profile);
	values[4] = TimestampTzGetDatum(r->as_of);
	Execute("UPDATE cdp.segment s SET size = CASE WHEN $4 AND n.computed THEN n.size ELSE coalesce(s.size, 0) + n.size END, "
			"status = CASE WHEN n.finished THEN 'current' ELSE s.status END, "
			"error = CASE WHEN NOT n.computed THEN s.error END, "
			"computed_at = CASE WHEN n.finished THEN statement_timestamp() ELSE s.computed_at END, "
			"as_of = CASE WHEN n.finished THEN $5 ELSE s.as_of END "
			/* what is being built is not complete before its last chunk */
			"FROM (SELECT u.*, u.computed AND (g.status <> 'building' OR $4) AS finished "
			"FROM unnest($1, $2, $3) u (segment_id, size, computed) JOIN cdp.segment g USING (segment_id)) n "
			"WHERE s.segment_id = n.segment_id",
			5, types, values);
	values[1] = PointerGetDatum(construct_array(entered, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[2] = PointerGetDatum(construct_array(exited, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	types[2] = INT8ARRAYOID;
	values[3] = TimestampTzGetDatum(r->as_of);
	types[3] = TIMESTAMPTZOID;
	Execute("SELECT cdp.note_segment_sizes($1, $2, $3, $4)", 4, types, values);
}

/* Other modules follow within this transaction; ids NULL: every profile */
static void
CallAfterRefresh(const int64 *ids, int nids)
{
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1];
	char		nulls[2] = {ids ? ' ' : 'n', '\0'};
	Datum	   *elements = ids ? MemoryContextAllocHuge(CurrentMemoryContext, Max(nids, 1) * sizeof(Datum)) : NULL;
	int			rc;

	for (int i = 0; i < nids; i++)
		elements[i] = Int64GetDatum(ids[i]);
	values[0] = ids ? PointerGetDatum(construct_array(elements, nids, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)) : (Datum) 0;
	rc = SPI_execute_with_args("SELECT cdp.after_refresh($1)", 1, types, values, nulls, false, 0);
	if (rc < 0)
		elog(ERROR, "statement of refresh failed: %s", SPI_result_code_string(rc));
	if (elements)
		pfree(elements);
}

/*
 * Evaluates the selected segments for the profiles of ids (NULL: every one).
 * earliest: the first moment for which facts are needed.
 */
static void
RunPass(Refresh *r, int64 *ids, int nids, TimestampTz earliest)
{
	static const char *const state_names[] = {"profile_id", "segment_ids", "due_at", "living", "computed"};
	static const Oid state_types[] = {INT8OID, INT4ARRAYOID, TIMESTAMPTZOID, BOOLOID, JSONBOID};
	static const char *const change_names[] = {"segment_id", "changed_at", "profile_id", "entered"};
	static const Oid change_types[] = {INT4OID, TIMESTAMPTZOID, INT8OID, BOOLOID};
	RulePlan   *plan = NewPlan(earliest, false);
	MemoryContext old;

	plan->wants_until = true;
	memset(r->kept, 0, r->nwords * sizeof(uint64));
	for (int i = 0; i < r->nsegments; i++)
	{
		Segment    *segment = &r->segments[i];

		segment->number = -1;
		if (segment->selected && segment->usable)
			segment->number = PlanAddSegment(plan, segment->name);
		else
			ADD_MEMBER(r->kept, i);
	}
	r->places = palloc(Max(plan->nrules, 1) * sizeof(int));
	for (int i = 0; i < plan->nrules; i++)
		r->places[i] = -1;
	for (int i = 0; i < r->nsegments; i++)
		if (r->segments[i].number >= 0)
			r->places[r->segments[i].number] = i;
	r->computed = r->keeps_computed ? NULL : LoadComputedTraits(plan);
	SetPlanTime(plan, r->as_of);

	r->state_desc = MakeDesc(5, state_names, state_types);
	r->change_desc = MakeDesc(4, change_names, change_types);
	r->departed = 0;
	r->states = tuplestore_begin_heap(true, false, work_mem);
	r->changes = tuplestore_begin_heap(true, false, work_mem);
	r->audiences = NewAudienceChanges(r->nsegments);
	old = MemoryContextSwitchTo(CurrentMemoryContext);
	EvaluateProfiles(plan, true, ids, nids, RefreshProfile, r);
	MemoryContextSwitchTo(old);
	WritePass(r);
	WriteSegments(r, ids == NULL);
	if (!r->keeps_others)
		CallAfterRefresh(ids, ids ? nids : 0);
	tuplestore_end(r->states);
	tuplestore_end(r->changes);
	MemoryContextDelete(plan->context);
}

/* ---- what is to be done ---- */

static void
LoadSegments(Refresh *r)
{
	Execute("SELECT segment_id, name, rule, status = 'current', as_of, status = 'building' FROM cdp.segment ORDER BY segment_id",
			0, NULL, NULL);
	r->nsegments = SPI_processed;
	r->segments = palloc0(Max(r->nsegments, 1) * sizeof(Segment));
	r->segment_ids = palloc(Max(r->nsegments, 1) * sizeof(int32));
	r->nwords = (r->nsegments + 63) / 64;
	r->kept = palloc0(Max(r->nwords, 1) * sizeof(uint64));
	r->before = palloc(Max(r->nwords, 1) * sizeof(uint64));
	r->members = palloc(Max(r->nwords, 1) * sizeof(uint64));
	r->scratch = palloc(Max(r->nwords, 1) * sizeof(uint64));
	r->last = DT_NOBEGIN;
	for (int i = 0; i < r->nsegments; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		as_of;

		r->segments[i].segment_id = r->segment_ids[i] = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
		r->segments[i].name = SPI_getvalue(tuple, desc, 2);
		r->segments[i].rule = SPI_getvalue(tuple, desc, 3);
		r->segments[i].is_current = DatumGetBool(SPI_getbinval(tuple, desc, 4, &isnull));
		r->segments[i].is_building = DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull));
		as_of = SPI_getbinval(tuple, desc, 5, &isnull);
		if (!isnull)
			r->last = Max(r->last, DatumGetTimestampTz(as_of));
	}
}

/*
 * Compiles segments in a subtransaction: one bad rule must not stop the others.
 * Returns what is wrong with one of them, NULL when nothing is.
 */
static char *
CompileError(Segment *segments, int n, TimestampTz as_of)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile message = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		RulePlan   *plan = NewPlan(as_of, false);

		for (int i = 0; i < n; i++)
			PlanAddSegment(plan, segments[i].name);
		for (int i = 0; i < n; i++)
			segments[i].reads_accounts = plan->needs_accounts;
		MemoryContextDelete(plan->context);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		message = error->message;
	}
	PG_END_TRY();
	return message;
}

static void
CheckSegments(Refresh *r)
{
	bool		all_usable = CompileError(r->segments, r->nsegments, r->as_of) == NULL;

	for (int i = 0; i < r->nsegments; i++)
	{
		Segment    *segment = &r->segments[i];
		Oid			types[2] = {INT4OID, TEXTOID};
		Datum		values[2];

		if (!all_usable)
			segment->error = CompileError(segment, 1, r->as_of);
		segment->usable = segment->error == NULL;
		if (segment->usable)
			continue;
		values[0] = Int32GetDatum(segment->segment_id);
		values[1] = CStringGetTextDatum(segment->error);
		Execute("UPDATE cdp.segment SET status = 'failed', error = $2 WHERE segment_id = $1", 2, types, values);
		ereport(WARNING,
				(errmsg("segment \"%s\" cannot be computed", segment->name),
				 errdetail("%s.", segment->error)));
	}
}

static void
RefreshIncrementally(Refresh *r)
{
	Oid			types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(r->as_of)};
	int64	   *due;
	int			ndue;
	int64	   *ids;
	int			nids;
	bool		isnull;
	int64		filled;
	bool		any_new = false;
	bool		reads_accounts = false;
	TimestampTz earliest = r->as_of;

	Execute("DELETE FROM cdp.dirty_profile RETURNING profile_id", 0, NULL, NULL);
	r->dirty = ReadIds(&r->ndirty);
	for (int i = 0; i < r->nsegments; i++)
		reads_accounts |= r->segments[i].usable && r->segments[i].reads_accounts;
	if (reads_accounts)
		r->dirty = AddAccountPeers(r->dirty, &r->ndirty);

	for (int i = 0; i < r->nsegments; i++)
	{
		r->segments[i].selected = !r->segments[i].is_current && !r->segments[i].is_building;
		any_new |= r->segments[i].selected && r->segments[i].usable;
	}
	if (any_new)
	{
		r->keeps_others = true;
		RunPass(r, NULL, 0, r->as_of);
	}
	/* a profile counts once */
	filled = r->evaluated;
	r->evaluated = 0;
	Execute("SELECT profile_id FROM cdp.profile_state WHERE due_at <= $1", 1, types, values);
	due = ReadIds(&ndue);
	Execute("SELECT min(due_at) FROM cdp.profile_state WHERE due_at <= $1", 1, types, values);
	if (SPI_processed == 1)
	{
		Datum		first = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
			earliest = Max(DatumGetTimestampTz(first), r->last);
	}

	ids = MemoryContextAllocHuge(CurrentMemoryContext, Max(ndue + r->ndirty, 1) * sizeof(int64));
	memcpy(ids, due, ndue * sizeof(int64));
	memcpy(ids + ndue, r->dirty, r->ndirty * sizeof(int64));
	qsort(ids, ndue + r->ndirty, sizeof(int64), ByInt64);
	nids = 0;
	for (int i = 0; i < ndue + r->ndirty; i++)
		if (nids == 0 || ids[nids - 1] != ids[i])
			ids[nids++] = ids[i];

	for (int i = 0; i < r->nsegments; i++)
		r->segments[i].selected = true;
	r->keeps_others = false;
	r->by_moments = true;
	RunPass(r, ids, nids, earliest);
	r->evaluated = Max(r->evaluated, filled);
}

static void
SelectNamed(Refresh *r, ArrayType *names)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name = nulls[i] ? NULL : TextDatumGetCString(values[i]);
		bool		found = false;

		for (int s = 0; s < r->nsegments && name; s++)
		{
			if (strcmp(r->segments[s].name, name) == 0)
			{
				found = r->segments[s].selected = true;
				if (!r->segments[s].usable)
					ereport(ERROR,
							(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							 errmsg("segment \"%s\" cannot be computed", name),
							 errdetail("%s.", r->segments[s].error)));
			}
		}
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_CDP_UNKNOWN_NAME),
					 errmsg("unknown segment \"%s\"", name ? name : "")));
	}
}

/* as_of may not go back; a transaction that waited for another one's refresh follows it */
static void
CheckTime(Refresh *r)
{
	if (r->as_of >= r->last)
		return;
	if (r->as_of == GetCurrentTransactionStartTimestamp() && r->last <= GetCurrentTimestamp())
		r->as_of = r->last;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of is before the last refresh"),
				 errdetail("The last one was as of %s.", timestamptz_to_str(r->last)),
				 errhint("Use cdp.matches(profile_id, rule, as_of) to ask about the past.")));
}

/* One refresh at a time; queries: those of the segments that are refreshed run first */
static void
StartRefresh(Refresh *r, TimestampTz as_of, ArrayType *names, bool queries)
{
	Oid			types[2] = {TEXTARRAYOID, TIMESTAMPTZOID};
	Datum		values[2];
	char		nulls[2] = {names ? ' ' : 'n', ' '};

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("segments are refreshed in READ COMMITTED transactions only"),
				 errdetail("A refresh must see what was committed before it took a profile from the queue.")));
	if (TIMESTAMP_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of must be a point in time")));
	r->as_of = as_of;
	Execute("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('cdp.refresh_segments', 0))",
			0, NULL, NULL);
	LoadSegments(r);
	CheckTime(r);
	if (queries)
	{
		values[0] = PointerGetDatum(names);
		values[1] = TimestampTzGetDatum(r->as_of);
		if (SPI_execute_with_args("SELECT cdp.run_segment_queries($1, $2)", 2, types, values, nulls, false, 0) < 0)
			elog(ERROR, "could not run the queries of segments");
	}
	CheckSegments(r);
}

static Datum
RefreshResult(FunctionCallInfo fcinfo, Refresh *r)
{
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	values[0] = Int64GetDatum(r->evaluated);
	values[1] = Int64GetDatum(r->entered);
	values[2] = Int64GetDatum(r->exited);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

Datum
cdp_refresh_segments(PG_FUNCTION_ARGS)
{
	Refresh		r = {0};
	bool		full = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);

	SPI_connect();
	StartRefresh(&r, PG_ARGISNULL(1) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(1),
				 PG_ARGISNULL(0) ? NULL : PG_GETARG_ARRAYTYPE_P(0), true);
	if (!PG_ARGISNULL(0))
	{
		SelectNamed(&r, PG_GETARG_ARRAYTYPE_P(0));
		r.keeps_others = r.keeps_computed = true;
		RunPass(&r, NULL, 0, r.as_of);
	}
	else if (full)
	{
		Execute("DELETE FROM cdp.dirty_profile", 0, NULL, NULL);
		for (int i = 0; i < r.nsegments; i++)
			r.segments[i].selected = true;
		RunPass(&r, NULL, 0, r.as_of);
	}
	else
		RefreshIncrementally(&r);
	SPI_finish();
	PG_RETURN_DATUM(RefreshResult(fcinfo, &r));
}

/* refresh_chunk(names, ids, as_of) */
Datum
cdp_refresh_chunk(PG_FUNCTION_ARGS)
{
	Refresh		r = {0};
	ArrayType  *names = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int64	   *ids;

	SPI_connect();
	StartRefresh(&r, PG_GETARG_TIMESTAMPTZ(2), names, false);
	SelectNamed(&r, names);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &n);
	ids = palloc(Max(n, 1) * sizeof(int64));
	for (int i = 0; i < n; i++)
		ids[i] = nulls[i] ? 0 : DatumGetInt64(values[i]);
	qsort(ids, n, sizeof(int64), ByInt64);
	r.keeps_others = r.keeps_computed = true;
	RunPass(&r, ids, n, r.as_of);
	SPI_finish();
	PG_RETURN_DATUM(RefreshResult(fcinfo, &r));
}
