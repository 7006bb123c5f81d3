/*
 * sequence_pattern.h
 *		Patterns over the events of a group, such as (?1).*(?2)(?t<=3600).
 */
#ifndef CDP_SEQUENCE_PATTERN_H
#define CDP_SEQUENCE_PATTERN_H

#define PATTERN_STEPS_MAX	64

/* One event of a match, and how it stands to the one before */
typedef struct PatternStep
{
	int			condition;		/* from 0; -1: any event */
	bool		is_adjacent;	/* no event stands between */
	int64		least;			/* microseconds from the event before */
	int64		most;
} PatternStep;

typedef struct SequencePattern
{
	int			nsteps;
	PatternStep steps[PATTERN_STEPS_MAX];
} SequencePattern;

/* Raises 22023 with the character where the pattern is wrong */
extern void SequencePatternParse(SequencePattern *pattern, const text *source, int nconditions);

#endif							/* CDP_SEQUENCE_PATTERN_H */
