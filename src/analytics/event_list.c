/*
 * event_list.c
 *		State of aggregates over a group's events.
 *
 * A state as bytes, for another worker (numbers in network order):
 *
 *	  version mode conditions flags | window | pattern length | pattern | events | events × (time, conditions)
 *	     1      1       1       1   |   8    |       4        |  ...    |   4    |   8       4
 *
 * A pattern's length is -1 where there is none.  Flags: 1 the events are in
 * their order, 2 each is one word of 8 bytes instead (event_list.h).
 */
#include "core/core.h"

#include "libpq/pqformat.h"

#include "analytics/condition.h"
#include "analytics/event_list.h"
#include "core/aggregate.h"
#include "core/settings.h"

#define LIST_VERSION	2
#define FLAG_SORTED		1
#define FLAG_PACKED		2
#define LIST_FIRST_SIZE	128
#define LIST_HEADER		offsetof(EventList, events)

#define ST_SORT SortWords
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT SortListedEvents
#define ST_ELEMENT_TYPE ListedEvent
#define ST_COMPARE(a, b) ListedEventCompare(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

PG_FUNCTION_INFO_V1(cdp_event_list_combine);
PG_FUNCTION_INFO_V1(cdp_event_list_serialize);
PG_FUNCTION_INFO_V1(cdp_event_list_deserialize);

uint8		packed_rank[1 << PACKED_CONDITIONS];
uint8		packed_conditions[1 << PACKED_CONDITIONS];

/* Sets that begin with these conditions, in the order of ListedEventCompare */
static int
RankConditions(int rank, uint32 conditions, int from)
{
	packed_rank[conditions] = rank;
	packed_conditions[rank++] = conditions;
	for (int i = from; i < PACKED_CONDITIONS; i++)
		rank = RankConditions(rank, conditions | UINT32_C(1) << i, i + 1);
	return rank;
}

static inline Size
EventSize(const EventList *list)
{
	return list->is_packed ? sizeof(int64) : sizeof(ListedEvent);
}

EventList *
EventListCreate(MemoryContext context, int nconditions)
{
	EventList  *list = MemoryContextAlloc(context, LIST_FIRST_SIZE);

	if (packed_rank[1] == 0)
		RankConditions(0, 0, 0);
	memset(list, 0, LIST_HEADER);
	list->is_packed = nconditions <= PACKED_CONDITIONS;
	list->capacity = Min((LIST_FIRST_SIZE - LIST_HEADER) / EventSize(list), setting_max_aggregate_events);
	list->nconditions = nconditions;
	list->is_sorted = true;
	return list;
}

/* Room for so many events; chunks are powers of two, as the allocator's are */
EventList *
EventListGrow(EventList *list, int64 needed, const char *aggregate)
{
	Size		size = LIST_FIRST_SIZE;

	AggregateCheckEvents(aggregate, needed);
	while (size < LIST_HEADER + needed * EventSize(list))
		size *= 2;
	size = Min(size, LIST_HEADER + (Size) setting_max_aggregate_events * EventSize(list));
	list = repalloc(list, size);
	list->capacity = (size - LIST_HEADER) / EventSize(list);
	return list;
}

static inline void
UnpackWord(ListedEvent *event, int64 word)
{
	event->conditions = packed_conditions[word & 0xff];
	event->time = word >> PACKED_BITS;
}

/* From the end, so that no word is overwritten before it is read */
static EventList *
EventListUnpack(EventList *list, int64 needed, const char *aggregate)
{
	list->is_packed = false;
	list = EventListGrow(list, needed, aggregate);
	for (int i = list->count - 1; i >= 0; i--)
		UnpackWord(&list->events[i], PackedWords(list)[i]);
	return list;
}

EventList *
EventListAddWide(EventList *list, TimestampTz time, uint32 conditions, const char *aggregate)
{
	ListedEvent *event;

	if (list->is_packed)
		list = EventListUnpack(list, (int64) list->count + 1, aggregate);
	else if (list->count >= list->capacity)
		list = EventListGrow(list, (int64) list->count + 1, aggregate);
	event = &list->events[list->count++];
	event->time = time;
	event->conditions = conditions;
	if (list->is_sorted && list->count > 1 && ListedEventCompare(event - 1, event) > 0)
		list->is_sorted = false;
	return list;
}

/*
 * Sorting in place changes nothing that a caller could see: events may be
 * added afterwards, so final functions may do it.
 */
static void
EventListSort(EventList *list)
{
	if (list->is_sorted)
		return;
	if (list->is_packed)
		SortWords(PackedWords(list), list->count);
	else
		SortListedEvents(list->events, list->count);
	list->is_sorted = true;
}

const ListedEvent *
EventListSorted(EventList *list)
{
	ListedEvent *events;

	EventListSort(list);
	if (!list->is_packed)
		return list->events;
	events = palloc(Max(list->count, 1) * sizeof(ListedEvent));
	for (int i = 0; i < list->count; i++)
		UnpackWord(&events[i], PackedWords(list)[i]);
	return events;
}

