/*
 * trait_rule.c
 *		How a trait is merged, and which of two statements is better.
 *
 * Rules come as jsonb: {"trait": "policy"} or {"trait": {"policy": "union",
 * "limit": 20, "ignore_empty": false, "type": "bigint"}}; the key "*", which no
 * trait can have, is for all others.  What is not said is latest, 100, true and
 * no type.
 *
 * Every policy is a total order of statements, so that the best of a set is a
 * function of the set.  Numbers that are equal but written with another scale
 * (1 and 1.0) differ, or it would matter which came first.  With a type, values
 * are compared as that type first, and those that fit it are better than those
 * that do not where the policy looks at values.
 */
#include "profile/trait_rule.h"

static const char *const policy_names[] = {
	[TRAIT_LATEST] = "latest",
	[TRAIT_EARLIEST] = "earliest",
	[TRAIT_SOURCE_PRIORITY] = "source_priority",
	[TRAIT_LONGEST] = "longest",
	[TRAIT_MIN] = "min",
	[TRAIT_MAX] = "max",
	[TRAIT_MOST_FREQUENT] = "most_frequent",
	[TRAIT_UNION] = "union",
	[TRAIT_LIST_N] = "list_n"
};

static TraitPolicy
ParsePolicy(const JsonbValue *value)
{
	for (int i = 0; i < (int) lengthof(policy_names); i++)
	{
		if (strlen(policy_names[i]) == value->val.string.len &&
			memcmp(policy_names[i], value->val.string.val, value->val.string.len) == 0)
			return (TraitPolicy) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown merge policy \"%.*s\"",
					value->val.string.len, value->val.string.val),
			 errhint("Policies are latest, earliest, source_priority, longest, min, max, most_frequent, union and list_n.")));
	return TRAIT_LATEST;
}

static void
RefuseRule(const char *name, int length, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid merge rule of trait \"%.*s\"", length, name),
			 errdetail("%s", what)));
}

/* Reads an object {"policy": …, "limit": …, "ignore_empty": …, "type": …}. */
static void
ReadRuleObject(JsonbContainer *object, TraitRule *rule, const char *name, int length)
{
	JsonbValue	value;

	if (!JsonContainerIsObject(object))
		RefuseRule(name, length, "A rule is the name of a policy or an object.");
	if (getKeyJsonValueFromContainer(object, "policy", 6, &value))
	{
		if (value.type != jbvString)
			RefuseRule(name, length, "\"policy\" must be text.");
		rule->policy = ParsePolicy(&value);
	}
	if (getKeyJsonValueFromContainer(object, "ignore_empty", 12, &value))
	{
		if (value.type != jbvBool)
			RefuseRule(name, length, "\"ignore_empty\" must be true or false.");
		rule->ignore_empty = value.val.boolean;
	}
	if (getKeyJsonValueFromContainer(object, "limit", 5, &value))
	{
		double		limit = -1;

		if (value.type == jbvNumeric)
			limit = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													   NumericGetDatum(value.val.numeric)));
		if (!(limit >= 1 && limit <= TRAIT_LIMIT_MAX))
			RefuseRule(name, length, "\"limit\" must be a number from 1 to 10000.");
		rule->limit = (int) limit;
	}
	if (getKeyJsonValueFromContainer(object, "type", 4, &value) &&
		(value.type != jbvString ||
		 !ParseTraitType(value.val.string.val, value.val.string.len, &rule->type)))
		RefuseRule(name, length, "\"type\" must be text, bigint, float8, boolean, date, timestamptz or text[].");
}

TraitRule
TraitRuleFor(Jsonb *policies, TraitRule base, const char *name, int length)
{
	JsonbValue	value;

	if (policies == NULL || JB_ROOT_COUNT(policies) == 0)
		return base;
	if (!JB_ROOT_IS_OBJECT(policies))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("merge policies must be a JSON object")));
	if (getKeyJsonValueFromContainer(&policies->root, name, length, &value))
	{
		if (value.type == jbvString)
			base.policy = ParsePolicy(&value);
		else if (value.type == jbvBinary)
			ReadRuleObject(value.val.binary.data, &base, name, length);
		else
			RefuseRule(name, length, "A rule is the name of a policy or an object.");
	}
	return base;
}

TraitRule
TraitRuleBase(Jsonb *policies)
{
	TraitRule	standard = {TRAIT_LATEST, true, TRAIT_LIMIT_DEFAULT, TRAIT_TYPE_NONE};

	return TraitRuleFor(policies, standard, "*", 1);
}

/* null, blank text, [] and {} */
static bool
IsEmptyValue(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return true;
		case jbvString:
			for (int i = 0; i < value->val.string.len; i++)
			{
				char		c = value->val.string.val[i];

				if (c != ' ' && (c < '\t' || c > '\r'))
					return false;
			}
			return true;
		case jbvBinary:
			return JsonContainerSize(value->val.binary.data) == 0;
		default:
			return false;
	}
}

