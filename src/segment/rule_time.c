/*
 * rule_time.c
 *		Times and windows.
 *
 * Minutes, hours, days and weeks have fixed lengths; months, quarters and
 * years are taken from the calendar in the zone of setting time_zone, as
 * (now AT TIME ZONE zone - n months) AT TIME ZONE zone.  Near the end of a
 * month (31 March - 1 month is 28 February, and so is 28 March - 1 month) and
 * near a change of the clock that bound can step back for a moment, by less
 * than SLACK.  Elsewhere it is smooth and moments of change are exact.  Near
 * such a place they are given early: SLACK before it, and closer by steps that
 * end at local midnight (every quarter of an hour around a change of the
 * clock), between which the bound moves evenly.
 */
#include "core/core.h"

#include "common/int.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "segment/rule_time.h"

#define SLACK (2 * USECS_PER_DAY)

static bool
TwoDigits(const char *s, int *value)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*value = (s[0] - '0') * 10 + (s[1] - '0');
	return true;
}

/* YYYY-MM-DD at the start of the text */
bool
ParseIsoDate(const char *s, int length, int *year, int *month, int *day)
{
	int			century;
	int			rest;

	if (length < 10 || !TwoDigits(s, &century) || !TwoDigits(s + 2, &rest) || s[4] != '-' ||
		!TwoDigits(s + 5, month) || s[7] != '-' || !TwoDigits(s + 8, day))
		return false;
	*year = century * 100 + rest;
	return *year >= 1 && *month >= 1 && *month <= 12 && *day >= 1 &&
		*day <= day_tab[isleap(*year)][*month - 1];
}

/* Z, +hh, +hhmm or +hh:mm: seconds east of UTC */
static bool
ParseOffset(const char *s, int length, int *seconds)
{
	int			hours;
	int			minutes = 0;

	if (length == 1 && (s[0] == 'Z' || s[0] == 'z'))
	{
		*seconds = 0;
		return true;
	}
	if (length < 3 || (s[0] != '+' && s[0] != '-') || !TwoDigits(s + 1, &hours))
		return false;
	if (!(length == 3 || (length == 5 && TwoDigits(s + 3, &minutes)) ||
		  (length == 6 && s[3] == ':' && TwoDigits(s + 4, &minutes))))
		return false;
	if (hours > 15 || minutes > 59)
		return false;
	*seconds = (hours * 3600 + minutes * 60) * (s[0] == '-' ? -1 : 1);
	return true;
}

/*
 * ISO 8601: date, or date and time with T or a blank between, seconds and
 * fractions optional, zone optional.  Without zone it is local in 'zone';
 * zone NULL checks only.
 */
bool
ParseIsoTime(const char *s, int length, pg_tz *zone, TimestampTz *result)
{
	struct pg_tm tm = {0};
	fsec_t		fsec = 0;
	int			at = 10;
	int			offset;
	int			tz;

	if (!ParseIsoDate(s, length, &tm.tm_year, &tm.tm_mon, &tm.tm_mday))
		return false;
	if (length > 10)
	{
		if ((s[10] != 'T' && s[10] != 't' && s[10] != ' ') || length < 16 || !TwoDigits(s + 11, &tm.tm_hour) ||
			s[13] != ':' || !TwoDigits(s + 14, &tm.tm_min))
			return false;
		at = 16;
		if (at < length && s[at] == ':')
		{
			if (length < 19 || !TwoDigits(s + 17, &tm.tm_sec))
				return false;
			at = 19;
			if (at < length && (s[at] == '.' || s[at] == ','))
			{
				int			unit = 100000;

				if (++at >= length || s[at] < '0' || s[at] > '9')
					return false;
				for (; at < length && s[at] >= '0' && s[at] <= '9'; at++, unit /= 10)
					fsec += unit * (s[at] - '0');
			}
		}
		if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
			return false;
		if (at < length && s[at] == ' ')
			at++;
	}
	if (at < length)
	{
		if (length == 10 || !ParseOffset(s + at, length - at, &offset))
			return false;
		tz = -offset;
	}
	else if (zone == NULL)
		tz = 0;
	else
		tz = DetermineTimeZoneOffset(&tm, zone);
	return tm2timestamp(&tm, fsec, &tz, result) == 0;
}

