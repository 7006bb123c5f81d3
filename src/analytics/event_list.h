/*
 * event_list.h
 *		State of aggregates over a group's events: their times and which
 *		conditions each satisfies.
 *
 * One allocation in the aggregate's context, grown by doubling; events come in
 * any order and are sorted when they are looked at.  What a row costs is above
 * all the memory of its group that is not in the processor's caches, so events
 * are kept in a word each as long as they fit:
 *
 *	  time in microseconds, 56 bits with its sign | rank of the conditions, 8 bits
 *
 * that is, up to 8 conditions and about 1,141 years from 2000 on either side.
 * The first event that does not fit turns the list into one of ListedEvents.
 * Words sort as ListedEventCompare sorts what they stand for.
 */
#ifndef CDP_EVENT_LIST_H
#define CDP_EVENT_LIST_H

typedef struct ListedEvent
{
	TimestampTz time;
	uint32		conditions;		/* bit 0: the first */
} ListedEvent;

typedef struct EventList
{
	int32		count;
	int32		capacity;
	int64		length;			/* window_funnel: microseconds of the window */
	text	   *pattern;		/* sequences: the pattern, in the same context */
	uint8		mode;			/* window_funnel */
	uint8		nconditions;
	bool		is_sorted;
	bool		is_packed;
	ListedEvent events[FLEXIBLE_ARRAY_MEMBER];	/* or words, see PackedWords */
} EventList;

#define PACKED_CONDITIONS	8
#define PACKED_BITS			8
#define PACKED_TIME_LIMIT	(INT64CONST(1) << 55)

static inline int64 *
PackedWords(const EventList *list)
{
	return (int64 *) list->events;
}

/* Of a set of conditions its place in the order of all sets, and back */
extern uint8 packed_rank[1 << PACKED_CONDITIONS];
extern uint8 packed_conditions[1 << PACKED_CONDITIONS];

extern EventList *EventListCreate(MemoryContext context, int nconditions);
extern EventList *EventListGrow(EventList *list, int64 needed, const char *aggregate);
extern EventList *EventListAddWide(EventList *list, TimestampTz time, uint32 conditions, const char *aggregate);

/* The events in their order, good until one is added; in the current context */
extern const ListedEvent *EventListSorted(EventList *list);

/* The order of events: by time, then by the numbers of their conditions as a list */
static inline int
ListedEventCompare(const ListedEvent *a, const ListedEvent *b)
{
	uint32		differ;
	uint32		lowest;
	uint32		other;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	differ = a->conditions ^ b->conditions;
	if (differ == 0)
		return 0;
	lowest = differ & -differ;
	other = (a->conditions & lowest) ? b->conditions : a->conditions;
	/* the list that has the lowest one comes first, unless the other ends before it */
	if (((a->conditions & lowest) != 0) == (other > lowest))
		return -1;
	return 1;
}

static inline EventList *
EventListAdd(EventList *list, TimestampTz time, uint32 conditions, const char *aggregate)
{
	int64	   *words = PackedWords(list);
	int64		word;

	if (!list->is_packed || time < -PACKED_TIME_LIMIT || time >= PACKED_TIME_LIMIT)
		return EventListAddWide(list, time, conditions, aggregate);
	if (list->count >= list->capacity)
	{
		list = EventListGrow(list, (int64) list->count + 1, aggregate);
		words = PackedWords(list);
	}
	word = time * (1 << PACKED_BITS) + packed_rank[conditions & 0xff];
	if (list->is_sorted && list->count > 0 && words[list->count - 1] > word)
		list->is_sorted = false;
	words[list->count++] = word;
	return list;
}

#endif							/* CDP_EVENT_LIST_H */
