/*
 * membership.h
 *		What one pass of a refresh changes in segment_audience.
 */
#ifndef CDP_SEGMENT_MEMBERSHIP_H
#define CDP_SEGMENT_MEMBERSHIP_H

#include "core/core.h"

typedef struct AudienceChanges AudienceChanges;

extern AudienceChanges *NewAudienceChanges(int nsegments);
extern void NoteAudienceChange(AudienceChanges *changes, int segment, int64 profile_id, bool entered);
extern void WriteAudienceChanges(AudienceChanges *changes, const int32 *segment_ids);

#endif							/* CDP_SEGMENT_MEMBERSHIP_H */
