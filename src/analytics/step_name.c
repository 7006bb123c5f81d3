/*
 * step_name.c
 *		Steps given as names of events: which of them a name is.
 *
 * Names are compared by their bytes, one comparison a row whatever the number
 * of steps: what the conditions name = 'a', name = 'b' … cost five times over.
 */
#include "core/core.h"

#include "utils/array.h"

#include "analytics/step_name.h"

static inline int
StepSlot(const char *name, int length)
{
	if (length == 0)
		return 0;
	return ((uint32) length * 5 + (unsigned char) name[0] * 3 + (unsigned char) name[length - 1]) & (STEP_SLOTS - 1);
}

/* Number of the name, or -1; where it would stand in the table */
static int
StepLookUp(const StepNames *steps, const char *name, int length, int *slot)
{
	for (*slot = StepSlot(name, length); steps->slots[*slot] >= 0; *slot = (*slot + 1) & (STEP_SLOTS - 1))
	{
		int			i = steps->slots[*slot];

		if (steps->lengths[i] == length && memcmp(steps->names[i], name, length) == 0)
			return i;
	}
	return -1;
}

uint32
StepNamesFind(const StepNames *steps, const char *name, int length)
{
	int			slot;
	int			found = StepLookUp(steps, name, length, &slot);

	return found < 0 ? 0 : steps->conditions[found];
}

static void
StepNamesRead(StepNames *steps, struct varlena *source, MemoryContext context, const char *aggregate)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	ArrayType  *array = DatumGetArrayTypePCopy(PointerGetDatum(source));
	Datum	   *values;
	bool	   *nulls;
	int			nnames = 0;

	/* not known again until all of it is read */
	steps->source = NULL;
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array of steps of %s must have one dimension", aggregate)));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &steps->count);
	CheckConditionCount(steps->count, aggregate);
	memset(steps->slots, -1, sizeof(steps->slots));
	for (int i = 0; i < steps->count; i++)
	{
		const text *name;
		int			length;
		int			slot;
		int			found;

		/* a step that is null is never met, as a condition that is null */
		if (nulls[i])
			continue;
		name = (const text *) DatumGetPointer(values[i]);
		length = VARSIZE_ANY_EXHDR(name);
		found = StepLookUp(steps, VARDATA_ANY(name), length, &slot);
		if (found < 0)
		{
			found = nnames++;
			steps->slots[slot] = found;
			steps->names[found] = VARDATA_ANY(name);
			steps->lengths[found] = length;
			steps->conditions[found] = 0;
		}
		steps->conditions[found] |= UINT32_C(1) << i;
	}
	steps->source = MemoryContextAlloc(context, VARSIZE_ANY(source));
	memcpy(steps->source, source, VARSIZE_ANY(source));
	MemoryContextSwitchTo(before);
}

const StepNames *
StepNamesOf(FunctionCallInfo fcinfo, int argument, const char *aggregate)
{
	StepNames  *steps = fcinfo->flinfo->fn_extra;
	struct varlena *source;
	MemoryContext context;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array of steps of %s must not be null", aggregate)));
	source = (struct varlena *) PG_GETARG_POINTER(argument);
	if (steps != NULL && steps->source != NULL && VARSIZE_ANY(source) == VARSIZE_ANY(steps->source) &&
		memcmp(source, steps->source, VARSIZE_ANY(source)) == 0)
		return steps;
	fcinfo->flinfo->fn_extra = NULL;
	/* names change with every row at worst, so what they leave must not add up */
	if (steps != NULL)
	{
		context = GetMemoryChunkContext(steps);
		MemoryContextReset(context);
	}
	else
		context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "steps of a funnel", ALLOCSET_SMALL_SIZES);
	steps = MemoryContextAllocZero(context, sizeof(StepNames));
	fcinfo->flinfo->fn_extra = steps;
	StepNamesRead(steps, source, context, aggregate);
	return steps;
}
