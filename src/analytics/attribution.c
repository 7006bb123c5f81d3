/*
 * attribution.c
 *		Which touches are credited with the value of conversions.
 *
 * Each conversion looks at the touches of its group at its time or before, and
 * after its time less the lookback, in the order of time and then of their
 * names' bytes.  What the touches have a right to is said in weights, the value
 * is parted by the sum of weights so far, rounded: so the parts sum to the
 * value exactly, and no part is off by more than a unit of the last place.
 */
#include "core/core.h"

#include <math.h>

#include "common/int.h"

#include "analytics/touch_list.h"
#include "core/aggregate.h"

#define NO_TOUCH		"(none)"
#define HALF_LIFE		(7 * USECS_PER_DAY)
#define CREDIT_SCALE	6

typedef struct TouchOrder
{
	int32	   *rank;			/* of a name, by its bytes */
} TouchOrder;

/* What is known of a name's touches within the lookback */
typedef struct NameShare
{
	int32		uses;
	double		decayed;		/* sum of their weights at the time of the last one */
	TimestampTz last;
	Numeric		credit;			/* or NULL */
} NameShare;

typedef struct Attribution
{
	const TouchList *list;
	MemoryContext result;
	MemoryContext scratch;
	int32	   *by_rank;		/* numbers of names in the order of their bytes */
	NameShare  *shares;			/* one a name, and one for no touch */
	const TouchEvent **path;	/* touches so far */
	int32	   *named;			/* per touch: the last one up to it that is not direct, or -1 */
	int32		first;			/* first touch within the lookback */
	int32		npath;
} Attribution;

static int
TouchEventCompare(const TouchEvent *a, const TouchEvent *b, const TouchOrder *order)
{
	int32		rank_a = a->touch < 0 ? -1 : order->rank[a->touch];
	int32		rank_b = b->touch < 0 ? -1 : order->rank[b->touch];

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return rank_a < rank_b ? -1 : (rank_a > rank_b);
}

#define ST_SORT SortTouchEvents
#define ST_ELEMENT_TYPE TouchEvent
#define ST_COMPARE(a, b, order) TouchEventCompare(a, b, order)
#define ST_COMPARE_ARG_TYPE const TouchOrder
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

PG_FUNCTION_INFO_V1(cdp_attribution_final);

static int
CompareNames(const void *a, const void *b, void *arg)
{
	const TouchList *list = arg;
	const text *name_a = list->names[*(const int32 *) a];
	const text *name_b = list->names[*(const int32 *) b];
	int			differ = memcmp(VARDATA(name_a), VARDATA(name_b), Min(VARSIZE(name_a), VARSIZE(name_b)) - VARHDRSZ);

	return differ != 0 ? differ : (VARSIZE(name_a) > VARSIZE(name_b)) - (VARSIZE(name_a) < VARSIZE(name_b));
}

static bool
IsDirect(const text *name)
{
	int			len = VARSIZE(name) - VARHDRSZ;

	return (len == 6 && pg_strncasecmp(VARDATA(name), "direct", 6) == 0) ||
		(len == 8 && pg_strncasecmp(VARDATA(name), "(direct)", 8) == 0);
}

static inline int64
MicrosecondsBetween(TimestampTz from, TimestampTz to)
{
	int64		between;

	return pg_sub_s64_overflow(to, from, &between) ? PG_INT64_MAX : between;
}

static inline double
Decay(TimestampTz from, TimestampTz to)
{
	return exp2(-(double) MicrosecondsBetween(from, to) / HALF_LIFE);
}

static void
AddTouch(Attribution *self, const TouchEvent *event)
{
	NameShare  *share = &self->shares[event->touch];

	self->path[self->npath] = event;
	self->named[self->npath] = !IsDirect(self->list->names[event->touch]) ? self->npath :
		self->npath > 0 ? self->named[self->npath - 1] : -1;
	self->npath++;
	share->decayed = (share->uses == 0 ? 0 : share->decayed * Decay(share->last, event->time)) + 1;
	share->last = event->time;
	share->uses++;
}

