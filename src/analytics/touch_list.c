/*
 * touch_list.c
 *		State of the aggregate attribution: touches and conversions of a group;
 *		and of sequence_next: named events and the conditions that they meet.
 *
 * The state as bytes, for another worker (numbers in network order):
 *
 *	  version model lookback | names × (length, bytes) | values × (length, as numeric_send) | events × (time, touch, conversion)
 *	     1      1      8     |   4   +    4             |   4    +    4                      |    4   +   8     4        4
 */
#include "core/core.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"

#include "analytics/touch_list.h"
#include "core/aggregate.h"
#include "core/text.h"

#define TOUCH_VERSION		1
#define TOUCH_LENGTH_MAX	8192
#define TOUCH_UNHASHED		8		/* so few names are compared one by one */
#define TOUCH_BYTES_MAX		INT64CONST(268435456)

PG_FUNCTION_INFO_V1(cdp_attribution_transition);
PG_FUNCTION_INFO_V1(cdp_attribution_combine);
PG_FUNCTION_INFO_V1(cdp_attribution_serialize);
PG_FUNCTION_INFO_V1(cdp_attribution_deserialize);

static const char *const model_names[] = {
	"first", "last", "linear", "time_decay", "position_based", "last_non_direct"
};

TouchList *
TouchListCreate(MemoryContext context, AttributionModel model, int64 lookback)
{
	TouchList  *list = MemoryContextAllocZero(context, sizeof(TouchList));

	list->context = context;
	list->model = model;
	list->lookback = lookback;
	return list;
}

/* An array with room for one more: a new one, or one twice as large */
static void *
GrowArray(MemoryContext context, void *array, int32 count, int32 *capacity, Size size)
{
	if (count < *capacity)
		return array;
	*capacity = array == NULL ? 4 : *capacity * 2;
	if (array == NULL)
		return MemoryContextAlloc(context, *capacity * size);
	return repalloc(array, *capacity * size);
}

static inline const char *
AggregateOf(const TouchList *list)
{
	return list->lookback < NO_LOOKBACK ? "sequence_next" : "attribution";
}

/* Names and values are as long as users make them: a ceiling for all of a group */
static void *
AllocBytes(TouchList *list, Size size)
{
	list->bytes += size;
	if (list->bytes > TOUCH_BYTES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("touches and values of a group of %s have more than %d MB", AggregateOf(list), (int) (TOUCH_BYTES_MAX / 1048576))));
	return MemoryContextAlloc(list->context, size);
}

static inline bool
NameIs(const text *name, const char *bytes, int len)
{
	return VARSIZE(name) - VARHDRSZ == len && memcmp(VARDATA(name), bytes, len) == 0;
}

static inline int32 *
SlotOf(const TouchList *list, const char *name, int len)
{
	uint32		slot = hash_bytes((const unsigned char *) name, len) & (list->nslots - 1);

	while (list->slots[slot] >= 0 && !NameIs(list->names[list->slots[slot]], name, len))
		slot = (slot + 1) & (list->nslots - 1);
	return &list->slots[slot];
}

/* The number of a name, or -1 */
int32
TouchListFind(const TouchList *list, const char *name, int len)
{
	if (list->nslots > 0)
		return *SlotOf(list, name, len);
	for (int32 i = 0; i < list->nnames; i++)
		if (NameIs(list->names[i], name, len))
			return i;
	return -1;
}

static void
RebuildSlots(TouchList *list)
{
	int32		nslots = 32;

	while (nslots < list->nnames * 4)
		nslots *= 2;
	if (list->slots != NULL)
		pfree(list->slots);
	list->slots = NULL;
	list->nslots = 0;
	list->slots = MemoryContextAlloc(list->context, nslots * sizeof(int32));
	memset(list->slots, -1, nslots * sizeof(int32));
	list->nslots = nslots;
	for (int32 i = 0; i < list->nnames; i++)
		*SlotOf(list, VARDATA(list->names[i]), VARSIZE(list->names[i]) - VARHDRSZ) = i;
}

