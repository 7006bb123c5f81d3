/*
 * touch_list.h
 *		State of the aggregate attribution: touches and conversions of a group;
 *		and of sequence_next: named events and the conditions that they meet.
 */
#ifndef CDP_TOUCH_LIST_H
#define CDP_TOUCH_LIST_H

typedef enum AttributionModel
{
	ATTRIBUTION_FIRST,
	ATTRIBUTION_LAST,
	ATTRIBUTION_LINEAR,
	ATTRIBUTION_TIME_DECAY,
	ATTRIBUTION_POSITION_BASED,
	ATTRIBUTION_LAST_NON_DIRECT
} AttributionModel;

#define NO_LOOKBACK	((int64) -1)

/* A row: a touch, a conversion, or both */
typedef struct TouchEvent
{
	TimestampTz time;
	int32		touch;			/* number of its name, or -1 */
	int32		conversion;		/* number of its value, or -1 */
} TouchEvent;

typedef struct TouchList
{
	MemoryContext context;
	AttributionModel model;
	int64		lookback;		/* microseconds, or NO_LOOKBACK; sequence_next: below
								 * that by the number of conditions */
	int64		bytes;			/* of names and values */
	int32		nevents;
	int32		events_capacity;
	TouchEvent *events;
	int32		nvalues;
	int32		values_capacity;
	Numeric    *values;
	int32		nnames;
	int32		names_capacity;
	text	  **names;			/* distinct names of touches, in order of appearance */
	int32		nslots;			/* of a hash table over the names, a power of two, or 0 */
	int32	   *slots;			/* number of a name, or -1 */
} TouchList;

extern TouchList *TouchListCreate(MemoryContext context, AttributionModel model, int64 lookback);
extern int32 TouchListName(TouchList *list, const char *name, int len);
extern int32 TouchListValue(TouchList *list, Numeric value);
extern void TouchListAdd(TouchList *list, TimestampTz time, int32 touch, int32 conversion);
extern int32 TouchListFind(const TouchList *list, const char *name, int len);

#endif							/* CDP_TOUCH_LIST_H */