/* Touches that are too old for a conversion are for all later ones */
static void
DropTouches(Attribution *self, TimestampTz time)
{
	if (self->list->lookback == NO_LOOKBACK)
		return;
	while (self->first < self->npath &&
		   MicrosecondsBetween(self->path[self->first]->time, time) >= self->list->lookback)
	{
		const TouchEvent *event = self->path[self->first++];
		NameShare  *share = &self->shares[event->touch];

		share->uses--;
		/* the last touch alone weighs 1, whatever rounding has done to the sum */
		share->decayed = Max(share->decayed - Decay(event->time, share->last), 1);
	}
}

static void
Credit(Attribution *self, int32 name, Datum value)
{
	NameShare  *share = &self->shares[name];
	Datum		sum = value;
	Numeric		before = share->credit;

	if (before != NULL)
		sum = DirectFunctionCall2(numeric_add, NumericGetDatum(before), value);
	share->credit = MemoryContextAlloc(self->result, VARSIZE(DatumGetPointer(sum)));
	memcpy(share->credit, DatumGetPointer(sum), VARSIZE(DatumGetPointer(sum)));
	if (before != NULL)
		pfree(before);
}

/* Weight of a name's touches; in the model by position in units of 1 / (5 × (n - 2)) */
static double
NameWeight(const Attribution *self, int32 name)
{
	const NameShare *share = &self->shares[name];
	int32		n = self->npath - self->first;
	const TouchEvent *last = self->path[self->npath - 1];

	if (share->uses == 0)
		return 0;
	if (self->list->model == ATTRIBUTION_TIME_DECAY)
		return share->decayed * Decay(share->last, last->time);
	if (self->list->model == ATTRIBUTION_POSITION_BASED && n > 2)
		return share->uses +
			(2.0 * (n - 2) - 1) * ((self->path[self->first]->touch == name) + (last->touch == name));
	return share->uses;
}

/* Parts a value among the names of the touches by their weights */
static void
CreditByWeight(Attribution *self, Datum value)
{
	int32		scale = Max(DatumGetInt32(DirectFunctionCall1(numeric_scale, value)), CREDIT_SCALE);
	bool		is_whole = self->list->model != ATTRIBUTION_TIME_DECAY;
	double		total = 0;
	double		sum = 0;
	Datum		given = NumericGetDatum(int64_to_numeric(0));
	int32		last_name = -1;

	for (int32 i = 0; i < self->list->nnames; i++)
	{
		double		weight = NameWeight(self, self->by_rank[i]);

		total += weight;
		if (weight > 0)
			last_name = self->by_rank[i];
	}
	for (int32 i = 0; i < self->list->nnames; i++)
	{
		int32		name = self->by_rank[i];
		double		weight = NameWeight(self, name);
		Datum		upto;

		if (weight <= 0)
			continue;
		sum += weight;
		if (name == last_name)
			upto = value;
		else if (is_whole)		/* exact: whole numbers below 2^53 */
			upto = DirectFunctionCall2(numeric_div,
									   DirectFunctionCall2(numeric_mul, value, NumericGetDatum(int64_to_numeric((int64) sum))),
									   NumericGetDatum(int64_to_numeric((int64) total)));
		else
			upto = DirectFunctionCall2(numeric_mul, value,
									   DirectFunctionCall1(float8_numeric, Float8GetDatum(sum / total)));
		if (name != last_name)
			upto = DirectFunctionCall2(numeric_round, upto, Int32GetDatum(scale));
		Credit(self, name, DirectFunctionCall2(numeric_sub, upto, given));
		given = upto;
	}
}

