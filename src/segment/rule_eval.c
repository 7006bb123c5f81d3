/*
 * rule_eval.c
 *		Truth of rules for the profile at hand, in SQL's three-valued logic,
 *		and until when it holds without new data (early perhaps, never late).
 *
 * FALSE AND x stays false as long as any one false part does, so "until" is
 * the latest of the false parts; in every other case it is the earliest of
 * the parts.  OR is the mirror image.
 */
#include "core/core.h"

#include "common/cryptohash.h"
#include "common/sha2.h"

#include "segment/expression.h"

static void EvaluateLeaf(RulePlan *plan, ProfileRow *row, int number);

/* Most nodes are leaves, and most leaves have their answer */
static inline void
Ask(RulePlan *plan, ProfileRow *row, const PlanNode *nodes, int at, Truth *truth, TimestampTz *until)
{
	if (nodes[at].leaf >= 0)
	{
		const PlanAnswer *answer = &plan->answers[nodes[at].leaf];

		if (!answer->known)
			EvaluateLeaf(plan, row, nodes[at].leaf);
		*truth = answer->truth;
		*until = answer->until;
	}
	else
		EvaluateNode(plan, row, nodes, at, truth, until);
}

static void
EvaluateChain(RulePlan *plan, ProfileRow *row, const PlanNode *nodes, int at, Truth *truth, TimestampTz *until)
{
	Truth		decides = nodes[at].kind == RULE_AND ? TRUTH_FALSE : TRUTH_TRUE;
	bool		decided = false;
	bool		unknown = false;
	TimestampTz latest = DT_NOBEGIN;
	TimestampTz earliest = NEVER;

	for (int arg = at + 1; arg < nodes[at].end; arg = nodes[arg].end)
	{
		Truth		t;
		TimestampTz u;

		Ask(plan, row, nodes, arg, &t, &u);
		if (t == decides)
		{
			decided = true;
			latest = Max(latest, u);
			if (latest == NEVER || !plan->wants_until)
				break;
		}
		else
		{
			unknown |= t == TRUTH_UNKNOWN;
			earliest = Min(earliest, u);
		}
	}
	if (decided)
	{
		*truth = decides;
		*until = latest;
	}
	else
	{
		*truth = unknown ? TRUTH_UNKNOWN : NotTruth(decides);
		*until = earliest;
	}
}

/* ---- leaves that do not read events ---- */

static void
EvaluateConsent(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf, PlanAnswer *answer)
{
	uint64		bit;

	answer->truth = TRUTH_FALSE;
	answer->until = NEVER;
	if (leaf->purpose < 0)
		return;
	bit = UINT64CONST(1) << leaf->purpose;
	answer->until = row->consent_until;
	if (row->folded_known)
		answer->truth = (row->folded & bit) ? TRUTH_TRUE : TRUTH_FALSE;
	else if (leaf->opt_in)
		answer->truth = (row->granted & bit) ? TRUTH_TRUE : TRUTH_FALSE;
	else
		answer->truth = (row->denied & bit) ? TRUTH_FALSE : TRUTH_TRUE;
}

/* A hash of the smallest identifier decides, so that merges of ids keep it */
static void
EvaluateSample(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer)
{
	PlanSeries *series = &plan->series[leaf->series];
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash;
	uint32		number;
	int64		limit;
	Numeric		scaled;

	answer->until = NEVER;
	if (series->nfacts == 0)
	{
		answer->truth = TRUTH_UNKNOWN;
		return;
	}
	hash = pg_cryptohash_create(PG_SHA256);
	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, series->first_key.data, UUID_LEN) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute SHA-256");
	pg_cryptohash_free(hash);
	number = ((uint32) digest[0] << 24) | ((uint32) digest[1] << 16) | ((uint32) digest[2] << 8) | digest[3];
	scaled = numeric_mul_opt_error(leaf->node->values[0].number, int64_to_numeric(10000), NULL);
	limit = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(scaled)));
	answer->truth = number % 1000000 < limit ? TRUTH_TRUE : TRUTH_FALSE;
}

