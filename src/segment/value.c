/*
 * value.c
 *		Values of traits, properties and metrics, and how they compare.
 *
 * A number compares only with a JSON number, text only with a JSON string,
 * TRUE only with a JSON boolean, a time only with a string that is one;
 * anything else is unknown, never an error.  JSON null is a missing value.
 */
#include "core/core.h"

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "nodes/value.h"

#include "segment/plan.h"

RuleValue
JsonValue(JsonbValue *v)
{
	RuleValue	value = {VALUE_NULL};

	if (v == NULL)
		return value;
	switch (v->type)
	{
		case jbvString:
			value.kind = VALUE_TEXT;
			value.text = v->val.string.val;
			value.length = v->val.string.len;
			break;
		case jbvNumeric:
			value.kind = VALUE_NUMBER;
			value.number = v->val.numeric;
			break;
		case jbvBool:
			value.kind = VALUE_BOOLEAN;
			value.boolean = v->val.boolean;
			break;
		case jbvBinary:
			value.kind = VALUE_JSON;
			value.json = v->val.binary.data;
			value.length = v->val.binary.len;
			break;
		default:
			break;
	}
	return value;
}

RuleValue
TraitValue(JsonbContainer *traits, const char *key, int length)
{
	JsonbValue	found;

	if (traits == NULL || !JsonContainerIsObject(traits))
		return JsonValue(NULL);
	return JsonValue(getKeyJsonValueFromContainer(traits, key, length, &found));
}

RuleValue
PathValue(JsonbContainer *json, int npath, char **path)
{
	RuleValue	value = {VALUE_NULL};

	for (int i = 0; i < npath; i++)
	{
		value = TraitValue(json, path[i], strlen(path[i]));
		if (i < npath - 1 && value.kind != VALUE_JSON)
			return JsonValue(NULL);
		json = value.json;
	}
	return value;
}

