/*
 * sequence_pattern.c
 *		Patterns over the events of a group.
 *
 *	  pattern := item…
 *	  item    := (?N)        an event that satisfies condition N
 *	           | .           any event
 *	           | .*          any events, or none
 *	           | (?t OP S)   the next event is OP S seconds after the last one;
 *	                         any events may lie between: OP is <= < >= > ==
 *
 * Two events written side by side follow each other at once.  A time at the
 * end, where no event follows, bounds the last event against the one before.
 * Blanks may stand between items.
 */
#include "core/core.h"

#include <ctype.h>

#include "analytics/sequence_pattern.h"
#include "core/text.h"

typedef struct PatternReader
{
	const char *start;
	const char *at;
	const char *end;
} PatternReader;

pg_noreturn static void
PatternWrong(const PatternReader *reader, const char *at, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("pattern \"%s\" is wrong: %s", TextForMessage(reader->start, reader->end - reader->start), why),
			 errdetail("At character %d.", pg_mbstrlen_with_len(reader->start, at - reader->start) + 1)));
}

static bool
PatternTake(PatternReader *reader, const char *token)
{
	int			len = strlen(token);

	if (reader->end - reader->at < len || memcmp(reader->at, token, len) != 0)
		return false;
	reader->at += len;
	return true;
}

static int64
PatternNumber(PatternReader *reader)
{
	const char *start = reader->at;
	int64		number = 0;

	while (reader->at < reader->end && isdigit((unsigned char) *reader->at))
	{
		if (reader->at - start >= 10)
			PatternWrong(reader, start, "a number has more than 10 digits");
		number = number * 10 + (*reader->at++ - '0');
	}
	if (reader->at == start)
		PatternWrong(reader, start, "a number is expected");
	return number;
}

/* (?t has been read: narrows the times at which the next event may stand */
static void
PatternTime(PatternReader *reader, PatternStep *gap)
{
	const char *operator = reader->at;
	bool		is_equal;
	int64		length;

	if (PatternTake(reader, "=="))
	{
		length = PatternNumber(reader) * USECS_PER_SEC;
		gap->least = Max(gap->least, length);
		gap->most = Min(gap->most, length);
	}
	else if (PatternTake(reader, "<"))
	{
		is_equal = PatternTake(reader, "=");
		length = PatternNumber(reader) * USECS_PER_SEC;
		gap->most = Min(gap->most, is_equal ? length : length - 1);
	}
	else if (PatternTake(reader, ">"))
	{
		is_equal = PatternTake(reader, "=");
		length = PatternNumber(reader) * USECS_PER_SEC;
		gap->least = Max(gap->least, is_equal ? length : length + 1);
	}
	else
		PatternWrong(reader, operator, "<=, <, >=, > or == is expected");
}

static const PatternStep no_gap = {.condition = -1, .is_adjacent = true, .least = 0, .most = PG_INT64_MAX};

/* "(?" or "." has been read */
static void
PatternEvent(PatternReader *reader, const char *item, SequencePattern *pattern, PatternStep *gap, int nconditions)
{
	gap->condition = -1;
	if (*item == '(')
	{
		int64		number = PatternNumber(reader);

		if (number < 1 || number > nconditions)
			PatternWrong(reader, item, "there is no condition of that number");
		gap->condition = number - 1;
	}
	if (pattern->nsteps == PATTERN_STEPS_MAX)
		PatternWrong(reader, item, "it has more than 64 events");
	pattern->steps[pattern->nsteps++] = *gap;
	*gap = no_gap;
}

void
SequencePatternParse(SequencePattern *pattern, const text *source, int nconditions)
{
	PatternReader reader;
	PatternStep gap = no_gap;	/* what stands before the next event */

	reader.start = reader.at = VARDATA_ANY(source);
	reader.end = reader.start + VARSIZE_ANY_EXHDR(source);
	pattern->nsteps = 0;
	while (reader.at < reader.end)
	{
		const char *item = reader.at;

		if (PatternTake(&reader, " "))
			continue;
		if (PatternTake(&reader, ".*"))
			gap.is_adjacent = false;
		else if (PatternTake(&reader, "."))
			PatternEvent(&reader, item, pattern, &gap, nconditions);
		else
		{
			if (PatternTake(&reader, "(?t"))
			{
				if (pattern->nsteps == 0)
					PatternWrong(&reader, item, "a time needs an event before it");
				PatternTime(&reader, &gap);
				gap.is_adjacent = false;
			}
			else if (PatternTake(&reader, "(?"))
				PatternEvent(&reader, item, pattern, &gap, nconditions);
			else
				PatternWrong(&reader, item, "(?N), (?t…), . or .* is expected");
			if (!PatternTake(&reader, ")"))
				PatternWrong(&reader, reader.at, "\")\" is expected");
		}
	}
	if (pattern->nsteps == 0)
		PatternWrong(&reader, reader.at, "it has no event");
	if (gap.least > 0 || gap.most < PG_INT64_MAX)
	{
		PatternStep *last = &pattern->steps[pattern->nsteps - 1];

		if (pattern->nsteps < 2)
			PatternWrong(&reader, reader.at, "a time needs two events");
		last->least = Max(last->least, gap.least);
		last->most = Min(last->most, gap.most);
	}
}
