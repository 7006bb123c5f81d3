/*
 * trait_list.h
 *		The traits of a message: names folded, objects flattened.
 */
#ifndef CDP_TRAIT_LIST_H
#define CDP_TRAIT_LIST_H

#include "core/json.h"

typedef struct TraitStatement
{
	const char *name;			/* folded, terminated */
	const JsonNode *value;
	bool		is_context;		/* from context.traits */
} TraitStatement;

typedef struct TraitList
{
	char	  **kept_empty;		/* traits whose empty values count */
	int			nkept_empty;
	TraitStatement *traits;
	int			count;
	int			size;
	bool		is_cut;			/* there were more than a message may have */
} TraitList;

#define MAX_MESSAGE_TRAITS 2000

/* Adds the members of an object; one that is none, or null, has none. */
extern void TraitListAdd(TraitList *list, const JsonNode *object, bool is_context);

/* {"trait": [[time, value]], …} of traits said at one moment. */
extern Jsonb *TraitFragment(const TraitStatement *traits, int count, TimestampTz at);

#endif							/* CDP_TRAIT_LIST_H */
