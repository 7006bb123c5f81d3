/*
 * features.c
 *		What a profile's events say of it at a moment, as an array of numbers.
 *
 *		0..25                  see Feature below
 *		26 .. 26 + 5 e         for each event type: counts in 4 windows, days since the last
 *		then s                 for each source: its share of the events
 *		then c                 for each category: its share of the events about products
 *
 * Counts, amounts and days are ln(1 + x), so that a few large ones do not
 * drown the rest.  Nothing depends on the order in which events come.
 */
#include "core/core.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/datetime.h"

#include "core/aggregate.h"

PG_FUNCTION_INFO_V1(cdp_event_features_add);
PG_FUNCTION_INFO_V1(cdp_event_features_final);
PG_FUNCTION_INFO_V1(cdp_trait_features);

#define WINDOWS 4
#define KEPT_ORDERS 256			/* the latest ones */
#define DAY_LENGTH ((double) USECS_PER_DAY)
#define NEVER_DAYS 3650.0

static const double window_days[WINDOWS] = {7, 30, 90, 365};

typedef enum Feature
{
	DAYS_SINCE_FIRST,
	DAYS_SINCE_LAST,
	EVENTS,						/* 4 windows */
	REVENUE = EVENTS + WINDOWS,	/* 4 windows */
	ORDERS = REVENUE + WINDOWS, /* 4 windows */
	DAYS_SINCE_ORDER = ORDERS + WINDOWS,
	NEVER_ORDERED,
	ORDER_GAP,
	OVERDUE,
	ORDER_VALUE,
	ACTIVE_DAYS,				/* of the last 90 */
	TIMES_OF_DAY,				/* night, morning, afternoon, evening */
	WEEKEND = TIMES_OF_DAY + 4,
	LATEST_ACTIVE_MONTHS,		/* of the last 12 periods of 30 days */
	FIXED_FEATURES
} Feature;

typedef struct EventFeatures
{
	TimestampTz as_of;
	pg_tz	   *zone;
	int			nevents;
	int			nsources;
	int			ncategories;
	TimestampTz first;
	TimestampTz last;
	int64		count[WINDOWS];
	int64		orders[WINDOWS];
	double		revenue[WINDOWS];
	double		order_revenue;
	int64		all_orders;
	int64		in_year;
	int64		time_of_day[4];
	int64		weekend;
	uint64		days[2];		/* bit: active on that day before as_of */
	uint32		months;
	int			nkept;
	int			space;
	TimestampTz *kept;			/* times of orders */
	int64		about_products;
	int64	   *event_count;	/* WINDOWS an event type */
	TimestampTz *event_last;
	int64	   *source_count;
	int64	   *category_count;
} EventFeatures;

static int
CompareTimesDown(const void *a, const void *b)
{
	TimestampTz left = *(const TimestampTz *) a;
	TimestampTz right = *(const TimestampTz *) b;

	return left > right ? -1 : left < right;
}

/* as_of, zone, {event types, sources, categories}: from the first row */
static EventFeatures *
NewState(FunctionCallInfo fcinfo)
{
	MemoryContext context = AggregateContext(fcinfo);
	ArrayType  *sizes;
	EventFeatures *state;
	char	   *zone;
	int32	   *size;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("as_of, zone and sizes must not be null")));
	sizes = PG_GETARG_ARRAYTYPE_P(3);
	size = (int32 *) ARR_DATA_PTR(sizes);
	if (ARR_NDIM(sizes) != 1 || ARR_DIMS(sizes)[0] != 3 || ARR_HASNULL(sizes) || ARR_ELEMTYPE(sizes) != INT4OID ||
		size[0] < 0 || size[1] < 0 || size[2] < 0 || size[0] > 1000 || size[1] > 1000 || size[2] > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sizes must be three numbers from 0 to 1000")));
	state = MemoryContextAllocZero(context, sizeof(EventFeatures));
	state->as_of = PG_GETARG_TIMESTAMPTZ(1);
	zone = text_to_cstring(PG_GETARG_TEXT_PP(2));
	state->zone = pg_tzset(zone);
	if (state->zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", zone)));
	state->nevents = size[0];
	state->nsources = size[1];
	state->ncategories = size[2];
	state->first = DT_NOEND;
	state->last = DT_NOBEGIN;
	state->space = 8;
	state->kept = MemoryContextAlloc(context, state->space * sizeof(TimestampTz));
	state->event_count = MemoryContextAllocZero(context, (size[0] * WINDOWS + 1) * sizeof(int64));
	state->event_last = MemoryContextAllocZero(context, (size[0] + 1) * sizeof(TimestampTz));
	for (int i = 0; i < size[0]; i++)
		state->event_last[i] = DT_NOBEGIN;
	state->source_count = MemoryContextAllocZero(context, (size[1] + 1) * sizeof(int64));
	state->category_count = MemoryContextAllocZero(context, (size[2] + 1) * sizeof(int64));
	return state;
}

static void
KeepOrder(EventFeatures *state, TimestampTz at)
{
	if (state->nkept == state->space && state->space < 2 * KEPT_ORDERS)
	{
		state->space *= 2;
		state->kept = repalloc(state->kept, state->space * sizeof(TimestampTz));
	}
	else if (state->nkept == state->space)
	{
		/* the latest stay, whatever the order of the rows */
		qsort(state->kept, state->nkept, sizeof(TimestampTz), CompareTimesDown);
		state->nkept = KEPT_ORDERS;
	}
	state->kept[state->nkept++] = at;
}

static void
AddTime(EventFeatures *state, TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			zone;

	if (timestamp2tm(at, &zone, &tm, &fsec, NULL, state->zone) != 0)
		return;
	state->time_of_day[tm.tm_hour / 6]++;
	if (j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday)) % 6 == 0)
		state->weekend++;
	state->in_year++;
}

