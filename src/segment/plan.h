/*
 * plan.h
 *		Rules compiled into one plan of shared metrics.
 *
 *		rules     what is asked for, and what member_of() refers to
 *		  leaves  conditions that are not AND, OR, NOT; equal ones are one
 *		    series  facts of one kind: an event with its condition, and the
 *		            value that is aggregated; equal ones are one
 *		      filters  an event with its condition; equal ones are one
 *
 * Reading goes in three steps.  One scan over the events turns each one that
 * matters into a narrow fact; the facts are sorted by profile; then profiles
 * are read in the order of their ids, and each is evaluated with its facts.
 */
#ifndef CDP_SEGMENT_PLAN_H
#define CDP_SEGMENT_PLAN_H

#include "segment/rule.h"
#include "segment/rule_time.h"

typedef enum ValueKind
{
	VALUE_NULL,
	VALUE_NUMBER,
	VALUE_INTEGER,
	VALUE_TEXT,
	VALUE_BOOLEAN,
	VALUE_JSON,					/* a list or an object */
	VALUE_TIME,
	VALUE_FLOAT					/* of facts only */
} ValueKind;

typedef struct RuleValue
{
	ValueKind	kind;
	int			length;			/* TEXT, JSON: bytes */
	union
	{
		Numeric		number;
		int64		integer;
		const char *text;
		bool		boolean;
		JsonbContainer *json;
		TimestampTz at;
		float8		real;
	};
} RuleValue;

/* One event that matters, of the profile at hand */
typedef struct Fact
{
	TimestampTz at;
	uint32		ordinal;		/* place among the profile's events by (time, message_key) */
	bool		newest;			/* the newest of its value (distinct) */
	RuleValue	value;
} Fact;

typedef struct PlanFilter
{
	char	   *key;
	uint32		hash;
	RuleEvent  *event;
	int			nseries;
	int		   *series;
} PlanFilter;

typedef enum SeriesKind
{
	SERIES_EVENT,
	SERIES_IDENTIFIER,			/* identifiers of one type */
	SERIES_SAMPLE,				/* all identifiers: the smallest key */
	SERIES_LISTED,				/* places in a list, or in the result of a query */
	SERIES_ACCOUNT,				/* accounts: their traits, from when on */
	SERIES_ACCOUNT_END,			/* until when these hold */
	SERIES_INTEREST				/* weights of a topic, or of all topics */
} SeriesKind;

typedef struct PlanSeries
{
	SeriesKind	kind;
	int			filter;
	RuleOperand *value;			/* NULL: nothing but the time */
	char	   *value_key;
	char	   *identifier_type;
	int32		segment_id;		/* LISTED */
	char	   *topic;			/* INTEREST; NULL: all */
	int			nleaves;		/* that read it */
	int		   *leaves;
	uint64	   *rules;			/* quiet ones that read it, a bit each; NULL: none */
	TimestampTz reach;			/* events before this are not needed */
	/* the profile at hand */
	int			nfacts;
	int			space;
	Fact	   *facts;
	pg_uuid_t	first_key;
} PlanSeries;

/* A window over the facts of a series */
typedef struct PlanWindow
{
	int			series;
	const RuleWindow *window;
} PlanWindow;

typedef struct PlanLeaf
{
	RuleNode   *node;
	char	   *key;
	uint32		hash;
	WindowBounds bounds;
	int			series;			/* -1: none */
	int		   *step_series;	/* SEQUENCE */
	int			rule;			/* MEMBER_OF */
	bool		reckons;		/* an expression is compared */
	bool		reads_account;	/* asked of each account */
	int			purpose;		/* CONSENTS_TO: bit; -1 unknown */
	bool		opt_in;
	RuleValue	value;			/* what was compared, for explanations */
} PlanLeaf;

/*
 * What the leaves say, apart from the leaves themselves, because most profiles
 * have facts of few series: a profile starts with a copy of the answers that
 * hold without facts, and only leaves that read more are evaluated.
 */
typedef struct PlanAnswer
{
	TimestampTz until;
	uint8		truth;
	bool		known;
	bool		moved;			/* of this profile only; it is in the plan's list */
} PlanAnswer;

/* A node of a rule's tree; its arguments follow, each with all of its own */
typedef struct PlanNode
{
	uint8		kind;
	bool		boolean;
	int32		leaf;
	int32		nargs;
	int32		end;			/* the node after all of these */
} PlanNode;

/* A property that conditions or metrics read: looked up once an event */
typedef struct PlanProperty
{
	char	   *key;
	RuleOperand *operand;
	uint64		event;
	RuleValue	value;
} PlanProperty;

/* A trait that leaves read: looked up once a profile */
typedef struct PlanTrait
{
	char	   *key;
	int			length;
	uint64		epoch;
	RuleValue	value;
} PlanTrait;

typedef struct PlanRule
{
	int32		segment_id;		/* 0: not a stored segment */
	char	   *name;
	char	   *text;			/* of a stored segment's rule */
	RuleNode   *tree;
	int			nnodes;
	PlanNode   *nodes;
	bool		compiling;
	bool		compiled;
	uint64		epoch;
	Truth		truth;
	TimestampTz until;
} PlanRule;

