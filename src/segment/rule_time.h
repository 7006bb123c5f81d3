/*
 * rule_time.h
 *		Times in rules and in data, and windows of time.
 */
#ifndef CDP_SEGMENT_RULE_TIME_H
#define CDP_SEGMENT_RULE_TIME_H

#include "pgtime.h"

#include "segment/rule.h"

/* "never" for moments at which an answer changes */
#define NEVER DT_NOEND

/*
 * A window at one as_of: t counts iff low < t (low_open) or low <= t, and
 * t < high (high_open) or t <= high.
 */
typedef struct WindowBounds
{
	TimestampTz low;
	TimestampTz high;
	bool		low_open;
	bool		high_open;
	TimestampTz next;			/* THIS, CALENDAR: when the bounds jump */
	TimestampTz reach;			/* nothing before this can matter */
	bool		rough;			/* the bound may step back soon, see rule_time.c */
	TimestampTz jump;			/* it moves evenly until then */
} WindowBounds;

extern bool ParseIsoTime(const char *text, int length, pg_tz *zone, TimestampTz *result);
extern bool ParseIsoDate(const char *text, int length, int *year, int *month, int *day);
extern void ComputeWindow(const RuleWindow *window, TimestampTz as_of, pg_tz *zone, WindowBounds *bounds);
extern bool InWindow(const WindowBounds *bounds, TimestampTz t);
extern bool WindowIsFixed(const RuleWindow *window);
extern int64 WindowLength(const RuleWindow *window);
extern TimestampTz LeaveTime(const RuleWindow *window, const WindowBounds *bounds, TimestampTz t,
							 TimestampTz as_of, pg_tz *zone);
extern TimestampTz TimeFlip(const RuleWindow *window, const WindowBounds *bounds, TimestampTz t,
							TimestampTz as_of, pg_tz *zone);
extern Truth AnniversaryTruth(const RuleWindow *window, int year, int month, int day,
							  TimestampTz as_of, pg_tz *zone, TimestampTz *until);
extern TimestampTz AddClamped(TimestampTz t, int64 delta);

#endif							/* CDP_SEGMENT_RULE_TIME_H */