static void
CreditConversion(Attribution *self, const TouchEvent *event)
{
	Datum		value = NumericGetDatum(self->list->values[event->conversion]);
	int32		last = self->npath - 1;

	DropTouches(self, event->time);
	if (self->first == self->npath)
	{
		int32		none = TouchListFind(self->list, NO_TOUCH, strlen(NO_TOUCH));

		Credit(self, none >= 0 ? none : self->list->nnames, value);
		return;
	}
	switch (self->list->model)
	{
		case ATTRIBUTION_FIRST:
			Credit(self, self->path[self->first]->touch, value);
			break;
		case ATTRIBUTION_LAST:
			Credit(self, self->path[last]->touch, value);
			break;
		case ATTRIBUTION_LAST_NON_DIRECT:
			if (self->named[last] >= self->first)
				last = self->named[last];
			Credit(self, self->path[last]->touch, value);
			break;
		case ATTRIBUTION_LINEAR:
		case ATTRIBUTION_TIME_DECAY:
		case ATTRIBUTION_POSITION_BASED:
			CreditByWeight(self, value);
			break;
	}
}

/* All conversions, in the order of time; touches at a conversion's time come before it */
static void
CreditConversions(Attribution *self)
{
	const TouchList *list = self->list;

	for (int32 i = 0, next; i < list->nevents; i = next)
	{
		for (next = i; next < list->nevents && list->events[next].time == list->events[i].time; next++)
			if (list->events[next].touch >= 0)
				AddTouch(self, &list->events[next]);
		for (int32 j = i; j < next; j++)
		{
			MemoryContext before;

			CHECK_FOR_INTERRUPTS();
			if (list->events[j].conversion < 0)
				continue;
			before = MemoryContextSwitchTo(self->scratch);
			CreditConversion(self, &list->events[j]);
			MemoryContextSwitchTo(before);
			MemoryContextReset(self->scratch);
		}
	}
}

/* {"touch": credit}, of the touches that were credited */
static Jsonb *
CreditsJson(const Attribution *self)
{
	const TouchList *list = self->list;
	JsonbParseState *state = NULL;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int32 i = 0; i <= list->nnames; i++)
	{
		if (self->shares[i].credit == NULL)
			continue;
		value.type = jbvString;
		value.val.string.val = i < list->nnames ? VARDATA(list->names[i]) : NO_TOUCH;
		value.val.string.len = i < list->nnames ? VARSIZE(list->names[i]) - VARHDRSZ : strlen(NO_TOUCH);
		pushJsonbValue(&state, WJB_KEY, &value);
		value.type = jbvNumeric;
		value.val.numeric = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(self->shares[i].credit)));
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Datum
cdp_attribution_final(PG_FUNCTION_ARGS)
{
	TouchList  *list = PG_ARGISNULL(0) ? NULL : (TouchList *) PG_GETARG_POINTER(0);
	TouchList	empty = {0};
	Attribution self = {0};
	TouchOrder	order;
	MemoryContext work;
	MemoryContext before;
	Jsonb	   *result;

	(void) AggregateContext(fcinfo);
	if (list == NULL)
		list = &empty;
	work = AllocSetContextCreate(CurrentMemoryContext, "attribution", ALLOCSET_DEFAULT_SIZES);
	before = MemoryContextSwitchTo(work);
	self.list = list;
	self.result = work;
	self.scratch = AllocSetContextCreate(work, "attribution of a conversion", ALLOCSET_DEFAULT_SIZES);
	self.shares = palloc0((list->nnames + 1) * sizeof(NameShare));
	self.by_rank = palloc((list->nnames + 1) * sizeof(int32));
	self.path = palloc((list->nevents + 1) * sizeof(TouchEvent *));
	self.named = palloc((list->nevents + 1) * sizeof(int32));
	order.rank = palloc((list->nnames + 1) * sizeof(int32));
	for (int32 i = 0; i < list->nnames; i++)
		self.by_rank[i] = i;
	if (list->nnames > 1)
		qsort_arg(self.by_rank, list->nnames, sizeof(int32), CompareNames, list);
	for (int32 i = 0; i < list->nnames; i++)
		order.rank[self.by_rank[i]] = i;
	/* in place: rows may still be added to the state afterwards */
	if (list->nevents > 1)
		SortTouchEvents(list->events, list->nevents, &order);
	CreditConversions(&self);
	MemoryContextSwitchTo(before);
	result = CreditsJson(&self);
	MemoryContextDelete(work);
	PG_RETURN_JSONB_P(result);
}
