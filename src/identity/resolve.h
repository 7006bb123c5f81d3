/*
 * resolve.h
 *		Who is who in a batch of messages: union-find with guards, in memory.
 *
 *	Identifier	one row per distinct (type, canonical value) of the batch
 *	Person		a node of the union-find: a stored profile or a new one
 *	Link		evidence: two identifiers named together
 *
 * The caller fills identifiers and what the tables know of them
 * (LoadIdentities), calls ResolveMessage for each message in order, and then
 * writes the outcome (StoreIdentities).
 */
#ifndef CDP_RESOLVE_H
#define CDP_RESOLVE_H

#include "utils/date.h"

#include "identity/identifier.h"

/* a message names at most this many identifiers; the rest is reported */
#define MAX_MESSAGE_IDENTIFIERS 64
/* up to here every pair of a message is linked, beyond it a star */
#define MAX_PAIRED_IDENTIFIERS 8

typedef enum IdentifierState
{
	IDENTIFIER_ACTIVE,
	IDENTIFIER_SHARED
} IdentifierState;

typedef struct Identifier
{
	pg_uuid_t	key;
	int			type;
	const char *value;
	int			value_len;
	int			person;			/* index, or -1: not placed yet */
	int64		stored_profile; /* 0: new */
	ItemPointerData stored_place;	/* of its row, while its profile is locked */
	IdentifierState state;
	IdentifierState stored_state;
	bool		is_retired;		/* an alias replaced it: it does not count */
	bool		was_retired;	/* in the table */
	bool		is_pinned;		/* an operator said whose it is: never shared */
	bool		meets_others;	/* some message names it with another identifier */
	bool		needs_settling; /* a guard was hit here */
	DateADT		first_seen;
	DateADT		last_seen;
	DateADT		stored_first_seen;
	DateADT		stored_last_seen;
	int16		source_id;
} Identifier;

typedef struct Person
{
	int			parent;
	int64		profile_id;		/* 0: new, until ids are drawn */
	bool		is_stored;		/* had a profile before this batch */
	int64		event_count;
	int			reason;			/* message number that merged it away, or -1 */
	uint16	   *counts;			/* identifiers of each type that count */
} Person;

typedef enum LinkState
{
	LINK_ACTIVE,
	LINK_DEMOTED
} LinkState;

typedef struct Link
{
	int			a;				/* identifiers, smaller key first */
	int			b;
	bool		is_alias;
	LinkState	state;
	int16		source_id;
	const char *message_id;
	pg_uuid_t	message_key;
	TimestampTz first_seen_at;
	DateADT		last_seen;
} Link;

/* what a guard did, for cdp.quality_issue */
typedef struct GuardAction
{
	int			message;
	int			identifier;
	const char *kind;			/* "shared_identifier" or "demoted_identifier" */
} GuardAction;

typedef struct ResolveMessageInput
{
	int			number;			/* of the message in the batch */
	int			count;
	const int  *identifiers;	/* strongest first */
	bool		is_alias;
	int			current;		/* alias: the identifier that stays; else -1 */
	int			previous[2];	/* alias: the one(s) replaced; -1: none */
	int16		source_id;
	const char *message_id;
	pg_uuid_t	message_key;
	TimestampTz occurred_at;
} ResolveMessageInput;

typedef struct Resolver
{
	MemoryContext context;
	bool		is_alone;		/* no other session changes identities meanwhile */
	IdentifierRules *rules;
	Identifier *identifiers;
	int			nidentifiers;
	int			identifiers_size;
	struct IdentifierHash *by_key;
	Person	   *persons;
	int			npersons;
	int			persons_size;
	Link	   *links;
	int			nlinks;
	int			links_size;
	struct LinkHash *link_by_pair;
	/* what operators decided */
	struct
	{
		int			a;
		int			b;
	}		   *cuts,			/* identifiers whose link does not count */
			   *apart;			/* persons that never meet */
	int			ncuts;
	int			napart;
	GuardAction *actions;
	int			nactions;
	int			actions_size;
	int64	   *moved;			/* profiles that some facts left or joined; repeats */
	int			nmoved;
	int			moved_size;
	int64	   *absorbed;		/* stored profiles merged in this batch … */
	int64	   *kept;			/* … and into which */
	int			nmerged;
} Resolver;

extern Resolver *ResolverCreate(IdentifierRules *rules);
extern int	ResolverIdentifier(Resolver *r, int type, const char *value, int len);
extern int	ResolverFindKey(Resolver *r, const pg_uuid_t *key);
extern int	ResolverNewPerson(Resolver *r, int64 profile_id, int64 event_count);
extern int	ResolverFind(Resolver *r, int person);
extern void ResolveMessage(Resolver *r, const ResolveMessageInput *m);

/* the state as the tables tell it */
static inline const char *
StateName(IdentifierState state, bool is_retired)
{
	return state == IDENTIFIER_SHARED ? "shared" : is_retired ? "retired" : "active";
}

/* graph.c */
extern void LockResolver(bool is_shared);
extern void DrawProfiles(int count, TimestampTz now, int64 *ids);
extern void LoadIdentities(Resolver *r);
extern void DecideProfiles(Resolver *r, TimestampTz now);
extern void StoreIdentities(Resolver *r, const char *const *message_ids, TimestampTz now);

static inline int64
IdentifierProfile(Resolver *r, int identifier)
{
	return r->persons[ResolverFind(r, r->identifiers[identifier].person)].profile_id;
}

#endif							/* CDP_RESOLVE_H */
