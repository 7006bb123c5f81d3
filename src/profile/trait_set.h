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

/*
 * Most policies keep one statement, which lies in the state itself: states of
 * many groups are in no cache, so what one row needs should be close together.
 */
typedef struct TraitState
{
	const TraitKey *key;
	int			count;
	int			size;			/* of many; 0 while there is room in one */
	TraitStatement one;
	TraitStatement *many;		/* best first */
} TraitState;

static inline TraitStatement *
TraitStatements(const TraitState *trait)
{
	return trait->size > 0 ? trait->many : (TraitStatement *) &trait->one;
}

/* The keys that sets share, up to so many. */
#define TRAIT_KEYS_MAX 1024

typedef struct TraitKeys
{
	MemoryContext context;		/* lives longer than the sets */
	int			count;
	TraitKey   *slots[2 * TRAIT_KEYS_MAX];
} TraitKeys;

typedef struct TraitSet
{
	MemoryContext context;
	bool		copies;			/* names and values are copied into context */
	bool		has_base;
	TraitKeys  *keys;			/* or NULL: keys are of the set alone */
	TraitRule	base;			/* rule of traits that policies do not name */
	int			count;
	TraitState *traits;			/* in the order of keys in jsonb */
} TraitSet;

extern TraitSet *TraitSetCreate(MemoryContext context, bool copies, TraitKeys *keys);
extern TraitKeys *TraitKeysCreate(MemoryContext context);

/* Adds {"trait": [[at, value], …]}; raises 22023 for any other shape. */
extern void TraitSetAddFragment(TraitSet *set, Jsonb *fragment, int32 priority, Jsonb *policies);

/* Adds {"trait": value} as said at one moment. */
extern void TraitSetAddTraits(TraitSet *set, Jsonb *traits, int64 at, int32 priority,
							  Jsonb *policies);
extern void TraitSetAddSet(TraitSet *set, const TraitSet *other);

extern Jsonb *TraitSetFragment(const TraitSet *set);
extern Jsonb *TraitSetGolden(const TraitSet *set);

/* The whole state as one datum, between the workers of one query only. */
extern Jsonb *TraitSetPack(const TraitSet *set);
extern TraitSet *TraitSetUnpack(Jsonb *packed, MemoryContext context);

/* Total order of JSON values: null, booleans, numbers, text, arrays, objects by text. */
extern int	CompareTraitValues(const JsonbValue *a, const JsonbValue *b);

#endif							/* CDP_TRAIT_SET_H */