static bool
PatternsEqual(const text *a, const text *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* There is room, and a is not packed unless b is */
static void
EventListAppend(EventList *a, const EventList *b)
{
	if (a->is_packed)
	{
		memcpy(&PackedWords(a)[a->count], PackedWords(b), b->count * sizeof(int64));
		a->is_sorted = a->is_sorted && b->is_sorted && (a->count == 0 || PackedWords(a)[a->count - 1] <= PackedWords(a)[a->count]);
	}
	else
	{
		for (int i = 0; i < b->count; i++)
			if (b->is_packed)
				UnpackWord(&a->events[a->count + i], PackedWords(b)[i]);
			else
				a->events[a->count + i] = b->events[i];
		a->is_sorted = a->is_sorted && b->is_sorted &&
			(a->count == 0 || ListedEventCompare(&a->events[a->count - 1], &a->events[a->count]) <= 0);
	}
	a->count += b->count;
}

Datum
cdp_event_list_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = AggregateContext(fcinfo);
	EventList  *a = PG_ARGISNULL(0) ? NULL : (EventList *) PG_GETARG_POINTER(0);
	EventList  *b = PG_ARGISNULL(1) ? NULL : (EventList *) PG_GETARG_POINTER(1);
	int64		total;

	if (b == NULL)
	{
		if (a == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(a);
	}
	if (a == NULL)
	{
		a = EventListCreate(context, b->nconditions);
		a->length = b->length;
		a->mode = b->mode;
		if (b->pattern != NULL)
		{
			a->pattern = MemoryContextAlloc(context, VARSIZE_ANY(b->pattern));
			memcpy(a->pattern, b->pattern, VARSIZE_ANY(b->pattern));
		}
	}
	else if (a->length != b->length || a->mode != b->mode || a->nconditions != b->nconditions ||
			 !PatternsEqual(a->pattern, b->pattern))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the rows of a group differ in window, mode, pattern or number of conditions")));
	if (b->count == 0)
		PG_RETURN_POINTER(a);
	total = (int64) a->count + b->count;
	if (a->is_packed && !b->is_packed)
		a = EventListUnpack(a, total, "an aggregate over events");
	else if (total > a->capacity)
		a = EventListGrow(a, total, "an aggregate over events");
	EventListAppend(a, b);
	PG_RETURN_POINTER(a);
}

Datum
cdp_event_list_serialize(PG_FUNCTION_ARGS)
{
	EventList  *list = (EventList *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	(void) AggregateContext(fcinfo);
	pq_begintypsend(&buf);
	enlargeStringInfo(&buf, 64);
	pq_writeint8(&buf, LIST_VERSION);
	pq_writeint8(&buf, list->mode);
	pq_writeint8(&buf, list->nconditions);
	pq_writeint8(&buf, (list->is_sorted ? FLAG_SORTED : 0) | (list->is_packed ? FLAG_PACKED : 0));
	pq_writeint64(&buf, list->length);
	if (list->pattern == NULL)
		pq_writeint32(&buf, (uint32) -1);
	else
	{
		pq_writeint32(&buf, VARSIZE_ANY_EXHDR(list->pattern));
		pq_sendbytes(&buf, VARDATA_ANY(list->pattern), VARSIZE_ANY_EXHDR(list->pattern));
	}
	pq_sendint32(&buf, list->count);
	enlargeStringInfo(&buf, list->count * (list->is_packed ? 8 : 12));
	for (int i = 0; i < list->count; i++)
	{
		pq_writeint64(&buf, list->is_packed ? PackedWords(list)[i] : list->events[i].time);
		if (!list->is_packed)
			pq_writeint32(&buf, list->events[i].conditions);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static void
Corrupt(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("bytes are not a state of an aggregate over events")));
}

Datum
cdp_event_list_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	EventList  *list;
	StringInfoData buf;
	int			mode;
	int			flags;
	int			count;
	int			pattern_len;

	(void) AggregateContext(fcinfo);
	buf.data = VARDATA_ANY(bytes);
	buf.len = VARSIZE_ANY_EXHDR(bytes);
	buf.maxlen = buf.len;
	buf.cursor = 0;
	if (pq_getmsgbyte(&buf) != LIST_VERSION)
		Corrupt();
	mode = pq_getmsgbyte(&buf);
	/* the combining step copies what it keeps */
	list = EventListCreate(CurrentMemoryContext, pq_getmsgbyte(&buf));
	if (list->nconditions < 1 || list->nconditions > CONDITIONS_MAX)
		Corrupt();
	list->mode = mode;
	flags = pq_getmsgbyte(&buf);
	if ((flags & ~(FLAG_SORTED | FLAG_PACKED)) != 0 || ((flags & FLAG_PACKED) && !list->is_packed))
		Corrupt();
	list->is_sorted = (flags & FLAG_SORTED) != 0;
	list->is_packed = (flags & FLAG_PACKED) != 0;
	list->length = pq_getmsgint64(&buf);
	pattern_len = (int32) pq_getmsgint(&buf, 4);
	if (pattern_len >= 0)
		list->pattern = cstring_to_text_with_len(pq_getmsgbytes(&buf, pattern_len), pattern_len);
	count = (int32) pq_getmsgint(&buf, 4);
	if (count < 0 || (int64) count * (list->is_packed ? 8 : 12) != buf.len - buf.cursor)
		Corrupt();
	/* the capacity that it has is one of events of the other size */
	list = EventListGrow(list, count, "an aggregate over events");
	for (int i = 0; i < count; i++)
	{
		if (list->is_packed)
			PackedWords(list)[i] = pq_getmsgint64(&buf);
		else
		{
			list->events[i].time = pq_getmsgint64(&buf);
			list->events[i].conditions = pq_getmsgint(&buf, 4);
		}
	}
	list->count = count;
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(list);
}
