/*
 * plan.c
 *		Compiles rules into a plan.  See plan.h for its shape.
 */
#include "core/core.h"

#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "utils/lsyscache.h"

#include "segment/computed_rule.h"
#include "segment/plan.h"
#include "segment/reader.h"
#include "segment/statement.h"

#define INITIAL_SPACE 8

/* Makes room for one more element and zeroes it */
#define GROW(plan, list, count, space) \
	do { \
		if ((plan)->count == (plan)->space) \
		{ \
			int			wanted = Max(INITIAL_SPACE, (plan)->space * 2); \
			void	   *larger = MemoryContextAllocHuge((plan)->context, wanted * sizeof(*(plan)->list)); \
			if ((plan)->count > 0) \
				memcpy(larger, (plan)->list, (plan)->count * sizeof(*(plan)->list)); \
			(plan)->list = larger; \
			(plan)->space = wanted; \
		} \
		memset(&(plan)->list[(plan)->count], 0, sizeof(*(plan)->list)); \
	} while (0)

/* A row of cdp.segment */
typedef struct StoredSegment
{
	int32		segment_id;
	char	   *rule;
	char	   *kind;
	char	   *query_error;
} StoredSegment;

/* The zone of setting time_zone */
pg_tz *
SettingZone(bool read_only)
{
	pg_tz	   *zone = NULL;
	char	   *name = NULL;
	MemoryContext caller = CurrentMemoryContext;
	Role		role;

	/* settings are the owner's; traits @~ rule is asked by readers */
	BecomeOwner(&role);
	SPI_connect();
	/* the function tells what is to be done when there are no tables */
	ExecuteKept(OidIsValid(get_relname_relid("setting", get_namespace_oid("cdp", false))) ?
				"SELECT value FROM cdp.setting WHERE name OPERATOR(pg_catalog.=) 'time_zone'" : "SELECT cdp.setting_value('time_zone')",
				0, NULL, NULL, read_only);
	if (SPI_processed == 1)
	{
		char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

		if (value)
			name = MemoryContextStrdup(caller, value);
	}
	SPI_finish();
	BecomeCaller(&role);
	if (name)
		zone = pg_tzset(name);
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone \"%s\" in setting time_zone", name ? name : "")));
	return zone;
}

RulePlan *
NewPlan(TimestampTz as_of, bool read_only)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "segment plan", ALLOCSET_DEFAULT_SIZES);
	RulePlan   *plan = MemoryContextAllocZero(context, sizeof(RulePlan));

	plan->context = context;
	plan->profile_context = AllocSetContextCreate(context, "segment plan profile", ALLOCSET_DEFAULT_SIZES);
	plan->as_of = plan->since = as_of;
	plan->read_only = read_only;
	plan->reach = plan->interest_reach = DT_NOEND;
	return plan;
}

static char *
EventKey(RuleEvent *event)
{
	StringInfoData buf;

	initStringInfo(&buf);
	PrintEvent(&buf, event);
	return buf.data;
}

/* The setting is read only when some rule speaks of time */
static void
NeedZone(RulePlan *plan)
{
	if (plan->zone == NULL)
		plan->zone = SettingZone(plan->read_only);
}

/* Times written in a rule are local in the plan's zone */
static void
FillTime(RulePlan *plan, RuleLiteral *literal)
{
	if (literal == NULL || literal->kind != LITERAL_TIME)
		return;
	NeedZone(plan);
	if (!ParseIsoTime(literal->text, strlen(literal->text), plan->zone, &literal->at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("time in a segment rule is out of range: \"%s\"", literal->text)));
}

static void
FillTimes(RulePlan *plan, RuleNode *node)
{
	for (int i = 0; i < node->nargs; i++)
		FillTimes(plan, node->args[i]);
	for (int i = 0; i < node->nvalues; i++)
		FillTime(plan, &node->values[i]);
	FillTime(plan, node->window.low);
	FillTime(plan, node->window.high);
}