int32
TouchListName(TouchList *list, const char *name, int len)
{
	int32		found = TouchListFind(list, name, len);
	text	   *copy;

	if (found >= 0)
		return found;
	if (len > TOUCH_LENGTH_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s \"%s…\" has more than %d bytes", list->lookback < NO_LOOKBACK ? "event" : "touch",
						TextForMessage(name, len), TOUCH_LENGTH_MAX)));
	list->names = GrowArray(list->context, list->names, list->nnames, &list->names_capacity, sizeof(text *));
	copy = AllocBytes(list, VARHDRSZ + len);
	SET_VARSIZE(copy, VARHDRSZ + len);
	memcpy(VARDATA(copy), name, len);
	list->names[list->nnames++] = copy;
	if (list->nslots > 0 && list->nnames * 2 < list->nslots)
		*SlotOf(list, name, len) = list->nnames - 1;
	else if (list->nnames > TOUCH_UNHASHED)
		RebuildSlots(list);
	return list->nnames - 1;
}

int32
TouchListValue(TouchList *list, Numeric value)
{
	Numeric		copy = AllocBytes(list, VARSIZE(value));

	memcpy(copy, value, VARSIZE(value));
	list->values = GrowArray(list->context, list->values, list->nvalues, &list->values_capacity, sizeof(Numeric));
	list->values[list->nvalues++] = copy;
	return list->nvalues - 1;
}

void
TouchListAdd(TouchList *list, TimestampTz time, int32 touch, int32 conversion)
{
	TouchEvent *event;

	AggregateCheckEvents(AggregateOf(list), (int64) list->nevents + 1);
	list->events = GrowArray(list->context, list->events, list->nevents, &list->events_capacity, sizeof(TouchEvent));
	event = &list->events[list->nevents++];
	event->time = time;
	event->touch = touch;
	event->conversion = conversion;
}

static AttributionModel
ModelOf(FunctionCallInfo fcinfo)
{
	text	   *name;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model of attribution must not be null")));
	name = PG_GETARG_TEXT_PP(1);
	for (int i = 0; i < (int) lengthof(model_names); i++)
		if (strlen(model_names[i]) == VARSIZE_ANY_EXHDR(name) &&
			memcmp(VARDATA_ANY(name), model_names[i], VARSIZE_ANY_EXHDR(name)) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown model \"%s\" of attribution", TextForMessage(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))),
			 errhint("Models are first, last, linear, time_decay, position_based and last_non_direct.")));
}

/* arguments: state, model, touch, occurred_at, is_conversion, value [, lookback] */
Datum
cdp_attribution_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = AggregateContext(fcinfo);
	TouchList  *list = PG_ARGISNULL(0) ? NULL : (TouchList *) PG_GETARG_POINTER(0);
	AttributionModel model = ModelOf(fcinfo);
	int64		lookback = NO_LOOKBACK;
	bool		is_conversion = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	int32		touch = -1;
	int32		conversion = -1;

	if (PG_NARGS() > 6)
		lookback = AggregateFixedLength(fcinfo, 6, "lookback");
	if (list != NULL && (list->model != model || list->lookback != lookback))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model and lookback of attribution must be the same in all rows of a group")));
	if (PG_ARGISNULL(3) || (PG_ARGISNULL(2) && !is_conversion))
	{
		if (list == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(list);
	}
	if (list == NULL)
		list = TouchListCreate(context, model, lookback);
	if (!PG_ARGISNULL(2))
	{
		text	   *name = PG_GETARG_TEXT_PP(2);

		touch = TouchListName(list, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	}
	if (is_conversion && !PG_ARGISNULL(5))
	{
		Numeric		value = PG_GETARG_NUMERIC(5);

		if (numeric_is_nan(value) || numeric_is_inf(value))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("value of a conversion must be finite")));
		conversion = TouchListValue(list, value);
	}
	if (touch >= 0 || conversion >= 0)
		TouchListAdd(list, PG_GETARG_TIMESTAMPTZ(3), touch, conversion);
	PG_RETURN_POINTER(list);
}

