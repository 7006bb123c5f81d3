/*
 * rule.h
 *		The segment rule: its text, its tree and its stored form.
 *
 * A rule is a condition on one profile, in the manner of SQL:
 *
 *		country = 'PL' AND count('Order Completed' WITHIN 90 DAYS) >= 2
 *
 *		AND
 *		 +- COMPARE >=            operand: trait "country", value 'PL'
 *		 +- COMPARE >=            operand: AGGREGATE count, value 2
 *		                                    +- event, where-tree, window
 *
 * Stored form of type segment_rule (a varlena):
 *
 *		+--------+---------+----------------------------------+
 *		| length | version | canonical text, server encoding  |
 *		| 4 (1)  | 1 byte  | no terminating zero              |
 *		+--------+---------+----------------------------------+
 *
 * Text and not a tree, because parsing takes about a microsecond, nothing has
 * to be checked on the way in, and old values stay readable when the language
 * grows.  Equal text is equal rules, so comparison is memcmp.  On the wire:
 * the version byte and the text.
 */
#ifndef CDP_SEGMENT_RULE_H
#define CDP_SEGMENT_RULE_H

#include "core/core.h"

#define RULE_FORMAT_VERSION 1
#define RULE_MAX_TEXT (1024 * 1024)
#define RULE_MAX_NODES 65535
#define RULE_MAX_DEPTH 128
#define RULE_MAX_NUMBER 1000	/* digits of a number written in a rule */
#define RULE_MAX_WINDOW_YEARS 1000

/* predicted('churn') is the trait predicted.churn */
#define PREDICTED_PREFIX "predicted."
/* account.plan is the trait "plan" of an account; the person's own is "account.plan" */
#define ACCOUNT_PREFIX "account."

/* SQL's three truth values */
typedef enum Truth
{
	TRUTH_FALSE,
	TRUTH_TRUE,
	TRUTH_UNKNOWN
} Truth;

typedef enum RuleKind
{
	RULE_AND,
	RULE_OR,
	RULE_NOT,
	RULE_CONSTANT,				/* TRUE, FALSE */
	RULE_COMPARE,				/* = <> < <= > >= */
	RULE_DISTINCT,				/* IS [NOT] DISTINCT FROM */
	RULE_IN,
	RULE_BETWEEN,
	RULE_LIKE,
	RULE_ILIKE,
	RULE_REGEX,					/* ~, !~ */
	RULE_STARTS,				/* STARTS WITH */
	RULE_ENDS,					/* ENDS WITH */
	RULE_IS_NULL,
	RULE_CONTAINS,
	RULE_WITHIN,				/* a time lies in a window */
	RULE_ELEMENT,				/* any(), all(), none() */
	RULE_DID,
	RULE_SEQUENCE,
	RULE_MEMBER_OF,
	RULE_CONSENTS_TO,
	RULE_HAS_IDENTIFIER,
	RULE_SAMPLE,
	RULE_LISTED					/* in no rule: what a list or a query says; name tells which */
} RuleKind;

typedef enum RuleOperator
{
	OPERATOR_EQ,
	OPERATOR_NE,
	OPERATOR_LT,
	OPERATOR_LE,
	OPERATOR_GT,
	OPERATOR_GE
} RuleOperator;

typedef enum LiteralKind
{
	LITERAL_TEXT,
	LITERAL_NUMBER,
	LITERAL_BOOLEAN,
	LITERAL_TIME				/* DATE '...', TIMESTAMP '...' */
} LiteralKind;

typedef struct RuleLiteral
{
	LiteralKind kind;
	char	   *text;			/* as printed: number normalized, time as written */
	int			length;
	Numeric		number;
	bool		is_integer;		/* number, in integer */
	int64		integer;
	bool		boolean;
	TimestampTz at;				/* filled when the zone is known */
	int			position;
} RuleLiteral;

typedef enum WindowKind
{
	WINDOW_NONE,
	WINDOW_LAST,				/* WITHIN [LAST] n units */
	WINDOW_NEXT,				/* WITHIN NEXT n units */
	WINDOW_THIS,				/* THIS unit: the calendar unit of now */
	WINDOW_CALENDAR,			/* LAST n CALENDAR units: whole ones before it */
	WINDOW_SINCE,
	WINDOW_AFTER,
	WINDOW_BEFORE,
	WINDOW_BETWEEN
} WindowKind;

typedef enum WindowUnit
{
	UNIT_MINUTE,
	UNIT_HOUR,
	UNIT_DAY,
	UNIT_WEEK,
	UNIT_MONTH,
	UNIT_QUARTER,
	UNIT_YEAR
} WindowUnit;

typedef struct RuleWindow
{
	WindowKind	kind;
	WindowUnit	unit;
	int32		count;
	RuleLiteral *low;			/* SINCE, BETWEEN */
	RuleLiteral *high;
} RuleWindow;

/* An event that is counted: name (NULL: any), condition on its properties */
typedef struct RuleEvent
{
	char	   *name;
	struct RuleNode *where;
	int			position;
	int			filter;			/* number in the plan */
} RuleEvent;

typedef enum AggregateKind
{
	AGGREGATE_COUNT,
	AGGREGATE_SUM,
	AGGREGATE_AVG,
	AGGREGATE_MIN,
	AGGREGATE_MAX,
	AGGREGATE_FIRST,
	AGGREGATE_LAST,
	AGGREGATE_DISTINCT,
	AGGREGATE_DID,
	AGGREGATE_DAYS_SINCE_LAST,
	AGGREGATE_MOST_FREQUENT,	/* these two in computed traits only */
	AGGREGATE_UNIQUE_LIST
} AggregateKind;