/* A property that is read; equal ones are looked up once */
static void
NoteProperty(RulePlan *plan, RuleOperand *operand)
{
	StringInfoData key;

	for (int i = 0; i < operand->nargs; i++)
		NoteProperty(plan, operand->args[i]);
	if (operand->kind == OPERAND_REVENUE)
		plan->needs_revenue = true;
	if (operand->kind != OPERAND_PROPERTY)
		return;
	plan->needs_properties = true;
	initStringInfo(&key);
	PrintOperand(&key, operand);
	for (operand->slot = 1; operand->slot <= plan->nproperties; operand->slot++)
		if (strcmp(plan->properties[operand->slot - 1].key, key.data) == 0)
			return;
	GROW(plan, properties, nproperties, space_properties);
	plan->properties[plan->nproperties++].key = key.data;
}

/* Properties that a WHERE condition reads */
static void
NoteProperties(RulePlan *plan, RuleNode *node)
{
	for (int i = 0; i < node->nargs; i++)
		NoteProperties(plan, node->args[i]);
	if (node->operand)
		NoteProperty(plan, node->operand);
	if (node->other)
		NoteProperty(plan, node->other);
}

/* A trait that is read; leaves share the look-up */
static void
NoteTrait(RulePlan *plan, RuleOperand *operand)
{
	plan->needs_traits = true;
	for (operand->slot = 1; operand->slot <= plan->ntraits; operand->slot++)
		if (strcmp(plan->traits[operand->slot - 1].key, operand->key) == 0)
			return;
	GROW(plan, traits, ntraits, space_traits);
	plan->traits[plan->ntraits].key = operand->key;
	plan->traits[plan->ntraits++].length = strlen(operand->key);
}

static int
AddFilter(RulePlan *plan, RuleEvent *event)
{
	char	   *key = EventKey(event);
	uint32		hash = DatumGetUInt32(hash_any((unsigned char *) key, strlen(key)));

	for (int i = 0; i < plan->nfilters; i++)
		if (plan->filters[i].hash == hash && strcmp(plan->filters[i].key, key) == 0)
			return i;
	GROW(plan, filters, nfilters, space_filters);
	plan->filters[plan->nfilters].key = key;
	plan->filters[plan->nfilters].hash = hash;
	plan->filters[plan->nfilters].event = event;
	if (event->name == NULL)
		plan->any_event = true;
	if (event->where)
	{
		FillTimes(plan, event->where);
		NoteProperties(plan, event->where);
	}
	plan->needs_events = true;
	return plan->nfilters++;
}

static int
NewSeries(RulePlan *plan, SeriesKind kind)
{
	GROW(plan, series, nseries, space_series);
	plan->series[plan->nseries].kind = kind;
	return plan->nseries++;
}

/* Events before a window at the plan's time are not needed, unless another one reaches further */
static void
ReachBack(RulePlan *plan, int series, const RuleWindow *window)
{
	WindowBounds bounds;

	ComputeWindow(window, plan->as_of, plan->zone, &bounds);
	if (plan->series[series].kind == SERIES_INTEREST)
		plan->interest_reach = Min(plan->interest_reach, bounds.reach);
	plan->series[series].reach = Min(plan->series[series].reach, bounds.reach);
	plan->reach = Min(plan->reach, bounds.reach);
}

/* The events that a window needs become facts of a series */
static int
NoteWindow(RulePlan *plan, int series, const RuleWindow *window)
{
	GROW(plan, windows, nwindows, space_windows);
	plan->windows[plan->nwindows++] = (PlanWindow) {.series = series,.window = window};
	ReachBack(plan, series, window);
	return series;
}

/* The window must live as long as the plan */
static int
AddSeries(RulePlan *plan, RuleEvent *event, RuleOperand *value, const RuleWindow *window)
{
	int			filter = AddFilter(plan, event);
	StringInfoData key;
	PlanFilter *f;
	int			s;

	initStringInfo(&key);
	if (value)
		PrintOperand(&key, value);
	f = &plan->filters[filter];
	for (int i = 0; i < f->nseries; i++)
		if (strcmp(plan->series[f->series[i]].value_key, key.data) == 0)
			return NoteWindow(plan, f->series[i], window);
	s = NewSeries(plan, SERIES_EVENT);
	plan->series[s].filter = filter;
	plan->series[s].value = value;
	plan->series[s].value_key = key.data;
	plan->series[s].reach = DT_NOEND;
	f->series = f->series ? repalloc(f->series, (f->nseries + 1) * sizeof(int)) : palloc(sizeof(int));
	f->series[f->nseries++] = s;
	if (value)
		NoteProperty(plan, value);
	return NoteWindow(plan, s, window);
}