/*
 * A null means that there is no value any more: only policies that pick by
 * time or source can let it win over a value.
 */
bool
TraitRuleIgnores(const TraitRule *rule, const JsonbValue *value)
{
	if (rule->ignore_empty)
		return IsEmptyValue(value);
	return value->type == jbvNull && rule->policy > TRAIT_SOURCE_PRIORITY;
}

static int
ValueRank(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return 0;
		case jbvBool:
			return 1;
		case jbvNumeric:
			return 2;
		case jbvString:
			return 3;
		default:
			return JsonContainerIsArray(value->val.binary.data) ? 4 : 5;
	}
}

static int
CompareBytes(const void *a, int a_length, const void *b, int b_length)
{
	int			order = memcmp(a, b, Min(a_length, b_length));

	if (order == 0)
		order = (a_length > b_length) - (a_length < b_length);
	return order;
}

/*
 * Arrays and objects by their text.  Their bytes would do on one machine, for
 * jsonb has one binary form for each value, but not on all.
 */
static int
CompareContainers(const JsonbValue *a, const JsonbValue *b)
{
	char	   *x;
	char	   *y;
	int			order;

	if (a->val.binary.len == b->val.binary.len &&
		memcmp(a->val.binary.data, b->val.binary.data, a->val.binary.len) == 0)
		return 0;
	x = JsonbToCString(NULL, a->val.binary.data, a->val.binary.len);
	y = JsonbToCString(NULL, b->val.binary.data, b->val.binary.len);
	order = strcmp(x, y);
	pfree(x);
	pfree(y);
	return order;
}

int
CompareTraitValues(const JsonbValue *a, const JsonbValue *b)
{
	int			order = ValueRank(a) - ValueRank(b);
	Datum		x;
	Datum		y;

	if (order != 0)
		return order;
	switch (a->type)
	{
		case jbvNull:
			return 0;
		case jbvBool:
			return (int) a->val.boolean - (int) b->val.boolean;
		case jbvString:
			return CompareBytes(a->val.string.val, a->val.string.len,
								b->val.string.val, b->val.string.len);
		case jbvNumeric:
			x = NumericGetDatum(a->val.numeric);
			y = NumericGetDatum(b->val.numeric);
			order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, x, y));
			if (order == 0)
				order = DatumGetInt32(DirectFunctionCall1(numeric_scale, x)) -
					DatumGetInt32(DirectFunctionCall1(numeric_scale, y));
			return order;
		default:
			return CompareContainers(a, b);
	}
}

/* Characters of a value's text. */
static int
ValueLength(const JsonbValue *value)
{
	char	   *text;
	int			length;

	switch (value->type)
	{
		case jbvNull:
			return 0;
		case jbvBool:
			return value->val.boolean ? 4 : 5;
		case jbvString:
			return pg_mbstrlen_with_len(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
			break;
		default:
			text = JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
			break;
	}
	length = pg_mbstrlen(text);
	pfree(text);
	return length;
}

#define CompareNumbers(a, b) (((a) > (b)) - ((a) < (b)))

/* Order of two statements by what their values are as the trait's type. */
static int
CompareFitted(const TraitRule *rule, TraitPolicy policy, const TraitStatement *a,
			  const TraitStatement *b)
{
	JsonbValue	x = a->value;
	JsonbValue	y = b->value;
	bool		x_fits = true;
	bool		y_fits = true;

	if (rule->type != TRAIT_TYPE_NONE)
	{
		x_fits = FitTraitValue(rule->type, &a->value, &x);
		y_fits = FitTraitValue(rule->type, &b->value, &y);
	}
	if (x_fits != y_fits)
		return x_fits ? 1 : -1;
	switch (policy)
	{
		case TRAIT_LONGEST:
			return CompareNumbers(ValueLength(&x), ValueLength(&y));
		case TRAIT_MIN:
			return CompareTraitValues(&y, &x);
		default:
			return CompareTraitValues(&x, &y);
	}
}

int
CompareStatements(const TraitRule *rule, const TraitStatement *a, const TraitStatement *b)
{
	int			order = 0;

	switch (rule->policy)
	{
		case TRAIT_EARLIEST:
			order = CompareNumbers(b->at, a->at);
			break;
		case TRAIT_SOURCE_PRIORITY:
			order = CompareNumbers(a->priority, b->priority);
			break;
		case TRAIT_LONGEST:
		case TRAIT_MIN:
		case TRAIT_MAX:
			order = CompareFitted(rule, rule->policy, a, b);
			break;
		default:
			break;
	}
	if (order == 0)
		order = CompareNumbers(a->at, b->at);
	if (order == 0)
		order = CompareNumbers(a->priority, b->priority);
	if (order == 0 && rule->type != TRAIT_TYPE_NONE)
		order = CompareFitted(rule, TRAIT_MAX, a, b);
	if (order == 0)
		order = CompareTraitValues(&a->value, &b->value);
	return order;
}