/* ---- arithmetic that stops at the ends of time ---- */

TimestampTz
AddClamped(TimestampTz t, int64 delta)
{
	int64		sum;

	if (TIMESTAMP_NOT_FINITE(t))
		return t;
	if (pg_add_s64_overflow(t, delta, &sum) || !IS_VALID_TIMESTAMP(sum))
		return delta < 0 ? DT_NOBEGIN : DT_NOEND;
	return sum;
}

bool
WindowIsFixed(const RuleWindow *window)
{
	return window->unit <= UNIT_WEEK;
}

/* Length of a fixed window in microseconds */
int64
WindowLength(const RuleWindow *window)
{
	static const int64 lengths[] = {USECS_PER_MINUTE, USECS_PER_HOUR, USECS_PER_DAY, 7 * USECS_PER_DAY};

	Assert(WindowIsFixed(window));
	return window->count * lengths[window->unit];
}

static int
WindowMonths(const RuleWindow *window)
{
	return window->count * (window->unit == UNIT_YEAR ? 12 : window->unit == UNIT_QUARTER ? 3 : 1);
}

/* Local date and time in the zone; false outside of the calendar's range */
static bool
ToLocal(TimestampTz t, pg_tz *zone, struct pg_tm *tm, fsec_t *fsec)
{
	int			tz;

	return timestamp2tm(t, &tz, tm, fsec, NULL, zone) == 0;
}

static TimestampTz
FromLocal(struct pg_tm *tm, fsec_t fsec, pg_tz *zone)
{
	TimestampTz result;
	int			tz = DetermineTimeZoneOffset(tm, zone);

	if (tm2timestamp(tm, fsec, &tz, &result) != 0)
		return tm->tm_year < 2000 ? DT_NOBEGIN : DT_NOEND;
	return result;
}

static void
AddMonthsLocal(struct pg_tm *tm, int months)
{
	int			total = tm->tm_year * 12 + (tm->tm_mon - 1) + months;
	int			year = total >= 0 ? total / 12 : -((-total + 11) / 12);

	tm->tm_year = year;
	tm->tm_mon = total - year * 12 + 1;
	if (tm->tm_mday > day_tab[isleap(tm->tm_year)][tm->tm_mon - 1])
		tm->tm_mday = day_tab[isleap(tm->tm_year)][tm->tm_mon - 1];
}

static TimestampTz
AddMonths(TimestampTz t, int months, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(t) || !ToLocal(t, zone, &tm, &fsec))
		return months < 0 ? DT_NOBEGIN : DT_NOEND;
	AddMonthsLocal(&tm, months);
	return FromLocal(&tm, fsec, zone);
}

/* Adds a window's length, forwards or (sign -1) backwards */
static TimestampTz
AddLength(TimestampTz t, const RuleWindow *window, int sign, pg_tz *zone)
{
	if (WindowIsFixed(window))
		return AddClamped(t, sign * WindowLength(window));
	return AddMonths(t, sign * WindowMonths(window), zone);
}

static TimestampTz CalendarStart(TimestampTz t, WindowUnit unit, int units, pg_tz *zone);

static int
OffsetAt(TimestampTz t, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz = 0;

	if (TIMESTAMP_NOT_FINITE(t) || timestamp2tm(t, &tz, &tm, &fsec, NULL, zone) != 0)
		return PG_INT32_MAX;
	return tz;
}

/* Does t -> t moved by months run evenly from SLACK before t to SLACK after it? */
static bool
IsSmooth(TimestampTz t, TimestampTz moved, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(t) || TIMESTAMP_NOT_FINITE(moved) || !ToLocal(t, zone, &tm, &fsec))
		return false;
	return tm.tm_mday >= 4 && tm.tm_mday <= 25 &&
		OffsetAt(AddClamped(t, -SLACK), zone) == OffsetAt(AddClamped(t, SLACK), zone) &&
		OffsetAt(AddClamped(moved, -SLACK), zone) == OffsetAt(AddClamped(moved, SLACK), zone);
}

