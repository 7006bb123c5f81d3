/*
 * store.h
 *		Steps of writing a batch, in the order in which StoreBatch takes them.
 */
#ifndef CDP_STORE_H
#define CDP_STORE_H

#include "event/batch.h"

/* a growing list of profile ids; repeats are allowed */
typedef struct ProfileList
{
	Datum	   *ids;
	int			count;
	int			size;
} ProfileList;

extern void ProfileListAdd(ProfileList *list, int64 profile_id);
extern void ProfileListAddResult(ProfileList *list);	/* column 1 of SPI's result */
extern Datum ProfileListArray(ProfileList *list);	/* sorted, distinct */

/* retention.c: marks messages older than what was dropped as duplicates */
extern void FindExpired(Batch *batch);

/* dedupe.c: marks messages that are stored already; replaced rows are deleted */
extern void FindDuplicates(Batch *batch, ProfileList *recount);

/* store_event.c: events with their times and contexts */
extern void EnsurePartitions(Batch *batch);
extern void StoreEvents(Batch *batch, ProfileList *touched);

#endif							/* CDP_STORE_H */
