/*
 * event_list.h
 *		State of aggregates over a group's events: their times and which
 *		conditions each satisfies.
 *
 * One allocation in the aggregate's context, grown by doubling; events come in
 * any order and are sorted when they are looked at.
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
	ListedEvent events[FLEXIBLE_ARRAY_MEMBER];
} EventList;

extern EventList *EventListCreate(MemoryContext context, int nconditions);
extern EventList *EventListGrow(EventList *list, int64 needed, const char *aggregate);
extern void EventListSort(EventList *list);

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
	ListedEvent *event;

	if (list->count >= list->capacity)
		list = EventListGrow(list, (int64) list->count + 1, aggregate);
	event = &list->events[list->count++];
	event->time = time;
	event->conditions = conditions;
	if (list->is_sorted && list->count > 1 && ListedEventCompare(event - 1, event) > 0)
		list->is_sorted = false;
	return list;
}

#endif							/* CDP_EVENT_LIST_H */
