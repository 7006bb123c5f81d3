/*
 * expression.c
 *		Arithmetic on metrics, traits and properties, distances, and any(),
 *		all(), none() over the elements of a list.
 *
 * Numbers are numerics, so arithmetic is exact; what is no number, or a
 * division by zero, is unknown.  An expression over events is asked again at
 * each moment at which one of its metrics changes, until its answer does.
 */
#include "core/core.h"

#include <math.h>

#include "utils/float.h"

#include "segment/expression.h"

PG_FUNCTION_INFO_V1(cdp_distance_km);

/* moments at which an expression is asked; then it is due */
#define MAX_STEPS 32

#define EARTH_RADIUS_KM 6371.0088

/* Great-circle distance of two points in degrees; NaN when one is none */
static float8
DistanceKm(float8 latitude_a, float8 longitude_a, float8 latitude_b, float8 longitude_b)
{
	const float8 radian = M_PI / 180;
	float8		dlat;
	float8		dlon;
	float8		h;

	if (!(fabs(latitude_a) <= 90 && fabs(latitude_b) <= 90 && fabs(longitude_a) <= 180 && fabs(longitude_b) <= 180))
		return get_float8_nan();
	dlat = (latitude_b - latitude_a) * radian / 2;
	dlon = (longitude_b - longitude_a) * radian / 2;
	h = sin(dlat) * sin(dlat) + cos(latitude_a * radian) * cos(latitude_b * radian) * sin(dlon) * sin(dlon);
	return 2 * EARTH_RADIUS_KM * asin(sqrt(Min(h, 1)));
}

Datum
cdp_distance_km(PG_FUNCTION_ARGS)
{
	float8		distance = DistanceKm(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));

	if (isnan(distance))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(distance);
}

static bool
ReckonDistance(Reckoning *r, const RuleOperand *operand, Numeric *result)
{
	float8		at[4];
	float8		distance;

	for (int i = 0; i < 4; i++)
	{
		Numeric		number;

		if (!ReckonNumber(r, operand->args[i], &number))
			return false;
		at[i] = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	}
	distance = DistanceKm(at[0], at[1], at[2], at[3]);
	if (isnan(distance))
		return false;
	*result = DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(distance)));
	return true;
}

static bool
ReckonArithmetic(Reckoning *r, const RuleOperand *operand, Numeric *result)
{
	Numeric		a;
	Numeric		b;
	bool		overflow = false;

	if (!ReckonNumber(r, operand->args[0], &a) || !ReckonNumber(r, operand->args[1], &b))
		return false;
	switch (operand->op)
	{
		case '+':
			*result = numeric_add_opt_error(a, b, &overflow);
			break;
		case '-':
			*result = numeric_sub_opt_error(a, b, &overflow);
			break;
		case '*':
			*result = numeric_mul_opt_error(a, b, &overflow);
			break;
		default:
			*result = numeric_div_opt_error(a, b, &overflow);
			break;
	}
	return !overflow;
}

/* The operand as a number; false when it is none.  r->next: when it changes. */
bool
ReckonNumber(Reckoning *r, const RuleOperand *operand, Numeric *result)
{
	RuleValue	value;
	TimestampTz next = NEVER;

	check_stack_depth();
	switch (operand->kind)
	{
		case OPERAND_LITERAL:
			*result = operand->literal->number;
			return true;
		case OPERAND_ARITHMETIC:
			return ReckonArithmetic(r, operand, result);
		case OPERAND_DISTANCE:
			return ReckonDistance(r, operand, result);
		case OPERAND_TRAIT:
		case OPERAND_ACCOUNT:
			value = ProfileTrait(r->plan, r->row, operand);
			break;
		case OPERAND_INTEREST:
			value = InterestAt(r->plan, operand, r->at, &next);
			r->next = Min(r->next, next);
			break;
		case OPERAND_AGGREGATE:
			value = MetricAt(r->plan, operand, r->at, &next);
			r->next = Min(r->next, next);
			break;
		default:
			value = EventValue(r->plan, operand, r->event);
			break;
	}
	if (value.kind == VALUE_INTEGER)
		*result = int64_to_numeric(value.integer);
	else if (value.kind == VALUE_NUMBER)
		*result = value.number;
	else
		return false;
	return true;
}

/* Truth of a comparison with an expression on one side or both */
Truth
ReckonTruth(Reckoning *r, const RuleNode *node, RuleValue *value)
{
	Numeric		other;

	value->kind = VALUE_NULL;
	if (ReckonNumber(r, node->operand, &value->number))
		value->kind = VALUE_NUMBER;
	if (node->other == NULL)
		return LeafTruth(node, value, NULL, r->plan->zone);
	if (!ReckonNumber(r, node->other, &other) || value->kind == VALUE_NULL)
		return TRUTH_UNKNOWN;
	return OrderTruth(node->op, DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(value->number),
																  NumericGetDatum(other))));
}

void
EvaluateExpression(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf, PlanAnswer *answer)
{
	Reckoning	r = {.plan = plan,.row = row,.at = plan->as_of,.next = NEVER};
	RuleValue	ignored;

	answer->truth = ReckonTruth(&r, leaf->node, &leaf->value);
	if (!plan->wants_until)
		return;
	for (int i = 0; r.next != NEVER; i++)
	{
		answer->until = r.at = r.next;
		r.next = NEVER;
		if (i == MAX_STEPS || ReckonTruth(&r, leaf->node, &ignored) != (Truth) answer->truth)
			return;
	}
	answer->until = NEVER;
}

/* any(list, condition) and its kin; a list that is none is unknown */
Truth
QuantifiedTruth(RulePlan *plan, const RuleNode *node, const RuleValue *list)
{
	Truth		decides = node->quantifier == QUANTIFIER_ALL ? TRUTH_FALSE : TRUTH_TRUE;
	Truth		result = NotTruth(decides);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;

	if (list->kind != VALUE_JSON || !JsonContainerIsArray(list->json))
		return TRUTH_UNKNOWN;
	it = JsonbIteratorInit(list->json);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		RuleValue	element;
		EventRow	row = {.element = &element};
		Truth		t;

		if (token != WJB_ELEM)
			continue;
		element = JsonValue(&v);
		if (element.kind == VALUE_JSON)
			row.properties = element.json;
		t = EventTruth(plan, node->args[0], &row);
		if (t == decides)
		{
			result = decides;
			break;
		}
		if (t == TRUTH_UNKNOWN)
			result = TRUTH_UNKNOWN;
	}
	return node->quantifier == QUANTIFIER_NONE ? NotTruth(result) : result;
}
