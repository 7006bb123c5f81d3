/*
 * reader.h
 *		Rules asked by roles that may not read the tables.
 */
#ifndef CDP_SEGMENT_READER_H
#define CDP_SEGMENT_READER_H

#include "core/core.h"

typedef struct Role
{
	Oid			user;
	int			context;
	Oid			reader;			/* InvalidOid: reads all anyway */
} Role;

extern bool ReadsAll(void);
extern void BecomeOwner(Role *before);
extern void BecomeCaller(const Role *before);
extern bool VisibleProfile(int64 issued_id, int64 *profile_id);
extern int64 *VisibleProfiles(int *n);

#endif							/* CDP_SEGMENT_READER_H */