/* Until when t and t moved by months move evenly; at most half a day */
static TimestampTz
NextJump(TimestampTz t, TimestampTz moved, pg_tz *zone)
{
	const int64 quarter = 15 * USECS_PER_MINUTE;
	TimestampTz jump = AddClamped(t, USECS_PER_DAY / 2);

	if (OffsetAt(AddClamped(t, -USECS_PER_DAY), zone) != OffsetAt(AddClamped(t, USECS_PER_DAY), zone) ||
		OffsetAt(AddClamped(moved, -USECS_PER_DAY), zone) != OffsetAt(AddClamped(moved, USECS_PER_DAY), zone))
	{
		int64		past = t % quarter;

		return t - (past < 0 ? past + quarter : past) + quarter;
	}
	return Min(jump, CalendarStart(t, UNIT_DAY, 1, zone));
}

/*
 * When the bound, at 'bound' now, reaches t; 'change' is where it would be
 * by the calendar.
 */
static TimestampTz
ReachTime(const WindowBounds *b, TimestampTz bound, TimestampTz change, TimestampTz t,
		  TimestampTz as_of, pg_tz *zone)
{
	TimestampTz early = AddClamped(change, -SLACK);

	if (change > as_of && IsSmooth(change, t, zone))
		return change;
	if (early > as_of)
		return early;
	return Min(AddClamped(as_of, t - bound), b->jump);
}

