/*
 * condition.h
 *		The conditions of a row: booleans given one by one or as an array.
 */
#ifndef CDP_CONDITION_H
#define CDP_CONDITION_H

#define CONDITIONS_MAX	32

/* What is known of a call's arguments once, kept in fn_extra */
typedef struct ConditionCall
{
	int			first;			/* argument number of the first condition */
	int			count;			/* conditions; 0 when they come as an array */
	text	   *pattern;		/* sequences: the pattern last found to be right, */
	int			pattern_count;	/* for so many conditions */
} ConditionCall;

/* Raises 22023 unless there are 1 to CONDITIONS_MAX */
extern void CheckConditionCount(int count, const char *aggregate);

extern ConditionCall *ConditionCallOf(FunctionCallInfo fcinfo, int first, const char *aggregate);

/* Bit 0 is the first condition; null counts as false */
extern uint32 ConditionsOfArray(FunctionCallInfo fcinfo, int argument, const char *aggregate, int *count);

static inline uint32
ConditionsOfRow(FunctionCallInfo fcinfo, const ConditionCall *call, const char *aggregate, int *count)
{
	uint32		conditions = 0;

	if (call->count == 0)
		return ConditionsOfArray(fcinfo, call->first, aggregate, count);
	for (int i = 0; i < call->count; i++)
		if (!PG_ARGISNULL(call->first + i) && PG_GETARG_BOOL(call->first + i))
			conditions |= UINT32_C(1) << i;
	*count = call->count;
	return conditions;
}

#endif							/* CDP_CONDITION_H */