static int
AddIdentifierSeries(RulePlan *plan, SeriesKind kind, const char *type)
{
	int			s;

	plan->needs_identifiers = true;
	for (int i = 0; i < plan->nseries; i++)
		if (plan->series[i].kind == kind &&
			(kind == SERIES_SAMPLE || strcmp(plan->series[i].identifier_type, type) == 0))
			return i;
	s = NewSeries(plan, kind);
	plan->series[s].identifier_type = type ? pstrdup(type) : NULL;
	return s;
}

static int
AddListedSeries(RulePlan *plan, int32 segment_id)
{
	int			s = NewSeries(plan, SERIES_LISTED);

	plan->needs_listed = true;
	plan->series[s].segment_id = segment_id;
	return s;
}

static int
AddAccountSeries(RulePlan *plan)
{
	if (!plan->needs_accounts)
	{
		plan->account_series = NewSeries(plan, SERIES_ACCOUNT);
		NewSeries(plan, SERIES_ACCOUNT_END);
		plan->needs_accounts = true;
	}
	return plan->account_series;
}

/* topic NULL: all topics together */
static int
AddInterestSeries(RulePlan *plan, const char *topic)
{
	int			s;

	for (int i = 0; i < plan->nseries; i++)
		if (plan->series[i].kind == SERIES_INTEREST && (plan->series[i].topic == NULL) == (topic == NULL) &&
			(topic == NULL || strcmp(plan->series[i].topic, topic) == 0))
			return i;
	s = NewSeries(plan, SERIES_INTEREST);
	plan->series[s].topic = topic ? pstrdup(topic) : NULL;
	return s;
}

/* Topics are told by events of any name */
static void
AddInterest(RulePlan *plan, RuleOperand *operand)
{
	operand->series = NoteWindow(plan, AddInterestSeries(plan, operand->key), &operand->window);
	plan->interest_series = AddInterestSeries(plan, NULL);
	plan->needs_interests = plan->needs_events = plan->any_event = plan->needs_properties = true;
}

/* Its bit, -1 for a purpose that does not exist */
static int
ReadPurpose(RulePlan *plan, const char *name, bool *opt_in)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	int			purpose = -1;
	bool		isnull;

	*opt_in = false;
	SPI_connect();
	ExecuteKept("SELECT purpose_id, opt_in FROM cdp.purpose WHERE name = $1", 1, types, values, plan->read_only);
	if (SPI_processed == 1)
	{
		purpose = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		*opt_in = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	return purpose;
}

static void
LookUpPurpose(RulePlan *plan, PlanLeaf *leaf)
{
	plan->needs_consents = true;
	leaf->purpose = ReadPurpose(plan, leaf->node->name, &leaf->opt_in);
}

/* Metrics and traits of an expression */
static void
CompileExpression(RulePlan *plan, RuleOperand *operand)
{
	check_stack_depth();
	for (int i = 0; i < operand->nargs; i++)
		CompileExpression(plan, operand->args[i]);
	if (operand->kind == OPERAND_TRAIT)
		NoteTrait(plan, operand);
	if (operand->kind != OPERAND_AGGREGATE && operand->kind != OPERAND_INTEREST)
		return;
	if (operand->window.kind != WINDOW_NONE)
		NeedZone(plan);
	FillTime(plan, operand->window.low);
	FillTime(plan, operand->window.high);
	if (operand->kind == OPERAND_INTEREST)
		AddInterest(plan, operand);
	else
		operand->series = AddSeries(plan, operand->event, operand->value, &operand->window);
}