Datum
cdp_attribution_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = AggregateContext(fcinfo);
	TouchList  *a = PG_ARGISNULL(0) ? NULL : (TouchList *) PG_GETARG_POINTER(0);
	TouchList  *b = PG_ARGISNULL(1) ? NULL : (TouchList *) PG_GETARG_POINTER(1);
	int32	   *numbers;

	if (b == NULL)
	{
		if (a == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(a);
	}
	if (a == NULL)
		a = TouchListCreate(context, b->model, b->lookback);
	else if (a->model != b->model || a->lookback != b->lookback)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model and lookback of attribution must be the same in all rows of a group")));
	numbers = palloc(Max(b->nnames, 1) * sizeof(int32));
	for (int32 i = 0; i < b->nnames; i++)
		numbers[i] = TouchListName(a, VARDATA(b->names[i]), VARSIZE(b->names[i]) - VARHDRSZ);
	for (int32 i = 0; i < b->nevents; i++)
	{
		const TouchEvent *event = &b->events[i];

		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		TouchListAdd(a, event->time,
					 event->touch < 0 ? -1 : numbers[event->touch],
					 event->conversion < 0 ? -1 : TouchListValue(a, b->values[event->conversion]));
	}
	pfree(numbers);
	PG_RETURN_POINTER(a);
}

Datum
cdp_attribution_serialize(PG_FUNCTION_ARGS)
{
	TouchList  *list = (TouchList *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	(void) AggregateContext(fcinfo);
	pq_begintypsend(&buf);
	pq_sendint8(&buf, TOUCH_VERSION);
	pq_sendint8(&buf, list->model);
	pq_sendint64(&buf, list->lookback);
	pq_sendint32(&buf, list->nnames);
	for (int32 i = 0; i < list->nnames; i++)
	{
		pq_sendint32(&buf, VARSIZE(list->names[i]) - VARHDRSZ);
		pq_sendbytes(&buf, VARDATA(list->names[i]), VARSIZE(list->names[i]) - VARHDRSZ);
	}
	pq_sendint32(&buf, list->nvalues);
	for (int32 i = 0; i < list->nvalues; i++)
	{
		bytea	   *sent = DatumGetByteaP(DirectFunctionCall1(numeric_send, NumericGetDatum(list->values[i])));

		pq_sendint32(&buf, VARSIZE(sent) - VARHDRSZ);
		pq_sendbytes(&buf, VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
		pfree(sent);
	}
	pq_sendint32(&buf, list->nevents);
	for (int32 i = 0; i < list->nevents; i++)
	{
		pq_sendint64(&buf, list->events[i].time);
		pq_sendint32(&buf, list->events[i].touch);
		pq_sendint32(&buf, list->events[i].conversion);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* A count or length, of which the message has so many times unit bytes left */
static int32
ReadCount(StringInfo buf, int unit)
{
	int32		count = pq_getmsgint(buf, 4);

	if (count < 0 || (int64) count * unit > buf->len - buf->cursor)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("bytes are not a state of attribution")));
	return count;
}

static Numeric
ReadNumeric(StringInfo buf)
{
	int32		len = ReadCount(buf, 1);
	StringInfoData part;

	initStringInfo(&part);
	appendBinaryStringInfo(&part, pq_getmsgbytes(buf, len), len);
	return DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(&part),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

Datum
cdp_attribution_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	TouchList  *list;
	StringInfoData buf;
	int			version;
	int			model;
	int32		count;

	(void) AggregateContext(fcinfo);
	buf.data = VARDATA_ANY(bytes);
	buf.len = buf.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buf.cursor = 0;
	version = pq_getmsgbyte(&buf);
	model = pq_getmsgbyte(&buf);
	if (version != TOUCH_VERSION || model >= (int) lengthof(model_names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("bytes are not a state of attribution")));
	list = TouchListCreate(CurrentMemoryContext, model, pq_getmsgint64(&buf));
	count = ReadCount(&buf, 4);
	for (int32 i = 0; i < count; i++)
	{
		int32		len = ReadCount(&buf, 1);

		TouchListName(list, pq_getmsgbytes(&buf, len), len);
	}
	count = ReadCount(&buf, 4);
	for (int32 i = 0; i < count; i++)
		TouchListValue(list, ReadNumeric(&buf));
	count = ReadCount(&buf, 16);
	for (int32 i = 0; i < count; i++)
	{
		TimestampTz time = pq_getmsgint64(&buf);
		int32		touch = pq_getmsgint(&buf, 4);
		int32		conversion = pq_getmsgint(&buf, 4);

		if (touch < -1 || touch >= list->nnames || conversion < -1 || conversion >= list->nvalues)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("bytes are not a state of attribution")));
		TouchListAdd(list, time, touch, conversion);
	}
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(list);
}