Truth
NotTruth(Truth truth)
{
	return truth == TRUTH_UNKNOWN ? truth : truth == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static inline Truth
TruthOf(bool b)
{
	return b ? TRUTH_TRUE : TRUTH_FALSE;
}

static int
CompareText(const char *a, int la, const char *b, int lb)
{
	int			result = memcmp(a, b, Min(la, lb));

	return result != 0 ? result : (la > lb) - (la < lb);
}

static Numeric
ValueNumber(const RuleValue *value)
{
	return value->kind == VALUE_INTEGER ? int64_to_numeric(value->integer) : value->number;
}

static int
CompareNumbers(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/* Any order that puts equal values together (distinct) and sorts numbers (min, max) */
int
CompareValues(const RuleValue *a, const RuleValue *b)
{
	if (a->kind != b->kind)
		return (int) a->kind - (int) b->kind;
	switch (a->kind)
	{
		case VALUE_NUMBER:
			return CompareNumbers(a->number, b->number);
		case VALUE_INTEGER:
			return (a->integer > b->integer) - (a->integer < b->integer);
		case VALUE_TEXT:
			return CompareText(a->text, a->length, b->text, b->length);
		case VALUE_BOOLEAN:
			return (int) a->boolean - (int) b->boolean;
		case VALUE_JSON:
			return compareJsonbContainers(a->json, b->json);
		case VALUE_TIME:
			return (a->at > b->at) - (a->at < b->at);
		default:
			return 0;
	}
}

bool
ValueTime(const RuleValue *value, pg_tz *zone, TimestampTz *at)
{
	if (value->kind == VALUE_TIME)
	{
		*at = value->at;
		return true;
	}
	return value->kind == VALUE_TEXT && ParseIsoTime(value->text, value->length, zone, at);
}

/* Sets *order; false when the two do not compare */
static bool
CompareWithLiteral(const RuleValue *value, const RuleLiteral *literal, pg_tz *zone, int *order)
{
	TimestampTz at;

	switch (literal->kind)
	{
		case LITERAL_TEXT:
			if (value->kind != VALUE_TEXT)
				return false;
			*order = CompareText(value->text, value->length, literal->text, literal->length);
			return true;
		case LITERAL_NUMBER:
			if (value->kind == VALUE_INTEGER && literal->is_integer)
			{
				*order = (value->integer > literal->integer) - (value->integer < literal->integer);
				return true;
			}
			if (value->kind != VALUE_NUMBER && value->kind != VALUE_INTEGER)
				return false;
			*order = CompareNumbers(ValueNumber(value), literal->number);
			return true;
		case LITERAL_BOOLEAN:
			if (value->kind != VALUE_BOOLEAN)
				return false;
			*order = (int) value->boolean - (int) literal->boolean;
			return true;
		case LITERAL_TIME:
			if (!ValueTime(value, zone, &at))
				return false;
			*order = (at > literal->at) - (at < literal->at);
			return true;
	}
	return false;
}

static bool
OrderSatisfies(RuleOperator op, int order)
{
	switch (op)
	{
		case OPERATOR_EQ:
			return order == 0;
		case OPERATOR_NE:
			return order != 0;
		case OPERATOR_LT:
			return order < 0;
		case OPERATOR_LE:
			return order <= 0;
		case OPERATOR_GT:
			return order > 0;
		case OPERATOR_GE:
			return order >= 0;
	}
	return false;
}

Truth
OrderTruth(RuleOperator op, int order)
{
	return TruthOf(OrderSatisfies(op, order));
}

static Truth
InTruth(const RuleNode *node, const RuleValue *value, pg_tz *zone)
{
	bool		unknown = false;
	int			order;

	for (int i = 0; i < node->nvalues; i++)
	{
		if (!CompareWithLiteral(value, &node->values[i], zone, &order))
			unknown = true;
		else if (order == 0)
			return TRUTH_TRUE;
	}
	return unknown ? TRUTH_UNKNOWN : TRUTH_FALSE;
}

/* value >= low AND value <= high */
static Truth
BetweenTruth(const RuleNode *node, const RuleValue *value, pg_tz *zone)
{
	int			low;
	int			high;
	bool		low_known = CompareWithLiteral(value, &node->values[0], zone, &low);
	bool		high_known = CompareWithLiteral(value, &node->values[1], zone, &high);

	if ((low_known && low < 0) || (high_known && high > 0))
		return TRUTH_FALSE;
	return low_known && high_known ? TRUTH_TRUE : TRUTH_UNKNOWN;
}

/* ICU's root collation, by which ILIKE folds case wherever the database is */
static Oid
RootCollation(void)
{
	static Oid	root = InvalidOid;

	if (!OidIsValid(root))
	{
		root = get_collation_oid(list_make2(makeString("pg_catalog"), makeString("und-x-icu")), true);
		if (!OidIsValid(root))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("ILIKE in segment rules needs PostgreSQL built with ICU"),
					 errdetail("Collation \"und-x-icu\" does not exist.")));
	}
	return root;
}

static Truth
LikeTruth(const RuleNode *node, const RuleValue *value)
{
	Datum		text;
	Datum		pattern;
	bool		result;

	if (value->kind != VALUE_TEXT)
		return TRUTH_UNKNOWN;
	text = PointerGetDatum(cstring_to_text_with_len(value->text, value->length));
	pattern = PointerGetDatum(cstring_to_text_with_len(node->values[0].text, node->values[0].length));
	if (node->kind == RULE_LIKE)
		result = DatumGetBool(DirectFunctionCall2Coll(textlike, C_COLLATION_OID, text, pattern));
	else
		result = DatumGetBool(DirectFunctionCall2Coll(texticlike, RootCollation(), text, pattern));
	return TruthOf(result);
}

static Truth
RegexTruth(const RuleNode *node, const RuleValue *value)
{
	if (value->kind != VALUE_TEXT)
		return TRUTH_UNKNOWN;
	return TruthOf(DatumGetBool(DirectFunctionCall2Coll(
		textregexeq, C_COLLATION_OID,
		PointerGetDatum(cstring_to_text_with_len(value->text, value->length)),
		PointerGetDatum(cstring_to_text_with_len(node->values[0].text, node->values[0].length)))));
}

