/*
 * step.h
 *		How long the steps of an operation take, told at DEBUG1.
 */
#ifndef CDP_STEP_H
#define CDP_STEP_H

#include "portability/instr_time.h"

typedef struct StepTimer
{
	bool		is_on;
	instr_time	started;
} StepTimer;

static inline void
StepBegin(StepTimer *timer)
{
	timer->is_on = message_level_is_interesting(DEBUG1);
	INSTR_TIME_SET_ZERO(timer->started);
	if (timer->is_on)
		INSTR_TIME_SET_CURRENT(timer->started);
}

/* Tells the step that ends here; the next one begins. */
static inline void
StepEnd(StepTimer *timer, const char *step)
{
	instr_time	now;

	if (!timer->is_on)
		return;
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, timer->started);
	ereport(DEBUG1, (errmsg_internal("cdp step %s: %.3f ms", step, INSTR_TIME_GET_MILLISEC(now))));
	INSTR_TIME_SET_CURRENT(timer->started);
}

#endif							/* CDP_STEP_H */