/* Start of the calendar unit of t, moved by 'units' */
static TimestampTz
CalendarStart(TimestampTz t, WindowUnit unit, int units, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			julian;

	if (!ToLocal(t, zone, &tm, &fsec))
		return t;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (unit == UNIT_DAY || unit == UNIT_WEEK)
	{
		julian = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
		if (unit == UNIT_WEEK)
			julian -= (j2day(julian) + 6) % 7;
		julian += units * (unit == UNIT_WEEK ? 7 : 1);
		if (julian < 0)
			return DT_NOBEGIN;
		j2date(julian, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	}
	else
	{
		tm.tm_mday = 1;
		if (unit == UNIT_QUARTER)
			tm.tm_mon = (tm.tm_mon - 1) / 3 * 3 + 1;
		else if (unit == UNIT_YEAR)
			tm.tm_mon = 1;
		AddMonthsLocal(&tm, units * (unit == UNIT_YEAR ? 12 : unit == UNIT_QUARTER ? 3 : 1));
	}
	return FromLocal(&tm, 0, zone);
}

void
ComputeWindow(const RuleWindow *window, TimestampTz as_of, pg_tz *zone, WindowBounds *b)
{
	b->low = DT_NOBEGIN;
	b->high = as_of;
	b->low_open = b->high_open = false;
	b->next = NEVER;
	b->rough = false;
	b->jump = NEVER;
	switch (window->kind)
	{
		case WINDOW_NONE:
			break;
		case WINDOW_LAST:
			b->low = AddLength(as_of, window, -1, zone);
			b->low_open = true;
			break;
		case WINDOW_NEXT:
			b->low = as_of;
			b->low_open = true;
			b->high = AddLength(as_of, window, 1, zone);
			break;
		case WINDOW_THIS:
			b->low = CalendarStart(as_of, window->unit, 0, zone);
			b->high = b->next = CalendarStart(as_of, window->unit, 1, zone);
			b->high_open = true;
			break;
		case WINDOW_CALENDAR:
			b->low = CalendarStart(as_of, window->unit, -window->count, zone);
			b->high = CalendarStart(as_of, window->unit, 0, zone);
			b->high_open = true;
			b->next = CalendarStart(as_of, window->unit, 1, zone);
			break;
		case WINDOW_SINCE:
			b->low = window->low->at;
			break;
		case WINDOW_AFTER:
			b->low = window->low->at;
			b->low_open = true;
			break;
		case WINDOW_BEFORE:
			b->high = window->low->at;
			b->high_open = true;
			break;
		case WINDOW_BETWEEN:
			b->low = window->low->at;
			b->high = window->high->at;
			break;
	}
	b->reach = b->low;
	if ((window->kind == WINDOW_LAST || window->kind == WINDOW_NEXT) && !WindowIsFixed(window))
	{
		TimestampTz moved = window->kind == WINDOW_LAST ? b->low : b->high;

		b->rough = !IsSmooth(as_of, moved, zone);
		b->jump = NextJump(as_of, moved, zone);
		if (window->kind == WINDOW_LAST)
			b->reach = AddClamped(b->low, -SLACK);
	}
}

bool
InWindow(const WindowBounds *b, TimestampTz t)
{
	return (b->low_open ? t > b->low : t >= b->low) && (b->high_open ? t < b->high : t <= b->high);
}

/* When does t, which is in this LAST window at as_of, leave it? */
TimestampTz
LeaveTime(const RuleWindow *window, const WindowBounds *b, TimestampTz t, TimestampTz as_of, pg_tz *zone)
{
	TimestampTz leave = AddLength(t, window, 1, zone);

	return WindowIsFixed(window) ? leave : ReachTime(b, b->low, leave, t, as_of, zone);
}

/* When does the answer to "t is in the window" change? */
TimestampTz
TimeFlip(const RuleWindow *window, const WindowBounds *b, TimestampTz t, TimestampTz as_of, pg_tz *zone)
{
	bool		calendar = !WindowIsFixed(window);
	TimestampTz flip;

	switch (window->kind)
	{
		case WINDOW_LAST:
			if (t > as_of)
				return t;
			if (InWindow(b, t))
				return LeaveTime(window, b, t, as_of, zone);
			return b->rough && t > AddClamped(b->low, -SLACK) ? b->jump : NEVER;
		case WINDOW_NEXT:
			if (InWindow(b, t))
				return b->rough && t > AddClamped(b->high, -SLACK) ? Min(b->jump, t) : t;
			if (t <= as_of)
				return NEVER;
			flip = AddLength(t, window, -1, zone);
			return calendar ? ReachTime(b, b->high, flip, t, as_of, zone) : flip;
		case WINDOW_THIS:
		case WINDOW_CALENDAR:
			return t >= b->low ? b->next : NEVER;
		default:
			return NEVER;
	}
}

/* ---- anniversaries ---- */

static int
AnniversaryIn(int year, int month, int day)
{
	return date2j(year, month, Min(day, day_tab[isleap(year)][month - 1]));
}

static TimestampTz
LocalMidnight(int julian, pg_tz *zone)
{
	struct pg_tm tm = {0};

	j2date(julian, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	return FromLocal(&tm, 0, zone);
}

/*
 * Is a yearly day within the next (last) n days, weeks or months, today and
 * the last day included?  29 February is kept on the 28th in other years.
 */
Truth
AnniversaryTruth(const RuleWindow *window, int year, int month, int day,
				 TimestampTz as_of, pg_tz *zone, TimestampTz *until)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			today;
	int			low;
	int			high;
	int			span;

	*until = NEVER;
	if (!ToLocal(as_of, zone, &tm, &fsec))
		return TRUTH_UNKNOWN;
	low = high = today = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
	if (window->unit == UNIT_MONTH)
	{
		struct pg_tm end = tm;

		AddMonthsLocal(&end, window->kind == WINDOW_NEXT ? window->count : -window->count);
		span = abs(date2j(end.tm_year, end.tm_mon, end.tm_mday) - today);
	}
	else
		span = window->count * (window->unit == UNIT_WEEK ? 7 : 1);
	if (window->kind == WINDOW_NEXT)
		high += span;
	else
		low -= span;

	for (int y = tm.tm_year - 2; y <= tm.tm_year + 2; y++)
	{
		int			a = AnniversaryIn(y, month, day);
		int			change;

		if (a >= low && a <= high)
		{
			/* leaves when today has passed it, or it is too long ago */
			change = window->kind == WINDOW_NEXT ? a + 1 : a + span + 1;
			if (window->unit == UNIT_MONTH)
				change = Max(today + 1, change - (window->kind == WINDOW_NEXT ? 0 : 4));
			*until = LocalMidnight(change, zone);
			return TRUTH_TRUE;
		}
	}
	/* enters when the next one is near enough */
	for (int y = tm.tm_year; y <= tm.tm_year + 2; y++)
	{
		int			a = AnniversaryIn(y, month, day);
		int			change = window->kind == WINDOW_NEXT ? a - span : a;

		if (window->unit == UNIT_MONTH && window->kind == WINDOW_NEXT)
			change = Max(today + 1, change - 4);
		if (change > today)
		{
			*until = LocalMidnight(change, zone);
			break;
		}
	}
	return TRUTH_FALSE;
}
