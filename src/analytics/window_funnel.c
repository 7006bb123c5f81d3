/*
 * window_funnel.c
 *		How far a group's events come through the steps of a funnel.
 *
 * A chain of length k is a choice of events that satisfy steps 1 to k, in the
 * order of time, the last at most the window's length after the first.  The
 * answer is the length of the longest chain.  What stands at one time stands
 * there in the order of the steps (an event that satisfies no step first; one
 * that satisfies several stands for each in turn), so the answer depends on the
 * set of rows alone.  The modes add to this:
 *
 *	  default               nothing: one event may serve several steps
 *	  strict_increase       each event is later than the one before
 *	  strict_once           each step has an event of its own
 *	  strict_deduplication  a step that comes again after the chain has reached it
 *	                        ends the chain (step 1 starts another one)
 *	  strict_order          whatever is not the step reached last, again, or the
 *	                        next one ends the chain
 *
 * Of chains that have reached the same step only the one that started last
 * matters, as it has the most time left, so one pass with one start per step is
 * exact in every mode.
 */
#include "core/core.h"

#include "common/int.h"
#include "port/pg_bitutils.h"

#include "analytics/condition.h"
#include "analytics/event_list.h"
#include "analytics/step_name.h"
#include "core/aggregate.h"

typedef enum FunnelMode
{
	FUNNEL_DEFAULT,
	FUNNEL_STRICT_ORDER,
	FUNNEL_STRICT_DEDUPLICATION,
	FUNNEL_STRICT_INCREASE,
	FUNNEL_STRICT_ONCE
} FunnelMode;

static const char *const mode_names[] = {
	"default", "strict_order", "strict_deduplication", "strict_increase", "strict_once"
};

/* Starts of the latest chains that have reached each step */
typedef struct Funnel
{
	int			nsteps;
	int64		window;
	int			longest;
	uint32		reached;		/* steps that have a start */
	TimestampTz start[CONDITIONS_MAX];
} Funnel;

/* the mask costs nothing and tells analysers that a step is below 32 */
#define STEP(i) (UINT32_C(1) << ((i) & (CONDITIONS_MAX - 1)))

PG_FUNCTION_INFO_V1(cdp_window_funnel_transition);
PG_FUNCTION_INFO_V1(cdp_window_funnel_mode_transition);
PG_FUNCTION_INFO_V1(cdp_window_funnel_event_transition);
PG_FUNCTION_INFO_V1(cdp_window_funnel_mode_event_transition);
PG_FUNCTION_INFO_V1(cdp_window_funnel_final);

static int
FunnelModeOf(FunctionCallInfo fcinfo, int argument)
{
	text	   *name;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("mode of window_funnel must not be null")));
	name = PG_GETARG_TEXT_PP(argument);
	for (int i = 0; i < (int) lengthof(mode_names); i++)
		if (strlen(mode_names[i]) == VARSIZE_ANY_EXHDR(name) &&
			memcmp(VARDATA_ANY(name), mode_names[i], VARSIZE_ANY_EXHDR(name)) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown mode \"%.*s\" of window_funnel", (int) Min(VARSIZE_ANY_EXHDR(name), 100), VARDATA_ANY(name)),
			 errhint("Modes are default, strict_order, strict_deduplication, strict_increase and strict_once.")));
}

