/*
 * ids.h
 *		Sorted ids of profiles.
 */
#ifndef CDP_SEGMENT_IDS_H
#define CDP_SEGMENT_IDS_H

#include "core/core.h"

extern int	ByInt64(const void *pa, const void *pb);
extern int64 *ReadIds(int *n);
extern int64 *AddAccountPeers(int64 *ids, int *n);

#endif							/* CDP_SEGMENT_IDS_H */
