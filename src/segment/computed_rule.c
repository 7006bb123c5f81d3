/*
 * computed_rule.c
 *		Computed traits that rules and other computed traits are about.
 *
 * The name of a computed trait stands for its expression:
 *
 *		orders_30d >= 3      is      count('Order Completed' WITHIN 30 DAYS) >= 3
 *
 * so it is as exact as that, at any time, whatever was refreshed when.  The
 * expression takes the place of the name in the tree; one that is used often
 * is one tree with many parents.
 */
#include "core/core.h"

#include "executor/spi.h"

#include "segment/computed_rule.h"

PG_FUNCTION_INFO_V1(cdp_check_computed_trait);
PG_FUNCTION_INFO_V1(cdp_computed_type);

typedef struct ComputedTrait
{
	char	   *name;
	char	   *expression;
	RuleOperand *operand;		/* NULL: not parsed yet */
	bool		expanding;
	int			size;			/* operands, when all names are replaced */
} ComputedTrait;

struct ComputedSet
{
	MemoryContext context;
	bool		read_only;
	bool		loaded;
	int			ntraits;
	ComputedTrait *traits;
};

static RuleOperand *Expand(ComputedSet *set, RuleOperand *operand, int *size);

/* In the present memory context */
ComputedSet *
NewComputedSet(bool read_only)
{
	ComputedSet *set = palloc0(sizeof(ComputedSet));

	set->context = CurrentMemoryContext;
	set->read_only = read_only;
	return set;
}

/* All of them: they are few, and rules ask for any name.  Within SPI. */
static void
ReadAll(ComputedSet *set)
{
	static SPIPlanPtr plan = NULL;

	if (plan == NULL)
	{
		SPIPlanPtr	fresh = SPI_prepare("SELECT name, expression FROM cdp.computed_trait ORDER BY name", 0, NULL);

		if (fresh == NULL || SPI_keepplan(fresh) != 0)
			elog(ERROR, "could not read computed traits: %s", SPI_result_code_string(SPI_result));
		plan = fresh;
	}
	if (SPI_execute_plan(plan, NULL, NULL, set->read_only, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read computed traits");
}

static void
Load(ComputedSet *set)
{
	MemoryContext old;

	set->loaded = true;
	SPI_connect();
	ReadAll(set);
	old = MemoryContextSwitchTo(set->context);
	set->traits = palloc0(Max(SPI_processed, 1) * sizeof(ComputedTrait));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ComputedTrait *trait = &set->traits[set->ntraits++];

		trait->name = pstrdup(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
		trait->expression = pstrdup(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2));
	}
	MemoryContextSwitchTo(old);
	SPI_finish();
}

/* Are they still what a plan was made of? */
bool
ComputedSetIsCurrent(ComputedSet *set)
{
	bool		same = true;

	if (!set->loaded)
		return true;
	SPI_connect();
	ReadAll(set);
	same = SPI_processed == set->ntraits;
	for (uint64 i = 0; i < SPI_processed && same; i++)
		same = strcmp(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1), set->traits[i].name) == 0 &&
			strcmp(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2), set->traits[i].expression) == 0;
	SPI_finish();
	return same;
}

/* The traits that are being expanded, and the one that closes the circle */
static char *
CircleOf(ComputedSet *set, ComputedTrait *trait)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < set->ntraits; i++)
		if (set->traits[i].expanding)
			appendStringInfo(&buf, "%s\"%s\"", buf.len > 0 ? ", " : "", set->traits[i].name);
	return buf.data;
}

static ComputedTrait *
Find(ComputedSet *set, const char *name)
{
	int			low = 0;

	if (!set->loaded)
		Load(set);
	for (low = 0; low < set->ntraits; low++)
		if (strcmp(set->traits[low].name, name) == 0)
			return &set->traits[low];
	return NULL;
}

static void
CountOperands(int *size, int more)
{
	*size += more;
	if (*size > RULE_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("computed traits are nested too often"),
				 errdetail("With all of them replaced by their expressions there are more than %d parts.", RULE_MAX_NODES)));
}

static RuleOperand *
ExpressionOf(ComputedSet *set, ComputedTrait *trait)
{
	if (trait->expanding)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_RECURSION),
				 errmsg("computed trait \"%s\" refers to itself", trait->name),
				 errdetail("Those that refer to each other: %s.", CircleOf(set, trait))));
	if (trait->operand == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(set->context);
		RuleOperand *operand = ParseComputed(trait->expression, strlen(trait->expression));

		trait->expanding = true;
		trait->size = 0;
		operand = Expand(set, operand, &trait->size);
		operand->alias = trait->name;
		trait->expanding = false;
		trait->operand = operand;
		MemoryContextSwitchTo(old);
	}
	return trait->operand;
}

