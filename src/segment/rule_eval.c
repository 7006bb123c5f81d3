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

#include "segment/plan.h"

static void
EvaluateChain(RulePlan *plan, ProfileRow *row, RuleNode *node, Truth *truth, TimestampTz *until)
{
	Truth		decides = node->kind == RULE_AND ? TRUTH_FALSE : TRUTH_TRUE;
	bool		decided = false;
	bool		unknown = false;
	TimestampTz latest = DT_NOBEGIN;
	TimestampTz earliest = NEVER;

	for (int i = 0; i < node->nargs; i++)
	{
		Truth		t;
		TimestampTz u;

		EvaluateNode(plan, row, node->args[i], &t, &u);
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
EvaluateConsent(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf)
{
	uint64		bit;

	leaf->truth = TRUTH_FALSE;
	leaf->until = NEVER;
	if (leaf->purpose < 0)
		return;
	bit = UINT64CONST(1) << leaf->purpose;
	leaf->until = row->consent_until;
	if (row->folded_known)
		leaf->truth = (row->folded & bit) ? TRUTH_TRUE : TRUTH_FALSE;
	else if (leaf->opt_in)
		leaf->truth = (row->granted & bit) ? TRUTH_TRUE : TRUTH_FALSE;
	else
		leaf->truth = (row->denied & bit) ? TRUTH_FALSE : TRUTH_TRUE;
}

/* A hash of the smallest identifier decides, so that merges of ids keep it */
static void
EvaluateSample(RulePlan *plan, PlanLeaf *leaf)
{
	PlanSeries *series = &plan->series[leaf->series];
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash;
	uint32		number;
	int64		limit;
	Numeric		scaled;

	leaf->until = NEVER;
	if (series->nfacts == 0)
	{
		leaf->truth = TRUTH_UNKNOWN;
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
	leaf->truth = number % 1000000 < limit ? TRUTH_TRUE : TRUTH_FALSE;
}

static void
EvaluateTrait(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf)
{
	RuleNode   *node = leaf->node;
	TimestampTz at;

	leaf->value = TraitValue(row->traits, node->operand->key);
	leaf->until = NEVER;
	if (node->operand->kind == OPERAND_ANNIVERSARY)
	{
		int			year;
		int			month;
		int			day;

		if (leaf->value.kind != VALUE_TEXT ||
			!ValueTime(&leaf->value, plan->zone, &at) ||
			!ParseIsoDate(leaf->value.text, leaf->value.length, &year, &month, &day))
		{
			leaf->truth = TRUTH_UNKNOWN;
			return;
		}
		leaf->truth = AnniversaryTruth(&node->window, year, month, day, plan->as_of, plan->zone, &leaf->until);
		if (node->negated)
			leaf->truth = NotTruth(leaf->truth);
		return;
	}
	leaf->truth = LeafTruth(node, &leaf->value, &leaf->bounds, plan->zone);
	if (node->kind == RULE_WITHIN && ValueTime(&leaf->value, plan->zone, &at))
		leaf->until = TimeFlip(&node->window, &leaf->bounds, at, plan->as_of, plan->zone);
}

static void
EvaluateLeaf(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf)
{
	leaf->epoch = plan->epoch;
	leaf->value.kind = VALUE_NULL;
	switch (leaf->node->kind)
	{
		case RULE_SEQUENCE:
			EvaluateSequence(plan, leaf);
			break;
		case RULE_MEMBER_OF:
			leaf->truth = EvaluateRule(plan, row, leaf->rule, &leaf->until) == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_FALSE;
			break;
		case RULE_CONSENTS_TO:
			EvaluateConsent(plan, row, leaf);
			break;
		case RULE_HAS_IDENTIFIER:
			leaf->truth = plan->series[leaf->series].nfacts > 0 ? TRUTH_TRUE : TRUTH_FALSE;
			leaf->until = NEVER;
			break;
		case RULE_SAMPLE:
			EvaluateSample(plan, leaf);
			break;
		case RULE_LISTED:
			leaf->truth = plan->series[leaf->series].nfacts > 0 ? TRUTH_TRUE : TRUTH_FALSE;
			leaf->until = NEVER;
			if (plan->series[leaf->series].nfacts > 0)
				leaf->value = plan->series[leaf->series].facts[0].value;
			break;
		default:
			if (leaf->series >= 0)
				EvaluateMetric(plan, leaf);
			else
				EvaluateTrait(plan, row, leaf);
			break;
	}
}

void
EvaluateNode(RulePlan *plan, ProfileRow *row, RuleNode *node, Truth *truth, TimestampTz *until)
{
	PlanLeaf   *leaf;

	check_stack_depth();
	switch (node->kind)
	{
		case RULE_AND:
		case RULE_OR:
			EvaluateChain(plan, row, node, truth, until);
			return;
		case RULE_NOT:
			EvaluateNode(plan, row, node->args[0], truth, until);
			*truth = NotTruth(*truth);
			return;
		case RULE_CONSTANT:
			*truth = node->boolean ? TRUTH_TRUE : TRUTH_FALSE;
			*until = NEVER;
			return;
		default:
			leaf = &plan->leaves[node->leaf];
			if (leaf->epoch != plan->epoch)
				EvaluateLeaf(plan, row, leaf);
			*truth = leaf->truth;
			*until = leaf->until;
			return;
	}
}

/* Forgets the profile before; facts are loaded afterwards */
void
StartProfile(RulePlan *plan)
{
	plan->epoch++;
	MemoryContextReset(plan->profile_context);
	for (int i = 0; i < plan->nseries; i++)
		plan->series[i].nfacts = 0;
}

Truth
EvaluateRule(RulePlan *plan, ProfileRow *row, int number, TimestampTz *until)
{
	PlanRule   *rule = &plan->rules[number];

	if (rule->epoch != plan->epoch)
	{
		EvaluateNode(plan, row, rule->tree, &rule->truth, &rule->until);
		rule->epoch = plan->epoch;
	}
	*until = rule->until;
	return rule->truth;
}

/* Does an event satisfy the condition of a WHERE?  Time plays no part in it. */
Truth
EventTruth(RulePlan *plan, RuleNode *node, JsonbContainer *properties, Numeric revenue)
{
	RuleValue	value = {VALUE_NULL};

	check_stack_depth();
	if (node->kind == RULE_AND || node->kind == RULE_OR)
	{
		Truth		decides = node->kind == RULE_AND ? TRUTH_FALSE : TRUTH_TRUE;
		bool		unknown = false;

		for (int i = 0; i < node->nargs; i++)
		{
			Truth		t = EventTruth(plan, node->args[i], properties, revenue);

			if (t == decides)
				return decides;
			unknown |= t == TRUTH_UNKNOWN;
		}
		return unknown ? TRUTH_UNKNOWN : NotTruth(decides);
	}
	if (node->kind == RULE_NOT)
		return NotTruth(EventTruth(plan, node->args[0], properties, revenue));
	if (node->kind == RULE_CONSTANT)
		return node->boolean ? TRUTH_TRUE : TRUTH_FALSE;
	if (node->operand->kind == OPERAND_PROPERTY)
		value = PathValue(properties, node->operand->npath, node->operand->path);
	else if (revenue != NULL)
	{
		value.kind = VALUE_NUMBER;
		value.number = revenue;
	}
	return LeafTruth(node, &value, NULL, plan->zone);
}
