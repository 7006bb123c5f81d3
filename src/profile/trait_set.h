/*
 * trait_set.h
 *		Statements about traits, and what each merge policy keeps of them.
 *
 * A statement is (trait, time, source priority, value).  A TraitSet holds, per
 * trait, the statements that its policy needs: the one best statement, or the
 * best so many for a policy that looks at several.  It is the best part of a
 * set under a total order, so the order in which statements are added, and
 * how often, never matters.
 */
#ifndef CDP_TRAIT_SET_H
#define CDP_TRAIT_SET_H

#include "profile/trait_type.h"

typedef enum TraitPolicy
{
	TRAIT_LATEST,
	TRAIT_EARLIEST,
	TRAIT_SOURCE_PRIORITY,
	TRAIT_LONGEST,
	TRAIT_MIN,
	TRAIT_MAX,
	/* those that need several statements come last */
	TRAIT_MOST_FREQUENT,
	TRAIT_UNION,
	TRAIT_LIST_N
} TraitPolicy;

#define TraitPolicyIsList(policy) ((policy) >= TRAIT_MOST_FREQUENT)

/* most statements that a policy may ask for */
#define TRAIT_LIMIT_DEFAULT 100
#define TRAIT_LIMIT_MAX 10000

typedef struct TraitRule
{
	TraitPolicy policy;
	bool		ignore_empty;
	int			limit;
	TraitType	type;			/* of the golden value */
} TraitRule;

typedef struct TraitStatement
{
	int64		at;				/* microseconds since 2000-01-01 UTC */
	int32		priority;		/* of the source; higher is believed more */
	JsonbValue	value;			/* scalar or jbvBinary */
} TraitStatement;

/* A trait's name and how it is merged: one for all sets of an aggregate. */
typedef struct TraitKey
{
	const char *name;
	int			length;
	TraitRule	rule;
} TraitKey;

/* How a trait's state holds its statements. */
typedef enum TraitForm
{
	TRAIT_FORM_NOTHING,			/* no statement yet */
	TRAIT_FORM_NULL,			/* one, of that value or kind of value */
	TRAIT_FORM_FALSE,
	TRAIT_FORM_TRUE,
	TRAIT_FORM_STRING,
	TRAIT_FORM_NUMERIC,
	TRAIT_FORM_CONTAINER,
	TRAIT_FORM_LIST				/* those of a policy that needs several */
} TraitForm;

typedef struct TraitList
{
	int			count;
	int			size;
	TraitStatement statements[FLEXIBLE_ARRAY_MEMBER];	/* best first */
} TraitList;

/* Values of so many bytes lie in the state itself. */
#define TRAIT_INLINE_MAX 16

/*
 * The states of many groups are in no cache, and memory decides whether they
 * spill to disk: what one row needs is small and close together.
 */
typedef struct TraitState
{
	const TraitKey *key;
	int64		at;
	int32		priority;
	uint32		form:4;
	uint32		length:28;		/* bytes of the value */
	union
	{
		char		bytes[TRAIT_INLINE_MAX];
		char	   *outside;
		TraitList  *list;
	}			value;
} TraitState;

/* The keys that sets share, up to so many. */
#define TRAIT_KEYS_MAX 1024

typedef struct TraitKeys
{
	MemoryContext context;		/* lives longer than the sets */
	int			count;
	TraitKey   *slots[2 * TRAIT_KEYS_MAX];
} TraitKeys;

/* One piece of memory: a function that adds to a set returns where it is now. */
typedef struct TraitSet
{
	MemoryContext context;
	TraitKeys  *keys;			/* or NULL: keys are of the set alone */
	int			count;
	uint32		copies:1;		/* names and values are copied into context */
	uint32		size:31;		/* room in traits */
	TraitState	traits[FLEXIBLE_ARRAY_MEMBER];	/* in the order of keys in jsonb */
} TraitSet;

/* A set with room for about so many traits. */
extern TraitSet *TraitSetCreate(MemoryContext context, bool copies, TraitKeys *keys, int expected);
extern TraitSet *TraitSetWithRoom(TraitSet *set, int count);
extern TraitKeys *TraitKeysCreate(MemoryContext context);

/* The key of that name and rule, shared when the keys have room for it. */
extern const TraitKey *GetTraitKey(TraitKeys *keys, MemoryContext context, bool copies,
								   const char *name, int length, const TraitRule *rule);

/* Adds {"trait": [[at, value], …]}; raises 22023 for any other shape. */
extern TraitSet *TraitSetAddFragment(TraitSet *set, Jsonb *fragment, int32 priority,
									 Jsonb *policies);

/* Adds {"trait": value} as said at one moment. */
extern TraitSet *TraitSetAddTraits(TraitSet *set, Jsonb *traits, int64 at, int32 priority,
								   Jsonb *policies);
extern TraitSet *TraitSetAddSet(TraitSet *set, const TraitSet *other);

extern Jsonb *TraitSetFragment(const TraitSet *set);
extern Jsonb *TraitSetGolden(const TraitSet *set);

/* The whole state as bytes, between the workers of one query only. */
extern bytea *TraitSetPack(const TraitSet *set);

/* The set uses the bytes of packed, which must outlive it. */
extern TraitSet *TraitSetUnpack(bytea *packed, MemoryContext context, TraitKeys *keys);

/* One trait's statements; the best is number 0. */
extern int	TraitStatementCount(const TraitState *trait);
extern void GetTraitStatement(const TraitState *trait, int number, TraitStatement *statement);

/* Adds a statement if it is among the best so many. */
extern void AddTraitStatement(TraitState *trait, MemoryContext context, bool copies,
							  const TraitStatement *statement);

/* Its bytes as a form and back. */
extern TraitForm TraitValueForm(const JsonbValue *value, const char **bytes, int *length);
extern void MakeTraitValue(TraitForm form, const char *bytes, int length, JsonbValue *value);

/* Total order of JSON values: null, booleans, numbers, text, arrays, objects by text. */
extern int	CompareTraitValues(const JsonbValue *a, const JsonbValue *b);

#endif							/* CDP_TRAIT_SET_H */