static bool
ReadsEvents(const RuleOperand *operand)
{
	for (int i = 0; i < operand->nargs; i++)
		if (ReadsEvents(operand->args[i]))
			return true;
	return operand->kind == OPERAND_AGGREGATE || operand->kind == OPERAND_INTEREST || operand->kind == OPERAND_ACCOUNT;
}

/* Where a leaf's window lies at the plan's time */
static void
PlaceLeaf(RulePlan *plan, PlanLeaf *leaf)
{
	RuleNode   *node = leaf->node;

	/* WITHIN on the time of an event has two windows; the outer one is asked here */
	ComputeWindow(node->operand && node->operand->kind == OPERAND_AGGREGATE && node->kind != RULE_WITHIN ?
				  &node->operand->window : &node->window, plan->as_of, plan->zone, &leaf->bounds);
}

/* Fills what a new leaf reads */
static void
CompileLeaf(RulePlan *plan, int number)
{
	RuleNode   *node = plan->leaves[number].node;
	const RuleWindow *window = node->operand && node->operand->kind == OPERAND_AGGREGATE ?
	&node->operand->window : &node->window;
	int			series = -1;

	if (window->kind != WINDOW_NONE || node->kind == RULE_WITHIN)
	{
		NeedZone(plan);
		FillTime(plan, window->low);
		FillTime(plan, window->high);
	}
	FillTimes(plan, node);
	if (ReadsAccount(node->operand) || ReadsAccount(node->other))
	{
		AddAccountSeries(plan);
		plan->leaves[number].reads_account = true;
	}
	if (node->kind == RULE_SEQUENCE)
	{
		int		   *steps = palloc(node->nsteps * sizeof(int));

		/* later steps come after the first, so its reach is enough */
		for (int i = 0; i < node->nsteps; i++)
			steps[i] = AddSeries(plan, node->steps[i].event, node->same, window);
		plan->leaves[number].step_series = steps;
	}
	else if (node->operand && (node->other || IsExpression(node->operand)))
	{
		CompileExpression(plan, node->operand);
		if (node->other)
			CompileExpression(plan, node->other);
		plan->leaves[number].reckons = true;
	}
	else if (node->operand && node->operand->kind == OPERAND_AGGREGATE)
		series = node->operand->series = AddSeries(plan, node->operand->event, node->operand->value, window);
	else if (node->kind == RULE_HAS_IDENTIFIER)
		series = AddIdentifierSeries(plan, SERIES_IDENTIFIER, node->name);
	else if (node->kind == RULE_SAMPLE)
		series = AddIdentifierSeries(plan, SERIES_SAMPLE, NULL);
	else if (node->kind == RULE_LISTED)
		series = AddListedSeries(plan, plan->adding);
	else if (node->kind == RULE_CONSENTS_TO)
		LookUpPurpose(plan, &plan->leaves[number]);
	else if (node->kind == RULE_MEMBER_OF)
	{
		int			rule = PlanAddSegment(plan, node->name);

		plan->leaves[number].rule = rule;
	}
	else if (node->operand->kind == OPERAND_ACCOUNT)
		series = plan->account_series;
	else
		NoteTrait(plan, node->operand);

	plan->leaves[number].series = series;
	PlaceLeaf(plan, &plan->leaves[number]);
}

static int
AddLeaf(RulePlan *plan, RuleNode *node)
{
	char	   *key = PrintRule(node);
	uint32		hash = DatumGetUInt32(hash_any((unsigned char *) key, strlen(key)));
	int			number;

	for (int i = 0; i < plan->nleaves; i++)
		if (plan->leaves[i].hash == hash && strcmp(plan->leaves[i].key, key) == 0)
			return i;
	GROW(plan, leaves, nleaves, space_leaves);
	number = plan->nleaves++;
	plan->leaves[number].key = key;
	plan->leaves[number].hash = hash;
	plan->leaves[number].node = node;
	plan->leaves[number].rule = -1;
	CompileLeaf(plan, number);
	return number;
}

