/*
 * computed.c
 *		Computed traits: values reckoned from a profile's events, in the pass
 *		that evaluates segments.
 *
 * A definition is an expression of the rule language: a metric, or arithmetic
 * on metrics.  Its value stands in profile_state.computed; the profile is due
 * when what the value is made of changes next.
 */
#include "core/core.h"

#include "executor/spi.h"
#include "utils/datetime.h"
#include "utils/json.h"

#include "segment/computed.h"
#include "segment/computed_rule.h"
#include "segment/expression.h"

PG_FUNCTION_INFO_V1(cdp_computed_expression);
PG_FUNCTION_INFO_V1(cdp_computed_value);

struct ComputedTraits
{
	int			count;
	char	  **names;
	RuleOperand **operands;
};

static void
AddComputed(ComputedTraits *traits, RulePlan *plan, int i, const char *name, const char *expression)
{
	MemoryContext old = MemoryContextSwitchTo(plan->context);
	char	   *text = pstrdup(expression);

	traits->names[i] = pstrdup(name);
	traits->operands[i] = ParseComputed(text, strlen(text));
	ExpandExpression(PlanComputedSet(plan), traits->operands[i]);
	PlanAddExpression(plan, traits->operands[i]);
	MemoryContextSwitchTo(old);
}

static ComputedTraits *
NewComputed(RulePlan *plan, int count)
{
	ComputedTraits *traits = MemoryContextAllocZero(plan->context, sizeof(ComputedTraits));

	traits->count = count;
	traits->names = MemoryContextAllocZero(plan->context, Max(count, 1) * sizeof(char *));
	traits->operands = MemoryContextAllocZero(plan->context, Max(count, 1) * sizeof(RuleOperand *));
	return traits;
}

/* The computed traits that are defined, compiled into the plan */
ComputedTraits *
LoadComputedTraits(RulePlan *plan)
{
	ComputedTraits *traits;

	SPI_connect();
	SPI_execute("SELECT name, expression FROM cdp.computed_trait ORDER BY name COLLATE \"C\"", false, 0);
	traits = NewComputed(plan, SPI_processed);
	for (int i = 0; i < traits->count; i++)
		AddComputed(traits, plan, i, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1),
					SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2));
	SPI_finish();
	return traits;
}

static void
PushValue(JsonbParseState **state, JsonbIteratorToken token, const RuleValue *value)
{
	JsonbValue	v = {.type = jbvNull};
	char		buf[MAXDATELEN + 1];

	switch (value->kind)
	{
		case VALUE_INTEGER:
			v.type = jbvNumeric;
			v.val.numeric = int64_to_numeric(value->integer);
			break;
		case VALUE_NUMBER:
			v.type = jbvNumeric;
			v.val.numeric = value->number;
			break;
		case VALUE_TEXT:
			v.type = jbvString;
			v.val.string.val = (char *) value->text;
			v.val.string.len = value->length;
			break;
		case VALUE_BOOLEAN:
			v.type = jbvBool;
			v.val.boolean = value->boolean;
			break;
		case VALUE_JSON:
			v.type = jbvBinary;
			v.val.binary.data = value->json;
			v.val.binary.len = value->length;
			break;
		case VALUE_TIME:
			/* in UTC, whoever refreshes */
			{
				int			tz = 0;

				JsonEncodeDateTime(buf, TimestampTzGetDatum(value->at), TIMESTAMPTZOID, &tz);
				v.type = jbvString;
				v.val.string.val = pstrdup(buf);
				v.val.string.len = strlen(buf);
			}
			break;
		default:
			break;
	}
	pushJsonbValue(state, token, &v);
}

/* The different values of a property in the window, as a JSON array */
RuleValue
UniqueList(RulePlan *plan, const RuleOperand *operand, TimestampTz at, TimestampTz *next)
{
	JsonbParseState *state = NULL;
	RuleValue	value = {VALUE_JSON};
	Fact	  **facts;
	int			n = UniqueFacts(plan, operand, at, &facts, next);
	Jsonb	   *list;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
		PushValue(&state, WJB_ELEM, &facts[i]->value);
	list = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	value.json = &list->root;
	value.length = VARSIZE(list) - VARHDRSZ;
	return value;
}

