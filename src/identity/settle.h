/*
 * settle.h
 *		Who is who from the evidence: the graph in memory.
 *
 * settle_load.c reads it, settle.c joins it by the rules, settle_store.c
 * writes what changes.
 */
#ifndef CDP_SETTLE_H
#define CDP_SETTLE_H

#include "identity/resolve.h"

typedef struct SettledNode
{
	pg_uuid_t	key;
	int64		profile_id;
	int64		event_count;	/* of the profile */
	int			type;
	int			evidence;		/* parent in the groups of all evidence */
	int			parent;			/* parent in the groups that the rules allow */
	int			size;
	IdentifierState state;
	IdentifierState stored_state;
	bool		is_retired;		/* by an alias that is not cut */
	bool		was_retired;	/* by the table */
	bool		is_pinned;		/* together with another: an operator says whose it is */
	int64		target;			/* profile it belongs to in the end */
} SettledNode;

typedef struct SettledEdge
{
	int			a;
	int			b;
	bool		is_pin;			/* pinned together: joins whatever the rules say */
	bool		is_alias;		/* joins whatever the rules say, but no pins apart */
	bool		is_cut;			/* a decision that this link does not count */
	bool		is_apart;		/* pinned apart: their groups never meet */
	LinkState	stored_state;
	TimestampTz first_seen_at;
} SettledEdge;

typedef struct Settler
{
	IdentifierRules *rules;
	SettledNode *nodes;			/* sorted by key */
	int			nnodes;
	int			nodes_size;
	SettledEdge *edges;
	int			nedges;
	int			edges_size;
	uint16	   *counts;			/* nnodes × ntypes, at roots */
	int		   *home;			/* a node's first unique value, while marking */
	int		   *apart;			/* edges pinned apart, by evidence group */
	int			napart;
	/* the outcome */
	int64	   *targets;		/* of each root */
	int64	   *forced;			/* of nodes: profile decided by an operator, or 0 */
	bool		has_forced;
	int64	   *absorbed;		/* pairs: absorbed, kept */
	int64		merges;
	int64		splits;
	int64		moves;
	int			largest;		/* identifiers of the largest group */
	int64	   *affected;
	int			naffected;
	int			affected_size;
} Settler;

static inline int
FindRoot(SettledNode *nodes, int n)
{
	while (nodes[n].parent != n)
	{
		nodes[n].parent = nodes[nodes[n].parent].parent;
		n = nodes[n].parent;
	}
	return n;
}

static inline bool
IsOrder(const SettledEdge *edge)
{
	return edge->is_pin || edge->is_alias;
}

static inline int
FindEvidence(SettledNode *nodes, int n)
{
	while (nodes[n].evidence != n)
	{
		nodes[n].evidence = nodes[nodes[n].evidence].evidence;
		n = nodes[n].evidence;
	}
	return n;
}

/* settle_load.c */
extern Settler *SettlerCreate(void);
extern void LoadGraph(Settler *s);
extern void LoadComponent(Settler *s, Datum *keys, int nkeys);
extern int	FindSettledNode(const Settler *s, const pg_uuid_t *key);

/* settle.c */
extern void JoinGraph(Settler *s);

/* settle_store.c */
extern void ForceTarget(Settler *s, const pg_uuid_t *key, int64 profile_id);
extern void DecideTargets(Settler *s);
extern void StoreGraph(Settler *s, const char *reason, TimestampTz now);

#endif							/* CDP_SETTLE_H */