/* Appends the node and its arguments to the rule's nodes; rules can move when others are added */
static void
CompileNode(RulePlan *plan, int number, RuleNode *node)
{
	PlanRule   *rule = &plan->rules[number];
	int			at = rule->nnodes++;
	int			leaf;

	check_stack_depth();
	if (at == 0)
		rule->nodes = palloc(INITIAL_SPACE * sizeof(PlanNode));
	else if (at >= INITIAL_SPACE && (at & (at - 1)) == 0)
		rule->nodes = repalloc(rule->nodes, 2 * at * sizeof(PlanNode));
	rule->nodes[at] = (PlanNode) {.kind = node->kind,.boolean = node->boolean,.leaf = -1};
	if (node->kind == RULE_AND || node->kind == RULE_OR || node->kind == RULE_NOT)
	{
		for (int i = 0; i < node->nargs; i++)
			CompileNode(plan, number, node->args[i]);
		rule = &plan->rules[number];
		rule->nodes[at].nargs = node->nargs;
		rule->nodes[at].end = rule->nnodes;
		return;
	}
	rule->nodes[at].end = rule->nnodes;
	if (node->kind == RULE_CONSTANT)
		return;
	if (plan->traits_only &&
		(node->operand == NULL || ReadsEvents(node->operand) || (node->other && ReadsEvents(node->other))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule needs more than traits: %s", PrintRule(node)),
				 errhint("Use cdp.matches(profile_id, rule).")));
	leaf = AddLeaf(plan, node);
	plan->rules[number].nodes[at].leaf = leaf;
}

ComputedSet *
PlanComputedSet(RulePlan *plan)
{
	if (plan->computed == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(plan->context);

		plan->computed = NewComputedSet(plan->read_only);
		MemoryContextSwitchTo(old);
	}
	return plan->computed;
}

/* Compiles a rule into the plan; its tree must live as long.  Returns its number. */
int
PlanAddRule(RulePlan *plan, int32 segment_id, const char *name, RuleNode *tree)
{
	MemoryContext old = MemoryContextSwitchTo(plan->context);
	int			number;

	GROW(plan, rules, nrules, space_rules);
	number = plan->nrules++;
	plan->rules[number].segment_id = segment_id;
	plan->rules[number].name = name ? pstrdup(name) : NULL;
	plan->rules[number].tree = tree;
	plan->rules[number].compiling = true;
	if (!plan->traits_only)
		ExpandRule(PlanComputedSet(plan), tree);
	CompileNode(plan, number, tree);
	plan->rules[number].compiling = false;
	plan->rules[number].compiled = true;
	MemoryContextSwitchTo(old);
	return number;
}

/* Compiles an expression; its tree must live as long as the plan */
void
PlanAddExpression(RulePlan *plan, RuleOperand *operand)
{
	MemoryContext old = MemoryContextSwitchTo(plan->context);

	CompileExpression(plan, operand);
	MemoryContextSwitchTo(old);
}

/*
 * What stands in the place of a rule for a list or a query.  A name is of one
 * segment only, so this is as good a key of a leaf as a printed condition.
 */
static RuleNode *
ListedNode(const char *kind, const char *name)
{
	RuleNode   *node = palloc0(sizeof(RuleNode));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s ", kind);
	PrintText(&buf, name);
	node->kind = RULE_LISTED;
	node->name = buf.data;
	return node;
}

/* The rules that are being compiled, outermost first, and the one that closes the circle */
static char *
CircleOf(RulePlan *plan, const char *name)
{
	StringInfoData buf;
	bool		inside = false;

	initStringInfo(&buf);
	for (int i = 0; i < plan->nrules; i++)
	{
		if (!plan->rules[i].compiling || plan->rules[i].name == NULL)
			continue;
		inside |= strcmp(plan->rules[i].name, name) == 0;
		if (inside)
			appendStringInfo(&buf, "\"%s\" refers to ", plan->rules[i].name);
	}
	appendStringInfo(&buf, "\"%s\"", name);
	return buf.data;
}