typedef struct RulePlan
{
	MemoryContext context;
	MemoryContext profile_context;	/* reset for each profile */
	TimestampTz as_of;
	TimestampTz since;			/* the first as_of */
	pg_tz	   *zone;
	bool		read_only;		/* called from a STABLE function */
	bool		wants_until;
	bool		allow_unknown;	/* unknown segments and purposes match nobody */
	bool		traits_only;	/* raise on anything but traits */
	struct ComputedSet *computed;	/* NULL: no rule was compiled yet */

	int			nrules;
	PlanRule   *rules;
	int32		adding;			/* segment whose list or query is compiled */
	int			nleaves;
	PlanLeaf   *leaves;
	int			nseries;
	PlanSeries *series;
	int			nwindows;
	PlanWindow *windows;
	int			nfilters;
	PlanFilter *filters;
	int			nproperties;
	PlanProperty *properties;
	int			ntraits;
	PlanTrait  *traits;
	int			space_properties,
				space_traits,
				space_rules,
				space_leaves,
				space_series,
				space_windows,
				space_filters;

	bool		needs_traits;
	bool		needs_events;
	bool		any_event;		/* all names matter */
	bool		needs_properties;
	bool		needs_revenue;
	bool		needs_identifiers;
	bool		needs_listed;
	bool		needs_consents;
	bool		needs_accounts;
	bool		needs_interests;
	int			account_series; /* and the next one, of their ends */
	int			interest_series;	/* of all topics */
	TimestampTz interest_reach;
	Oid			reader;			/* for whom is read; InvalidOid: who reads all */
	TimestampTz reach;

	bool		empty_known;
	TimestampTz empty_at;
	PlanAnswer *empty;			/* answers without facts, at this time */
	PlanAnswer *answers;		/* those of the profile at hand */
	bool		all_moved;
	int			nmoved;			/* leaves whose answers are not the empty ones */
	int		   *moved;

	int			nwords;			/* of a set of rules, a bit each */
	uint64	   *outspoken;		/* not quiet */
	uint64	   *asked;			/* all others answer FALSE or unknown for ever */

	JsonbContainer *account;	/* traits of the account at hand; NULL: none */

	uint64		epoch;			/* number of the profile at hand */
	uint64		event;			/* number of the event at hand */
	int			nfilled;		/* series that have facts of it */
	int		   *filled;
} RulePlan;

/* What is read of a profile */
typedef struct ProfileRow
{
	int64		profile_id;
	bool		living;
	JsonbContainer *traits;		/* NULL: not read */
	int64		granted;
	int64		denied;
	bool		folded_known;	/* the ledger was folded at as_of */
	int64		folded;
	TimestampTz consent_until;
	/* profile_state, when asked for */
	bool		has_state;
	ArrayType  *segment_ids;
	Jsonb	   *computed;
	TimestampTz due_at;
} ProfileRow;

/* What is read of an event, or of an element of a list */
typedef struct EventRow
{
	JsonbContainer *properties;
	Numeric		revenue;		/* NULL: none */
	const RuleValue *element;	/* inside any(), all(), none() */
} EventRow;

typedef void (*ProfileCallback) (RulePlan *plan, ProfileRow *row, void *arg);

/* plan.c */
extern RulePlan *NewPlan(TimestampTz as_of, bool read_only);
extern int	PlanAddRule(RulePlan *plan, int32 segment_id, const char *name, RuleNode *tree);
extern void PlanAddExpression(RulePlan *plan, RuleOperand *operand);
extern int	PlanAddSegment(RulePlan *plan, const char *name);
extern void SetPlanTime(RulePlan *plan, TimestampTz as_of);
extern void MovePlan(RulePlan *plan, TimestampTz as_of);
extern bool PlanIsCurrent(RulePlan *plan);
extern struct ComputedSet *PlanComputedSet(RulePlan *plan);
extern pg_tz *SettingZone(bool read_only);

/* value.c */
extern RuleValue JsonValue(JsonbValue *v);
extern RuleValue TraitValue(JsonbContainer *traits, const char *key, int length);
extern RuleValue PathValue(JsonbContainer *json, int npath, char **path);
extern Truth LeafTruth(const RuleNode *node, const RuleValue *value, const WindowBounds *bounds, pg_tz *zone);
extern int	CompareValues(const RuleValue *a, const RuleValue *b);
extern bool ValueTime(const RuleValue *value, pg_tz *zone, TimestampTz *at);
extern Truth NotTruth(Truth truth);
extern Truth OrderTruth(RuleOperator op, int order);
extern char *ValueText(const RuleValue *value);

/* metric.c, sequence.c */
extern void EvaluateMetric(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer);
extern void EvaluateSequence(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer);
extern RuleValue MetricAt(RulePlan *plan, const RuleOperand *operand, TimestampTz at, TimestampTz *next);
extern int	UniqueFacts(RulePlan *plan, const RuleOperand *operand, TimestampTz at, Fact ***facts, TimestampTz *next);
extern int	CountUntil(const PlanSeries *series, TimestampTz at);
extern RuleValue InterestAt(RulePlan *plan, const RuleOperand *operand, TimestampTz at, TimestampTz *next);

/* rule_eval.c */
extern void StartProfile(RulePlan *plan);
extern void ReadyProfile(RulePlan *plan);
extern void ForgetAnswers(RulePlan *plan);
extern void EvaluateNode(RulePlan *plan, ProfileRow *row, const PlanNode *nodes, int at, Truth *truth, TimestampTz *until);
extern Truth EvaluateRule(RulePlan *plan, ProfileRow *row, int rule, TimestampTz *until);
extern RuleValue ProfileTrait(RulePlan *plan, ProfileRow *row, const RuleOperand *operand);
extern Truth EventTruth(RulePlan *plan, RuleNode *where, const EventRow *event);
extern RuleValue EventValue(RulePlan *plan, const RuleOperand *operand, const EventRow *event);

/* quiet.c */
extern void FindQuietRules(RulePlan *plan);
extern void ChooseRules(RulePlan *plan);

/* scan.c */
extern void EvaluateProfiles(RulePlan *plan, bool with_state, int64 *ids, int nids,
							 ProfileCallback callback, void *arg);

#endif							/* CDP_SEGMENT_PLAN_H */