static bool
PushComputed(RulePlan *plan, ProfileRow *row, const RuleOperand *operand, JsonbParseState **state, TimestampTz *due)
{
	RuleValue	value = {VALUE_NULL};
	TimestampTz next = NEVER;

	if (operand->kind == OPERAND_AGGREGATE && operand->aggregate == AGGREGATE_UNIQUE_LIST)
	{
		value = UniqueList(plan, operand, plan->as_of, &next);
		PushValue(state, WJB_VALUE, &value);
	}
	else
	{
		if (operand->kind == OPERAND_AGGREGATE)
			value = MetricAt(plan, operand, plan->as_of, &next);
		else
		{
			Reckoning	r = {.plan = plan,.row = row,.at = plan->as_of,.next = NEVER};

			if (ReckonNumber(&r, operand, &value.number))
				value.kind = VALUE_NUMBER;
			next = r.next;
		}
		PushValue(state, WJB_VALUE, &value);
	}
	*due = Min(*due, next);
	return value.kind != VALUE_NULL;
}

/* The values of the profile at hand, {"trait": value}; *due is moved to the next change */
Jsonb *
EvaluateComputed(RulePlan *plan, ProfileRow *row, const ComputedTraits *traits, TimestampTz *due)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < traits->count && row->living; i++)
	{
		JsonbValue	key = {.type = jbvString};

		key.val.string.val = traits->names[i];
		key.val.string.len = strlen(traits->names[i]);
		pushJsonbValue(&state, WJB_KEY, &key);
		PushComputed(plan, row, traits->operands[i], &state, due);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- from SQL ---- */

/* computed_expression(text): its canonical form */
Datum
cdp_computed_expression(PG_FUNCTION_ARGS)
{
	text	   *expression = PG_GETARG_TEXT_PP(0);
	StringInfoData buf;

	initStringInfo(&buf);
	PrintOperand(&buf, ParseComputed(VARDATA_ANY(expression), VARSIZE_ANY_EXHDR(expression)));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

typedef struct OneValue
{
	ComputedTraits *traits;
	Jsonb	   *value;
	TimestampTz until;
	MemoryContext context;
} OneValue;

static void
TakeComputed(RulePlan *plan, ProfileRow *row, void *arg)
{
	OneValue   *one = arg;
	Jsonb	   *value = EvaluateComputed(plan, row, one->traits, &one->until);

	one->value = MemoryContextAlloc(one->context, VARSIZE(value));
	memcpy(one->value, value, VARSIZE(value));
}

/* computed_value(living profile, expression, as_of): {"value": ..., "until": ...} */
Datum
cdp_computed_value(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	char	   *expression = text_to_cstring(PG_GETARG_TEXT_PP(1));
	RulePlan   *plan = NewPlan(PG_GETARG_TIMESTAMPTZ(2), true);
	OneValue	one = {.until = NEVER,.context = CurrentMemoryContext};
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString};
	RuleValue	until = {.kind = VALUE_NULL};
	RuleValue	value;

	one.traits = NewComputed(plan, 1);
	AddComputed(one.traits, plan, 0, "value", expression);
	EvaluateProfiles(plan, false, &id, 1, TakeComputed, &one);
	MemoryContextDelete(plan->context);
	if (one.value == NULL)
		PG_RETURN_NULL();
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	key.val.string.val = "value";
	key.val.string.len = 5;
	pushJsonbValue(&state, WJB_KEY, &key);
	value = TraitValue(&one.value->root, "value", 5);
	PushValue(&state, WJB_VALUE, &value);
	key.val.string.val = "until";
	pushJsonbValue(&state, WJB_KEY, &key);
	if (one.until != NEVER)
	{
		until.kind = VALUE_TIME;
		until.at = one.until;
	}
	PushValue(&state, WJB_VALUE, &until);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