/* What cdp.segment says of a name; false when nothing.  In the caller's memory. */
static bool
ReadSegment(RulePlan *plan, const char *name, StoredSegment *stored)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	char	  **texts[3] = {&stored->rule, &stored->kind, &stored->query_error};
	bool		found;
	bool		isnull;

	SPI_connect();
	ExecuteKept("SELECT segment_id, rule, kind, query_error FROM cdp.segment WHERE name = $1",
				1, types, values, plan->read_only);
	found = SPI_processed == 1;
	for (int i = 0; i < 3 && found; i++)
	{
		char	   *text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 2);

		*texts[i] = text ? MemoryContextStrdup(caller, text) : NULL;
	}
	if (found)
		stored->segment_id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return found;
}

/* The rule of a stored segment, compiled when it is not yet */
int
PlanAddSegment(RulePlan *plan, const char *name)
{
	MemoryContext old;
	StoredSegment stored;
	RuleNode   *tree;
	int			number;

	for (int i = 0; i < plan->nrules; i++)
	{
		if (plan->rules[i].name == NULL || strcmp(plan->rules[i].name, name) != 0)
			continue;
		if (plan->rules[i].compiling)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_RECURSION),
					 errmsg("segment \"%s\" refers to itself", name),
					 errdetail("%s.", CircleOf(plan, name))));
		return i;
	}
	old = MemoryContextSwitchTo(plan->context);
	if (!ReadSegment(plan, name, &stored))
		ereport(ERROR,
				(errcode(ERRCODE_CDP_UNKNOWN_NAME),
				 errmsg("unknown segment \"%s\"", name)));
	if (stored.query_error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("query of segment \"%s\" failed: %s", name, stored.query_error)));
	if (stored.rule != NULL)
		tree = ParseRule(stored.rule, strlen(stored.rule), NULL);
	else
	{
		tree = ListedNode(stored.kind, name);
		plan->adding = stored.segment_id;
	}
	number = plan->nrules;
	PlanAddRule(plan, stored.segment_id, name, tree);
	plan->rules[number].text = stored.rule;
	MemoryContextSwitchTo(old);
	return number;
}

/* ---- the plan at another time ---- */

/* Of an evaluation in the middle of a profile perhaps; the facts are those that were read */
void
SetPlanTime(RulePlan *plan, TimestampTz as_of)
{
	plan->as_of = as_of;
	ForgetAnswers(plan);
	for (int i = 0; i < plan->nleaves; i++)
		PlaceLeaf(plan, &plan->leaves[i]);
}

/* For a plan that reads again */
void
MovePlan(RulePlan *plan, TimestampTz as_of)
{
	SetPlanTime(plan, as_of);
	plan->since = as_of;
	plan->reach = plan->interest_reach = DT_NOEND;
	for (int i = 0; i < plan->nseries; i++)
		plan->series[i].reach = DT_NOEND;
	for (int i = 0; i < plan->nwindows; i++)
		ReachBack(plan, plan->windows[i].series, plan->windows[i].window);
}

static bool
SameText(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/*
 * Would it be compiled to the same now?  Asked of the tables and not of a
 * notice of changes, so that a transaction sees its own and no other's.
 */
bool
PlanIsCurrent(RulePlan *plan)
{
	if (plan->zone && SettingZone(plan->read_only) != plan->zone)
		return false;
	if (plan->computed && !ComputedSetIsCurrent(plan->computed))
		return false;
	for (int i = 0; i < plan->nrules; i++)
	{
		PlanRule   *rule = &plan->rules[i];
		StoredSegment stored;

		if (rule->name &&
			(!ReadSegment(plan, rule->name, &stored) || stored.segment_id != rule->segment_id ||
			 !SameText(stored.rule, rule->text) || stored.query_error != NULL))
			return false;
	}
	for (int i = 0; i < plan->nleaves; i++)
	{
		PlanLeaf   *leaf = &plan->leaves[i];
		bool		opt_in;

		if (leaf->node->kind == RULE_CONSENTS_TO &&
			(ReadPurpose(plan, leaf->node->name, &opt_in) != leaf->purpose || opt_in != leaf->opt_in))
			return false;
	}
	return true;
}
