/*
 * aggregate.h
 *		What support functions of aggregates share.
 */
#ifndef CDP_AGGREGATE_H
#define CDP_AGGREGATE_H

/*
 * The context in which the state lives.  Raises when the function is not
 * called by an aggregate, so it comes first in every support function.
 */
extern MemoryContext AggregateContext(FunctionCallInfo fcinfo);

/* Raises 54000 unless a group may keep that many events */
extern void AggregateCheckEvents(const char *aggregate, int64 events);

/* An interval's microseconds; raises 22023 when it has months or is negative, 22004 for null */
extern int64 AggregateFixedLength(FunctionCallInfo fcinfo, int argument, const char *name);

#endif							/* CDP_AGGREGATE_H */