/* A trait, looked up once a profile */
RuleValue
ProfileTrait(RulePlan *plan, ProfileRow *row, const RuleOperand *operand)
{
	PlanTrait  *trait;

	if (operand->kind == OPERAND_ACCOUNT)
		return TraitValue(plan->account, operand->key, strlen(operand->key));
	trait = &plan->traits[operand->slot - 1];
	if (trait->epoch != plan->epoch)
	{
		trait->value = TraitValue(row->traits, trait->key, trait->length);
		trait->epoch = plan->epoch;
	}
	return trait->value;
}

static void
EvaluateTrait(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf, PlanAnswer *answer)
{
	RuleNode   *node = leaf->node;
	TimestampTz at;

	leaf->value = ProfileTrait(plan, row, node->operand);
	answer->until = NEVER;
	if (node->operand->kind == OPERAND_ANNIVERSARY)
	{
		int			year;
		int			month;
		int			day;

		if (leaf->value.kind != VALUE_TEXT ||
			!ValueTime(&leaf->value, plan->zone, &at) ||
			!ParseIsoDate(leaf->value.text, leaf->value.length, &year, &month, &day))
		{
			answer->truth = TRUTH_UNKNOWN;
			return;
		}
		answer->truth = AnniversaryTruth(&node->window, year, month, day, plan->as_of, plan->zone, &answer->until);
		if (node->negated)
			answer->truth = NotTruth(answer->truth);
		return;
	}
	answer->truth = LeafTruth(node, &leaf->value, &leaf->bounds, plan->zone);
	if (node->kind == RULE_WITHIN && ValueTime(&leaf->value, plan->zone, &at))
		answer->until = TimeFlip(&node->window, &leaf->bounds, at, plan->as_of, plan->zone);
}

/* What reads the profile, or the account at hand */
static void
EvaluateOnce(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf, PlanAnswer *answer)
{
	if (leaf->node->kind == RULE_ELEMENT)
	{
		leaf->value = ProfileTrait(plan, row, leaf->node->operand);
		answer->truth = QuantifiedTruth(plan, leaf->node, &leaf->value);
	}
	else if (leaf->reckons)
		EvaluateExpression(plan, row, leaf, answer);
	else
		EvaluateTrait(plan, row, leaf, answer);
}

/*
 * A condition on an account holds when it holds for one of those that the
 * person belongs to.  Who belongs to none is asked as one whose account says
 * nothing.
 */
static void
EvaluateAccounts(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf, PlanAnswer *answer)
{
	const PlanSeries *series = &plan->series[plan->account_series];
	const PlanSeries *ends = series + 1;
	RuleValue	value = {VALUE_NULL};
	bool		asked = false;

	answer->truth = TRUTH_FALSE;
	answer->until = NEVER;
	for (int i = 0; i <= series->nfacts; i++)
	{
		PlanAnswer	one = {.until = NEVER};
		bool		end = i == series->nfacts;

		if (!end)
		{
			TimestampTz changes = series->facts[i].at;

			if (changes <= plan->as_of)
				changes = ends->facts[i].value.kind == VALUE_FLOAT ? (TimestampTz) ends->facts[i].value.real : NEVER;
			if (changes > plan->as_of)
				answer->until = Min(answer->until, changes);
			if (series->facts[i].at > plan->as_of || changes <= plan->as_of)
				continue;
		}
		if (end ? asked : series->facts[i].value.kind != VALUE_JSON)
			continue;
		plan->account = end ? NULL : series->facts[i].value.json;
		EvaluateOnce(plan, row, leaf, &one);
		answer->until = Min(answer->until, one.until);
		if (!asked || (one.truth == TRUTH_TRUE && answer->truth != TRUTH_TRUE))
			value = leaf->value;
		if (answer->truth != TRUTH_TRUE && one.truth != TRUTH_FALSE)
			answer->truth = one.truth;
		asked = true;
	}
	leaf->value = value;
}

static inline void
NoteMoved(RulePlan *plan, int number)
{
	if (plan->answers[number].moved)
		return;
	plan->answers[number].moved = true;
	plan->moved[plan->nmoved++] = number;
}

