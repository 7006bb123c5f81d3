/*
 * time.c
 *		Reads the times of messages: ISO 8601 as client libraries write it, and
 *		numbers of seconds or milliseconds since 1970.
 *
 * Not the server's own timestamptz input, because that accepts "now",
 * "infinity" and "tomorrow", depends on the session's DateStyle and time zone
 * and reports bad input by raising.  A time without a zone is UTC.  Years are
 * 1 to 9999.
 */
#include "core/core.h"

#include <math.h>

#include "utils/datetime.h"

#include "event/time.h"

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

/* exactly n digits */
static bool
Digits(Cursor *c, int n, int *value)
{
	*value = 0;
	if (c->end - c->at < n)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (c->at[i] < '0' || c->at[i] > '9')
			return false;
		*value = *value * 10 + (c->at[i] - '0');
	}
	c->at += n;
	return true;
}

static bool
Eat(Cursor *c, char wanted)
{
	if (c->at < c->end && *c->at == wanted)
	{
		c->at++;
		return true;
	}
	return false;
}

/* fraction of a second, any number of digits; microseconds are kept */
static bool
Fraction(Cursor *c, int *micros)
{
	int			scale = 100000;
	bool		any = false;

	*micros = 0;
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
	{
		*micros += (*c->at - '0') * scale;
		scale /= 10;
		any = true;
		c->at++;
	}
	return any;
}

/* Z, +01, +0100, +01:00 or nothing; seconds east of Greenwich */
static bool
Zone(Cursor *c, int *seconds)
{
	int			sign;
	int			hours;
	int			minutes = 0;

	*seconds = 0;
	if (Eat(c, 'Z') || Eat(c, 'z') || c->at == c->end)
		return true;
	if (Eat(c, '+'))
		sign = 1;
	else if (Eat(c, '-'))
		sign = -1;
	else
		return false;
	if (!Digits(c, 2, &hours))
		return false;
	if (Eat(c, ':') || c->at < c->end)
		if (!Digits(c, 2, &minutes))
			return false;
	if (hours > 15 || minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* hh:mm[:ss[.fff]] or hhmm[ss]; 24:00:00 and a leap second are the next one */
static bool
TimeOfDay(Cursor *c, bool basic, int64 *micros)
{
	int			hour;
	int			minute;
	int			second = 0;
	int			fraction = 0;

	if (!Digits(c, 2, &hour) || (!basic && !Eat(c, ':')) || !Digits(c, 2, &minute))
		return false;
	if (basic ? (c->at < c->end && *c->at >= '0' && *c->at <= '9') : Eat(c, ':'))
	{
		if (!Digits(c, 2, &second))
			return false;
		if ((Eat(c, '.') || Eat(c, ',')) && !Fraction(c, &fraction))
			return false;
	}
	if (hour > 24 || minute > 59 || second > 60 ||
		(hour == 24 && (minute > 0 || second > 0 || fraction > 0)))
		return false;
	*micros = ((hour * 60 + minute) * INT64CONST(60) + second) * USECS_PER_SEC + fraction;
	return true;
}

/* Digits only: seconds since 1970, or milliseconds when there are many. */
static bool
ParseEpoch(const char *text, int len, TimestampTz *result)
{
	double		value;
	char		buf[32];
	char	   *end;

	if (len == 0 || len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	value = strtod(buf, &end);
	if (*end != '\0' || !(value >= 0) || value > 253402300799999.0)
		return false;
	if (value >= 1e11)
		value /= 1000.0;
	*result = (TimestampTz) rint(value * USECS_PER_SEC) -
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	return true;
}

static bool
AllDigits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at == end;
}

bool
ParseTimeText(const char *text, int len, TimestampTz *result)
{
	Cursor		c = {text, text + len};
	int			year;
	int			month;
	int			day;
	int64		micros = 0;
	int			zone = 0;
	bool		basic;

	while (c.at < c.end && *c.at == ' ')
		c.at++;
	while (c.end > c.at && c.end[-1] == ' ')
		c.end--;
	if (c.end - c.at >= 9 && AllDigits(c.at, c.end))
		return ParseEpoch(c.at, c.end - c.at, result);
	if (!Digits(&c, 4, &year))
		return false;
	basic = c.at < c.end && *c.at != '-';
	if ((!basic && !Eat(&c, '-')) || !Digits(&c, 2, &month) || (!basic && !Eat(&c, '-')) || !Digits(&c, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	if (c.at < c.end)
	{
		if (!Eat(&c, 'T') && !Eat(&c, 't') && !Eat(&c, ' '))
			return false;
		if (!TimeOfDay(&c, basic, &micros) || !Zone(&c, &zone))
			return false;
	}
	if (c.at != c.end)
		return false;
	*result = (int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		micros - (int64) zone * USECS_PER_SEC;
	return true;
}

bool
ParseTime(const JsonNode *node, TimestampTz *result)
{
	if (node == NULL)
		return false;
	if (node->kind == JSON_NODE_STRING)
		return ParseTimeText(node->text, node->len, result);
	if (node->kind == JSON_NODE_NUMBER)
		return ParseEpoch(node->text, node->len, result);
	return false;
}