typedef enum OperandKind
{
	OPERAND_TRAIT,
	OPERAND_ANNIVERSARY,		/* the yearly day of a date trait */
	OPERAND_PROPERTY,			/* of an event, inside WHERE and aggregates */
	OPERAND_REVENUE,			/* event.revenue_base */
	OPERAND_AGGREGATE,
	OPERAND_ELEMENT,			/* part of an element; no path: the element itself */
	OPERAND_LITERAL,			/* a number in an expression */
	OPERAND_ARITHMETIC,			/* + - * / */
	OPERAND_DISTANCE,			/* between two points, kilometres */
	OPERAND_ACCOUNT,			/* a trait of an account that the person belongs to */
	OPERAND_INTEREST			/* interest('topic'): its share of all interests */
} OperandKind;

/* What an operand can be compared with */
typedef enum OperandClass
{
	CLASS_JSON,					/* known only from the data */
	CLASS_NUMBER,
	CLASS_TIME,
	CLASS_ANNIVERSARY
} OperandClass;

typedef struct RuleOperand
{
	OperandKind kind;
	int			position;
	char	   *alias;			/* the computed trait that this is the expression of */
	char	   *key;			/* trait: the key in profile.traits, or of an account; topic */
	int			npath;			/* property: the keys from outside in */
	char	  **path;
	AggregateKind aggregate;
	RuleEvent  *event;
	struct RuleOperand *value;	/* what is aggregated: property, revenue, NULL */
	RuleWindow	window;
	int			series;			/* numbers in the plan; slot: of a trait or a property, from 1 */
	int			slot;
	/* expressions */
	char		op;
	int			nargs;
	struct RuleOperand **args;
	RuleLiteral *literal;
} RuleOperand;

typedef struct RuleStep
{
	RuleEvent  *event;
	bool		negated;		/* THEN NOT */
	RuleWindow	window;			/* WITHIN after the step before */
	int			series;
} RuleStep;

typedef enum Quantifier
{
	QUANTIFIER_ANY,
	QUANTIFIER_ALL,
	QUANTIFIER_NONE
} Quantifier;

typedef struct RuleNode
{
	RuleKind	kind;
	bool		negated;		/* NOT IN, NOT LIKE, IS NOT NULL ... */
	bool		boolean;		/* CONSTANT */
	RuleOperator op;
	int			position;
	int			nargs;			/* AND, OR, NOT; ELEMENT: its condition */
	struct RuleNode **args;
	RuleOperand *operand;
	RuleOperand *other;			/* COMPARE: an expression instead of a value */
	Quantifier	quantifier;
	int			nvalues;
	RuleLiteral *values;
	RuleWindow	window;			/* WITHIN, and outer window of a sequence */
	char	   *name;			/* MEMBER_OF, CONSENTS_TO, HAS_IDENTIFIER */
	int			nsteps;
	RuleStep   *steps;
	RuleOperand *same;			/* SEQUENCE: the property that is the same in all steps */
} RuleNode;

/* rule_parse.c */
extern RuleNode *ParseRule(const char *text, int length, Node *escontext);
extern RuleOperand *ParseComputed(const char *text, int length);

/* rule_print.c */
extern char *PrintRule(RuleNode *rule);
extern void PrintRuleNode(StringInfo buf, RuleNode *node);
extern void PrintOperand(StringInfo buf, RuleOperand *operand);
extern void PrintEvent(StringInfo buf, RuleEvent *event);
extern void PrintText(StringInfo buf, const char *text);
extern bool IsReservedWord(const char *word, int length);
extern const char *AggregateName(AggregateKind kind);

/* rule_io.c */
typedef struct SegmentRule
{
	int32		vl_len_;
	uint8		version;
	char		text[FLEXIBLE_ARRAY_MEMBER];
} SegmentRule;

#define DatumGetSegmentRule(d) ((SegmentRule *) PG_DETOAST_DATUM(d))
#define SegmentRuleTextLength(r) (VARSIZE(r) - offsetof(SegmentRule, text))

extern RuleNode *SegmentRuleTree(SegmentRule *rule);

/* Is it reckoned from others? */
static inline bool
IsExpression(const RuleOperand *operand)
{
	return operand->kind == OPERAND_LITERAL || operand->kind == OPERAND_ARITHMETIC ||
		operand->kind == OPERAND_DISTANCE || operand->kind == OPERAND_INTEREST;
}

/* Does it read the person's accounts? */
static inline bool
ReadsAccount(const RuleOperand *operand)
{
	if (operand == NULL)
		return false;
	for (int i = 0; i < operand->nargs; i++)
		if (ReadsAccount(operand->args[i]))
			return true;
	return operand->kind == OPERAND_ACCOUNT;
}

static inline OperandClass
OperandClassOf(const RuleOperand *operand)
{
	switch (operand->kind)
	{
		case OPERAND_ANNIVERSARY:
			return CLASS_ANNIVERSARY;
		case OPERAND_REVENUE:
		case OPERAND_LITERAL:
		case OPERAND_ARITHMETIC:
		case OPERAND_DISTANCE:
		case OPERAND_INTEREST:
			return CLASS_NUMBER;
		case OPERAND_AGGREGATE:
			if (operand->aggregate == AGGREGATE_FIRST || operand->aggregate == AGGREGATE_LAST)
			{
				if (operand->value == NULL)
					return CLASS_TIME;
				return OperandClassOf(operand->value);
			}
			if (operand->aggregate == AGGREGATE_MOST_FREQUENT || operand->aggregate == AGGREGATE_UNIQUE_LIST)
				return CLASS_JSON;
			return CLASS_NUMBER;
		default:
			return CLASS_JSON;
	}
}

#endif							/* CDP_SEGMENT_RULE_H */