static void
EvaluateLeaf(RulePlan *plan, ProfileRow *row, int number)
{
	PlanLeaf   *leaf = &plan->leaves[number];
	PlanAnswer	answer = {.until = NEVER,.truth = TRUTH_UNKNOWN,.known = true};
	TimestampTz until;

	leaf->value.kind = VALUE_NULL;
	if (leaf->reads_account)
	{
		EvaluateAccounts(plan, row, leaf, &answer);
		NoteMoved(plan, number);
		answer.moved = true;
		plan->answers[number] = answer;
		return;
	}
	switch (leaf->node->kind)
	{
		case RULE_SEQUENCE:
			EvaluateSequence(plan, leaf, &answer);
			break;
		case RULE_MEMBER_OF:
			answer.truth = EvaluateRule(plan, row, leaf->rule, &until) == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_FALSE;
			answer.until = until;
			break;
		case RULE_CONSENTS_TO:
			EvaluateConsent(plan, row, leaf, &answer);
			break;
		case RULE_HAS_IDENTIFIER:
			answer.truth = plan->series[leaf->series].nfacts > 0 ? TRUTH_TRUE : TRUTH_FALSE;
			break;
		case RULE_SAMPLE:
			EvaluateSample(plan, leaf, &answer);
			break;
		case RULE_LISTED:
			answer.truth = plan->series[leaf->series].nfacts > 0 ? TRUTH_TRUE : TRUTH_FALSE;
			if (plan->series[leaf->series].nfacts > 0)
				leaf->value = plan->series[leaf->series].facts[0].value;
			break;
		default:
			if (leaf->series >= 0)
				EvaluateMetric(plan, leaf, &answer);
			else
				EvaluateOnce(plan, row, leaf, &answer);
			break;
	}
	NoteMoved(plan, number);
	answer.moved = true;
	plan->answers[number] = answer;
}

/* Of the node nodes[at] */
void
EvaluateNode(RulePlan *plan, ProfileRow *row, const PlanNode *nodes, int at, Truth *truth, TimestampTz *until)
{
	switch (nodes[at].kind)
	{
		case RULE_AND:
		case RULE_OR:
			check_stack_depth();
			EvaluateChain(plan, row, nodes, at, truth, until);
			return;
		case RULE_NOT:
			Ask(plan, row, nodes, at + 1, truth, until);
			*truth = NotTruth(*truth);
			return;
		case RULE_CONSTANT:
			*truth = nodes[at].boolean ? TRUTH_TRUE : TRUTH_FALSE;
			*until = NEVER;
			return;
		default:
			Ask(plan, row, nodes, at, truth, until);
			return;
	}
}

/* ---- a profile ---- */

static void
Reads(RulePlan *plan, int series, int leaf)
{
	PlanSeries *s = &plan->series[series];

	s->leaves = s->leaves ? repalloc(s->leaves, (s->nleaves + 1) * sizeof(int)) :
		MemoryContextAlloc(plan->context, sizeof(int));
	s->leaves[s->nleaves++] = leaf;
}

/* Answers of the leaves that read nothing but facts, when there are none */
static void
MakeEmptyAnswers(RulePlan *plan)
{
	bool		first = plan->empty == NULL;
	ProfileRow	nobody = {0};

	if (first)
	{
		int			n = Max(plan->nleaves, 1);

		plan->empty = MemoryContextAllocZero(plan->context, n * sizeof(PlanAnswer));
		plan->answers = MemoryContextAllocZero(plan->context, n * sizeof(PlanAnswer));
		plan->moved = MemoryContextAlloc(plan->context, n * sizeof(int));
	}
	for (int i = 0; i < plan->nleaves; i++)
	{
		PlanLeaf   *leaf = &plan->leaves[i];

		plan->empty[i].known = false;
		if (leaf->series < 0 && leaf->step_series == NULL)
			continue;
		/* of a sequence the first step decides */
		if (first)
			Reads(plan, leaf->series >= 0 ? leaf->series : leaf->step_series[0], i);
		EvaluateLeaf(plan, &nobody, i);
		plan->empty[i] = plan->answers[i];
		plan->empty[i].moved = false;
	}
	plan->empty_known = true;
	plan->empty_at = plan->as_of;
	plan->all_moved = true;
	if (first)
		FindQuietRules(plan);
}