/* With names of computed traits replaced */
static RuleOperand *
Expand(ComputedSet *set, RuleOperand *operand, int *size)
{
	ComputedTrait *trait;

	check_stack_depth();
	CountOperands(size, 1);
	for (int i = 0; i < operand->nargs; i++)
	{
		RuleOperand *arg = Expand(set, operand->args[i], size);

		if (arg->alias && (OperandClassOf(arg) == CLASS_TIME ||
						   (arg->kind == OPERAND_AGGREGATE && arg->aggregate == AGGREGATE_UNIQUE_LIST)))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("computed trait \"%s\" is no number", arg->alias),
					 errhint("It cannot be reckoned with.")));
		operand->args[i] = arg;
	}
	if (operand->kind != OPERAND_TRAIT && operand->kind != OPERAND_ANNIVERSARY)
		return operand;
	trait = Find(set, operand->key);
	if (trait == NULL)
		return operand;
	if (operand->kind == OPERAND_ANNIVERSARY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("anniversary() of a computed trait is not supported: \"%s\"", operand->key)));
	operand = ExpressionOf(set, trait);
	CountOperands(size, trait->size);
	return operand;
}

/* Is the computed trait compared with what it can be compared with? */
static void
CheckComparison(const RuleNode *node)
{
	OperandClass class = OperandClassOf(node->operand);
	bool		fits = true;

	switch (node->kind)
	{
		case RULE_LIKE:
		case RULE_ILIKE:
		case RULE_REGEX:
		case RULE_STARTS:
		case RULE_ENDS:
		case RULE_CONTAINS:
			fits = class == CLASS_JSON;
			break;
		case RULE_ELEMENT:
			/* other expressions are numbers */
			fits = class == CLASS_JSON;
			break;
		case RULE_WITHIN:
			fits = class != CLASS_NUMBER;
			break;
		default:
			for (int i = 0; i < node->nvalues; i++)
				fits &= class == CLASS_JSON || node->values[i].kind == (class == CLASS_TIME ? LITERAL_TIME : LITERAL_NUMBER);
			break;
	}
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("computed trait \"%s\" is a %s and cannot be compared in this way", node->operand->alias,
						class == CLASS_TIME ? "time" : "number"),
				 errdetail("At character %d.", node->position)));
}

static void
ExpandNode(ComputedSet *set, RuleNode *node, int *size)
{
	check_stack_depth();
	for (int i = 0; i < node->nargs; i++)
		ExpandNode(set, node->args[i], size);
	if (node->operand)
	{
		node->operand = Expand(set, node->operand, size);
		if (node->operand->alias)
			CheckComparison(node);
	}
	if (node->other)
		node->other = Expand(set, node->other, size);
}

void
ExpandRule(ComputedSet *set, RuleNode *rule)
{
	int			size = 0;

	ExpandNode(set, rule, &size);
}

/* The expression of a computed trait */
void
ExpandExpression(ComputedSet *set, RuleOperand *operand)
{
	int			size = 0;

	(void) Expand(set, operand, &size);
}

/* ---- from SQL ---- */

/* check_computed_trait(name): raises when its expression cannot be reckoned */
Datum
cdp_check_computed_trait(PG_FUNCTION_ARGS)
{
	ComputedSet *set = NewComputedSet(false);
	ComputedTrait *trait = Find(set, text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (trait != NULL)
		(void) ExpressionOf(set, trait);
	PG_RETURN_VOID();
}

/* computed_type(expression): type of its column in the customer view */
Datum
cdp_computed_type(PG_FUNCTION_ARGS)
{
	text	   *expression = PG_GETARG_TEXT_PP(0);
	RuleOperand *operand = ParseComputed(VARDATA_ANY(expression), VARSIZE_ANY_EXHDR(expression));
	const char *type;

	if (OperandClassOf(operand) == CLASS_TIME)
		type = "timestamptz";
	else if (operand->kind != OPERAND_AGGREGATE)
		type = "float8";
	else if (operand->aggregate == AGGREGATE_COUNT || operand->aggregate == AGGREGATE_DISTINCT)
		type = "bigint";
	else if (operand->aggregate == AGGREGATE_UNIQUE_LIST)
		type = "text[]";
	else
		type = OperandClassOf(operand) == CLASS_NUMBER ? "float8" : "text";
	PG_RETURN_TEXT_P(cstring_to_text(type));
}