/* Adds a row to the state, which is the first argument */
static Datum
FunnelAdd(FunctionCallInfo fcinfo, MemoryContext context, int mode, int count, uint32 conditions)
{
	EventList  *list = PG_ARGISNULL(0) ? NULL : (EventList *) PG_GETARG_POINTER(0);
	int64		window = AggregateFixedLength(fcinfo, 1, "window_length");

	/* what satisfies no step matters to strict_order alone; its group's memory is not looked at */
	if (PG_ARGISNULL(2) || (conditions == 0 && mode != FUNNEL_STRICT_ORDER))
	{
		if (list == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(list);
	}
	if (list == NULL)
	{
		list = EventListCreate(context, count);
		list->length = window;
		list->mode = mode;
	}
	else if (list->length != window || list->mode != mode || list->nconditions != count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window_length, mode and number of steps of window_funnel must be the same in all rows of a group")));
	PG_RETURN_POINTER(EventListAdd(list, PG_GETARG_TIMESTAMPTZ(2), conditions, "window_funnel"));
}

static Datum
FunnelTransition(FunctionCallInfo fcinfo, int first, int mode)
{
	MemoryContext context = AggregateContext(fcinfo);
	ConditionCall *call = ConditionCallOf(fcinfo, first, "window_funnel");
	int			count;
	uint32		conditions = ConditionsOfRow(fcinfo, call, "window_funnel", &count);

	return FunnelAdd(fcinfo, context, mode, count, conditions);
}

Datum
cdp_window_funnel_transition(PG_FUNCTION_ARGS)
{
	return FunnelTransition(fcinfo, 3, FUNNEL_DEFAULT);
}

Datum
cdp_window_funnel_mode_transition(PG_FUNCTION_ARGS)
{
	return FunnelTransition(fcinfo, 4, FunnelModeOf(fcinfo, 3));
}

/* The steps are names: event and steps are the arguments from first on */
static Datum
FunnelEventTransition(FunctionCallInfo fcinfo, int first, int mode)
{
	MemoryContext context = AggregateContext(fcinfo);
	const StepNames *steps = StepNamesOf(fcinfo, first + 1, "window_funnel");
	uint32		conditions = 0;

	if (!PG_ARGISNULL(first))
	{
		text	   *event = PG_GETARG_TEXT_PP(first);

		conditions = StepNamesFind(steps, VARDATA_ANY(event), VARSIZE_ANY_EXHDR(event));
	}
	return FunnelAdd(fcinfo, context, mode, steps->count, conditions);
}

Datum
cdp_window_funnel_event_transition(PG_FUNCTION_ARGS)
{
	return FunnelEventTransition(fcinfo, 3, FUNNEL_DEFAULT);
}

Datum
cdp_window_funnel_mode_event_transition(PG_FUNCTION_ARGS)
{
	return FunnelEventTransition(fcinfo, 4, FunnelModeOf(fcinfo, 3));
}

static inline bool
FunnelMayReach(const Funnel *funnel, int step, TimestampTz time)
{
	int64		passed;

	if (step == 0)
		return true;
	if (!(funnel->reached & STEP(step - 1)))
		return false;
	return !pg_sub_s64_overflow(time, funnel->start[step - 1], &passed) && passed <= funnel->window;
}

/* A chain takes one more step, if there is one to do so */
static inline void
FunnelAdvance(Funnel *funnel, int step, TimestampTz time)
{
	if (!FunnelMayReach(funnel, step, time))
		return;
	funnel->start[step] = step == 0 ? time : funnel->start[step - 1];
	funnel->reached |= STEP(step);
	funnel->longest = Max(funnel->longest, step + 1);
}

/* The events of one time together: later steps build on earlier ones */
static void
FunnelAscend(Funnel *funnel, uint32 steps, TimestampTz time)
{
	for (; steps != 0; steps &= steps - 1)
		FunnelAdvance(funnel, pg_rightmost_one_pos32(steps), time);
}

/* ... or not, so a chain takes one step at most */
static void
FunnelDescend(Funnel *funnel, uint32 steps, TimestampTz time)
{
	while (steps != 0)
	{
		int			step = pg_leftmost_one_pos32(steps);

		FunnelAdvance(funnel, step, time);
		steps &= ~STEP(step);
	}
}

static void
FunnelOrdered(Funnel *funnel, bool has_none, uint32 steps, TimestampTz time)
{
	if (has_none)
		funnel->reached = 0;
	for (; steps != 0; steps &= steps - 1)
	{
		int			step = pg_rightmost_one_pos32(steps);
		uint32		same = funnel->reached & STEP(step);
		TimestampTz start = funnel->start[step];

		funnel->reached &= step == 0 ? 0 : STEP(step - 1);
		FunnelAdvance(funnel, step, time);
		/* a chain that has just reached this step stays too; the later start is kept */
		if (same && (!(funnel->reached & STEP(step)) || funnel->start[step] < start))
			funnel->start[step] = start;
		funnel->reached = (funnel->reached & STEP(step)) | same;
	}
}

static void
FunnelDeduplicated(Funnel *funnel, uint32 steps, uint32 repeated, TimestampTz time)
{
	for (; steps != 0; steps &= steps - 1)
	{
		int			step = pg_rightmost_one_pos32(steps);

		if (step > 0)
			funnel->reached &= STEP(step) - 1;
		FunnelAdvance(funnel, step, time);
		if (step > 0)
			funnel->reached &= ~STEP(step - 1);
		if (step > 0 && (repeated & STEP(step)))
			funnel->reached &= STEP(step) - 1;
	}
}

/*
 * strict_once where several events stand at one time: from every step already
 * reached, how many further ones can be given an event each?  An assignment,
 * found by augmenting paths.  Of each kind of event no more are needed than
 * there are steps.
 */
typedef struct Assignment
{
	int			nevents;
	uint32		events[CONDITIONS_MAX * CONDITIONS_MAX];
	int8		step_of[CONDITIONS_MAX * CONDITIONS_MAX];	/* or -1 */
	bool		tried[CONDITIONS_MAX * CONDITIONS_MAX];
} Assignment;

/* at most as deep as there are steps */
static bool
AssignmentFind(Assignment *assignment, int step)
{
	for (int i = 0; i < assignment->nevents; i++)
	{
		if (!(assignment->events[i] & STEP(step)) || assignment->tried[i])
			continue;
		assignment->tried[i] = true;
		if (assignment->step_of[i] < 0 || AssignmentFind(assignment, assignment->step_of[i]))
		{
			assignment->step_of[i] = step;
			return true;
		}
	}
	return false;
}

static void
FunnelOnce(Funnel *funnel, const ListedEvent *events, int count)
{
	Assignment	assignment;
	Funnel		before = *funnel;
	int			of_step[CONDITIONS_MAX] = {0};
	TimestampTz time = events[0].time;

	assignment.nevents = 0;
	for (int i = 0; i < count; i++)
	{
		bool		is_needed = false;

		for (uint32 steps = events[i].conditions; steps != 0; steps &= steps - 1)
			is_needed |= of_step[pg_rightmost_one_pos32(steps)] < funnel->nsteps;
		if (!is_needed)
			continue;
		for (uint32 steps = events[i].conditions; steps != 0; steps &= steps - 1)
			of_step[pg_rightmost_one_pos32(steps)]++;
		assignment.events[assignment.nevents++] = events[i].conditions;
	}
	for (int from = 0; from < funnel->nsteps; from++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!FunnelMayReach(&before, from, time))
			continue;
		memset(assignment.step_of, -1, assignment.nevents);
		for (int step = from; step < funnel->nsteps; step++)
		{
			TimestampTz start = from == 0 ? time : before.start[from - 1];

			memset(assignment.tried, 0, assignment.nevents);
			if (!AssignmentFind(&assignment, step))
				break;
			if (!(funnel->reached & STEP(step)) || funnel->start[step] < start)
				funnel->start[step] = start;
			funnel->reached |= STEP(step);
			funnel->longest = Max(funnel->longest, step + 1);
		}
	}
}

Datum
cdp_window_funnel_final(PG_FUNCTION_ARGS)
{
	EventList  *list = PG_ARGISNULL(0) ? NULL : (EventList *) PG_GETARG_POINTER(0);
	const ListedEvent *events;
	Funnel		funnel;

	(void) AggregateContext(fcinfo);
	if (list == NULL)
		PG_RETURN_INT32(0);
	events = EventListSorted(list);
	memset(&funnel, 0, offsetof(Funnel, start));
	funnel.nsteps = list->nconditions;
	funnel.window = list->length;
	for (int i = 0, next; i < list->count && funnel.longest < funnel.nsteps; i = next)
	{
		TimestampTz time = events[i].time;
		uint32		steps = 0;
		uint32		repeated = 0;
		bool		is_several = false; /* some event satisfies several steps */

		for (next = i; next < list->count && events[next].time == time; next++)
		{
			uint32		conditions = events[next].conditions;

			repeated |= steps & conditions;
			steps |= conditions;
			is_several |= (conditions & (conditions - 1)) != 0;
		}
		if (list->mode == FUNNEL_STRICT_ORDER)
			FunnelOrdered(&funnel, events[i].conditions == 0, steps, time);
		else if (list->mode == FUNNEL_STRICT_DEDUPLICATION)
			FunnelDeduplicated(&funnel, steps, repeated, time);
		else if (list->mode == FUNNEL_STRICT_INCREASE || (list->mode == FUNNEL_STRICT_ONCE && next == i + 1))
			FunnelDescend(&funnel, steps, time);
		else if (list->mode == FUNNEL_STRICT_ONCE && is_several)
			FunnelOnce(&funnel, &events[i], next - i);
		else
			FunnelAscend(&funnel, steps, time);
		CHECK_FOR_INTERRUPTS();
	}
	PG_RETURN_INT32(funnel.longest);
}