/* The plan's time has changed, in the middle of a profile perhaps */
void
ForgetAnswers(RulePlan *plan)
{
	plan->epoch++;
	if (plan->answers == NULL)
		return;
	memset(plan->answers, 0, plan->nleaves * sizeof(PlanAnswer));
	plan->nmoved = 0;
	plan->all_moved = true;
	memset(plan->asked, 0xff, plan->nwords * sizeof(uint64));
}

/* Forgets the profile before; facts are loaded afterwards */
void
StartProfile(RulePlan *plan)
{
	plan->epoch++;
	MemoryContextReset(plan->profile_context);
	for (int i = 0; i < plan->nfilled; i++)
		plan->series[plan->filled[i]].nfacts = 0;
	plan->nfilled = 0;
	if (!plan->empty_known || plan->empty_at != plan->as_of)
		MakeEmptyAnswers(plan);
}

/* Facts are loaded: what they may change is asked anew */
void
ReadyProfile(RulePlan *plan)
{
	if (plan->all_moved)
		memcpy(plan->answers, plan->empty, plan->nleaves * sizeof(PlanAnswer));
	else
		for (int i = 0; i < plan->nmoved; i++)
			plan->answers[plan->moved[i]] = plan->empty[plan->moved[i]];
	plan->all_moved = false;
	plan->nmoved = 0;
	for (int i = 0; i < plan->nfilled; i++)
	{
		PlanSeries *series = &plan->series[plan->filled[i]];

		for (int l = 0; l < series->nleaves; l++)
		{
			NoteMoved(plan, series->leaves[l]);
			plan->answers[series->leaves[l]].known = false;
		}
	}
	ChooseRules(plan);
}

Truth
EvaluateRule(RulePlan *plan, ProfileRow *row, int number, TimestampTz *until)
{
	PlanRule   *rule = &plan->rules[number];

	if (rule->epoch != plan->epoch)
	{
		Ask(plan, row, rule->nodes, 0, &rule->truth, &rule->until);
		rule->epoch = plan->epoch;
	}
	*until = rule->until;
	return rule->truth;
}

/* A property, revenue, or part of an element */
RuleValue
EventValue(RulePlan *plan, const RuleOperand *operand, const EventRow *event)
{
	RuleValue	value = {VALUE_NULL};

	if (operand->kind == OPERAND_REVENUE)
	{
		if (event->revenue != NULL)
		{
			value.kind = VALUE_NUMBER;
			value.number = event->revenue;
		}
		return value;
	}
	if (operand->kind == OPERAND_ELEMENT && operand->npath == 0)
		return *event->element;
	if (operand->slot > 0)
	{
		PlanProperty *property = &plan->properties[operand->slot - 1];

		if (property->event != plan->event)
		{
			property->value = PathValue(event->properties, operand->npath, operand->path);
			property->event = plan->event;
		}
		return property->value;
	}
	return PathValue(event->properties, operand->npath, operand->path);
}

/* Does an event satisfy the condition of a WHERE?  Time plays no part in it. */
Truth
EventTruth(RulePlan *plan, RuleNode *node, const EventRow *event)
{
	RuleValue	value;

	if (node->kind == RULE_AND || node->kind == RULE_OR)
	{
		Truth		decides = node->kind == RULE_AND ? TRUTH_FALSE : TRUTH_TRUE;
		bool		unknown = false;

		check_stack_depth();
		for (int i = 0; i < node->nargs; i++)
		{
			Truth		t = EventTruth(plan, node->args[i], event);

			if (t == decides)
				return decides;
			unknown |= t == TRUTH_UNKNOWN;
		}
		return unknown ? TRUTH_UNKNOWN : NotTruth(decides);
	}
	if (node->kind == RULE_NOT)
		return NotTruth(EventTruth(plan, node->args[0], event));
	if (node->kind == RULE_CONSTANT)
		return node->boolean ? TRUTH_TRUE : TRUTH_FALSE;
	if (node->other || IsExpression(node->operand))
	{
		Reckoning	r = {.plan = plan,.event = event};

		return ReckonTruth(&r, node, &value);
	}
	value = EventValue(plan, node->operand, event);
	if (node->kind == RULE_ELEMENT)
	{
		check_stack_depth();
		return QuantifiedTruth(plan, node, &value);
	}
	return LeafTruth(node, &value, NULL, plan->zone);
}