static void
AddCategories(EventFeatures *state, ArrayType *categories)
{
	int			count = ArrayGetNItems(ARR_NDIM(categories), ARR_DIMS(categories));
	int64	   *number = (int64 *) ARR_DATA_PTR(categories);

	if (ARR_ELEMTYPE(categories) != INT8OID || ARR_HASNULL(categories))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("categories must be numbers")));
	state->about_products++;
	for (int i = 0; i < count; i++)
		if (number[i] >= 1 && number[i] <= state->ncategories)
			state->category_count[number[i] - 1]++;
}

/* state, as_of, zone, sizes, occurred_at, event no, revenue, source no, category nos */
Datum
cdp_event_features_add(PG_FUNCTION_ARGS)
{
	EventFeatures *state = PG_ARGISNULL(0) ? NewState(fcinfo) : (EventFeatures *) PG_GETARG_POINTER(0);
	TimestampTz at;
	double		days;
	int64		event = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5);
	int64		source = PG_ARGISNULL(7) ? 0 : PG_GETARG_INT64(7);
	bool		is_order = !PG_ARGISNULL(6) && !isnan(PG_GETARG_FLOAT8(6));
	double		revenue = is_order ? PG_GETARG_FLOAT8(6) : 0;

	/* nothing from as_of on, whatever the caller's query says */
	if (PG_ARGISNULL(4) || (at = PG_GETARG_TIMESTAMPTZ(4)) >= state->as_of || TIMESTAMP_NOT_FINITE(at))
		PG_RETURN_POINTER(state);
	days = (state->as_of - at) / DAY_LENGTH;
	state->first = Min(state->first, at);
	state->last = Max(state->last, at);
	for (int i = 0; i < WINDOWS; i++)
		if (days <= window_days[i])
		{
			state->count[i]++;
			state->orders[i] += is_order;
			state->revenue[i] += revenue;
			if (event >= 1 && event <= state->nevents)
				state->event_count[(event - 1) * WINDOWS + i]++;
		}
	if (days <= 90)
		state->days[(int) days / 64] |= UINT64CONST(1) << ((int) days % 64);
	if (days < 360)
		state->months |= 1 << (int) (days / 30);
	if (days <= 365)
		AddTime(state, at);
	if (event >= 1 && event <= state->nevents)
		state->event_last[event - 1] = Max(state->event_last[event - 1], at);
	if (source >= 1 && source <= state->nsources)
		state->source_count[source - 1]++;
	if (is_order)
	{
		state->all_orders++;
		state->order_revenue += revenue;
		KeepOrder(state, at);
	}
	if (!PG_ARGISNULL(8))
		AddCategories(state, PG_GETARG_ARRAYTYPE_P(8));
	PG_RETURN_POINTER(state);
}

static double
LogOf(double x)
{
	return x > 0 ? log1p(x) : 0;
}