static Truth
EdgeTruth(const RuleNode *node, const RuleValue *value)
{
	const RuleLiteral *edge = &node->values[0];

	if (value->kind != VALUE_TEXT)
		return TRUTH_UNKNOWN;
	return TruthOf(value->length >= edge->length &&
				   memcmp(node->kind == RULE_STARTS ? value->text : value->text + value->length - edge->length,
						  edge->text, edge->length) == 0);
}

static bool
FindBytes(const char *hay, int hay_length, const char *needle, int length)
{
	if (length == 0)
		return true;
	for (int i = 0; i + length <= hay_length; i++)
		if (hay[i] == needle[0] && memcmp(hay + i, needle, length) == 0)
			return true;
	return false;
}

/* A list contains an equal element; a text contains a text */
static Truth
ContainsTruth(const RuleNode *node, const RuleValue *value, pg_tz *zone)
{
	const RuleLiteral *literal = &node->values[0];
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;

	if (value->kind == VALUE_TEXT && literal->kind == LITERAL_TEXT)
		return TruthOf(FindBytes(value->text, value->length, literal->text, literal->length));
	if (value->kind != VALUE_JSON || !JsonContainerIsArray(value->json))
		return TRUTH_UNKNOWN;
	it = JsonbIteratorInit(value->json);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		RuleValue	element;
		int			order;

		if (token != WJB_ELEM)
			continue;
		element = JsonValue(&v);
		if (CompareWithLiteral(&element, literal, zone, &order) && order == 0)
			return TRUTH_TRUE;
	}
	return TRUTH_FALSE;
}

/* Truth of a comparison for a value */
Truth
LeafTruth(const RuleNode *node, const RuleValue *value, const WindowBounds *bounds, pg_tz *zone)
{
	Truth		truth;
	TimestampTz at;
	int			order;

	if (node->kind == RULE_IS_NULL)
		return TruthOf((value->kind == VALUE_NULL) != node->negated);
	if (node->kind == RULE_DISTINCT)
		return TruthOf((value->kind == VALUE_NULL || !CompareWithLiteral(value, &node->values[0], zone, &order) ||
						order != 0) != node->negated);
	if (value->kind == VALUE_NULL)
		return TRUTH_UNKNOWN;
	switch (node->kind)
	{
		case RULE_COMPARE:
			if (!CompareWithLiteral(value, &node->values[0], zone, &order))
				return TRUTH_UNKNOWN;
			return TruthOf(OrderSatisfies(node->op, order));
		case RULE_IN:
			truth = InTruth(node, value, zone);
			break;
		case RULE_BETWEEN:
			truth = BetweenTruth(node, value, zone);
			break;
		case RULE_LIKE:
		case RULE_ILIKE:
			truth = LikeTruth(node, value);
			break;
		case RULE_REGEX:
			truth = RegexTruth(node, value);
			break;
		case RULE_STARTS:
		case RULE_ENDS:
			truth = EdgeTruth(node, value);
			break;
		case RULE_CONTAINS:
			truth = ContainsTruth(node, value, zone);
			break;
		case RULE_WITHIN:
			if (bounds == NULL || !ValueTime(value, zone, &at))
				return TRUTH_UNKNOWN;
			truth = TruthOf(InWindow(bounds, at));
			break;
		default:
			elog(ERROR, "unexpected kind of condition: %d", node->kind);
	}
	return node->negated ? NotTruth(truth) : truth;
}

/* For explanations; NULL for a missing value */
char *
ValueText(const RuleValue *value)
{
	StringInfoData buf;

	switch (value->kind)
	{
		case VALUE_NUMBER:
			return numeric_normalize(value->number);
		case VALUE_INTEGER:
			return psprintf(INT64_FORMAT, value->integer);
		case VALUE_TEXT:
			return pnstrdup(value->text, value->length);
		case VALUE_BOOLEAN:
			return pstrdup(value->boolean ? "true" : "false");
		case VALUE_JSON:
			initStringInfo(&buf);
			return JsonbToCString(&buf, value->json, 0);
		case VALUE_TIME:
			return pstrdup(timestamptz_to_str(value->at));
		default:
			return NULL;
	}
}
