/*
 * step_name.h
 *		Steps given as names of events: which of them a name is.
 */
#ifndef CDP_STEP_NAME_H
#define CDP_STEP_NAME_H

#include "analytics/condition.h"

#define STEP_SLOTS	64			/* a power of two, above CONDITIONS_MAX */

typedef struct StepNames
{
	struct varlena *source;		/* the array as it was given, to know it again */
	int			count;
	const char *names[CONDITIONS_MAX];	/* distinct ones */
	int			lengths[CONDITIONS_MAX];
	uint32		conditions[CONDITIONS_MAX];
	int8		slots[STEP_SLOTS];	/* of a hash table over them, or -1 */
} StepNames;

/*
 * The steps of this call; the array is read again only when it differs from
 * that of the call before.  Raises 22004, 2202E and 22023 as conditions do.
 */
extern const StepNames *StepNamesOf(FunctionCallInfo fcinfo, int argument, const char *aggregate);

/* Bit 0: the name is that of the first step */
extern uint32 StepNamesFind(const StepNames *steps, const char *name, int length);

#endif							/* CDP_STEP_NAME_H */