static int
CompareDoubles(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

/* The own median gap between orders, and the present gap against it */
static void
AddHabit(EventFeatures *state, double *feature)
{
	double	   *gap;
	double		median,
				present;
	int			ngaps;

	qsort(state->kept, state->nkept, sizeof(TimestampTz), CompareTimesDown);
	state->nkept = Min(state->nkept, KEPT_ORDERS);
	feature[NEVER_ORDERED] = state->nkept == 0;
	present = state->nkept == 0 ? NEVER_DAYS : (state->as_of - state->kept[0]) / DAY_LENGTH;
	feature[DAYS_SINCE_ORDER] = LogOf(present);
	if (state->nkept < 2)
		return;
	ngaps = state->nkept - 1;
	gap = palloc(ngaps * sizeof(double));
	for (int i = 0; i < ngaps; i++)
		gap[i] = (state->kept[i] - state->kept[i + 1]) / DAY_LENGTH;
	qsort(gap, ngaps, sizeof(double), CompareDoubles);
	median = ngaps % 2 ? gap[ngaps / 2] : (gap[ngaps / 2 - 1] + gap[ngaps / 2]) / 2;
	feature[ORDER_GAP] = LogOf(median);
	feature[OVERDUE] = log((present + 1) / (median + 1));
}

static void
AddShares(double *feature, const int64 *count, int n, int64 all)
{
	for (int i = 0; i < n; i++)
		feature[i] = all > 0 ? (double) count[i] / all : 0;
}

Datum
cdp_event_features_final(PG_FUNCTION_ARGS)
{
	EventFeatures *state;
	int			n;
	double	   *feature;
	Datum	   *values;
	int64		all = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (EventFeatures *) PG_GETARG_POINTER(0);
	if (state->last == DT_NOBEGIN)
		PG_RETURN_NULL();
	n = FIXED_FEATURES + state->nevents * (WINDOWS + 1) + state->nsources + state->ncategories;
	feature = palloc0(n * sizeof(double));
	feature[DAYS_SINCE_FIRST] = LogOf((state->as_of - state->first) / DAY_LENGTH);
	feature[DAYS_SINCE_LAST] = LogOf((state->as_of - state->last) / DAY_LENGTH);
	for (int i = 0; i < WINDOWS; i++)
	{
		feature[EVENTS + i] = LogOf(state->count[i]);
		feature[REVENUE + i] = LogOf(state->revenue[i]);
		feature[ORDERS + i] = LogOf(state->orders[i]);
	}
	feature[ORDER_VALUE] = state->all_orders > 0 ? LogOf(state->order_revenue / state->all_orders) : 0;
	feature[ACTIVE_DAYS] = LogOf(pg_popcount64(state->days[0]) + pg_popcount64(state->days[1]));
	feature[LATEST_ACTIVE_MONTHS] = pg_popcount32(state->months) / 12.0;
	AddHabit(state, feature);
	AddShares(feature + TIMES_OF_DAY, state->time_of_day, 4, state->in_year);
	AddShares(feature + WEEKEND, &state->weekend, 1, state->in_year);
	for (int e = 0; e < state->nevents; e++)
	{
		double	   *own = feature + FIXED_FEATURES + e * (WINDOWS + 1);

		for (int i = 0; i < WINDOWS; i++)
			own[i] = LogOf(state->event_count[e * WINDOWS + i]);
		own[WINDOWS] = LogOf(state->event_last[e] == DT_NOBEGIN ? NEVER_DAYS : (state->as_of - state->event_last[e]) / DAY_LENGTH);
	}
	for (int i = 0; i < state->nsources; i++)
		all += state->source_count[i];
	AddShares(feature + n - state->nsources - state->ncategories, state->source_count, state->nsources, all);
	AddShares(feature + n - state->ncategories, state->category_count, state->ncategories, state->about_products);
	values = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
		values[i] = Float8GetDatum(feature[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, n, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Is the value, or an element of the list, that text? */
static bool
ValueIs(JsonbValue *value, const char *wanted, int length)
{
	if (value->type == jbvString)
		return value->val.string.len == length && memcmp(value->val.string.val, wanted, length) == 0;
	if (value->type == jbvBool)
		return length == (value->val.boolean ? 4 : 5) && memcmp(wanted, value->val.boolean ? "true" : "false", length) == 0;
	if (value->type == jbvNumeric)
	{
		char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));

		return strlen(text) == length && memcmp(text, wanted, length) == 0;
	}
	if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
	{
		uint32		count = JsonContainerSize(value->val.binary.data);

		for (uint32 i = 0; i < count; i++)
		{
			JsonbValue *element = getIthJsonbValueFromContainer(value->val.binary.data, i);

			if (element != NULL && element->type == jbvString && ValueIs(element, wanted, length))
				return true;
		}
	}
	return false;
}

/*
 * traits, names, wanted: for each name 1 when the trait has the wanted value,
 * else 0; where wanted is null, the number itself as sign and ln(1 + x), or
 * null.  A null name is a trait that must no longer be looked at: null.
 */
Datum
cdp_trait_features(PG_FUNCTION_ARGS)
{
	Jsonb	   *traits = PG_GETARG_JSONB_P(0);
	Datum	   *names,
			   *wanted,
			   *values;
	bool	   *name_nulls,
			   *wanted_nulls,
			   *nulls;
	int			n,
				nwanted,
				dims[1],
				lower[1] = {1};

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, &name_nulls, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &wanted, &wanted_nulls, &nwanted);
	if (n != nwanted)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%d names of traits do not fit %d values", n, nwanted)));
	values = palloc0(Max(n, 1) * sizeof(Datum));
	nulls = palloc0(Max(n, 1) * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *value = NULL;
		JsonbValue	space;

		if (name_nulls[i])
		{
			nulls[i] = true;
			continue;
		}
		if (JB_ROOT_IS_OBJECT(traits))
			value = getKeyJsonValueFromContainer(&traits->root, VARDATA_ANY(names[i]), VARSIZE_ANY_EXHDR(names[i]), &space);
		if (!wanted_nulls[i])
			values[i] = Float8GetDatum(value != NULL && ValueIs(value, VARDATA_ANY(wanted[i]), VARSIZE_ANY_EXHDR(wanted[i])));
		else if (value != NULL && value->type == jbvNumeric)
		{
			double		x = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));

			nulls[i] = !isfinite(x);
			values[i] = Float8GetDatum(x < 0 ? -log1p(-x) : log1p(x));
		}
		else
			nulls[i] = true;
	}
	dims[0] = n;
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT8OID));
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, 1, dims, lower, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
