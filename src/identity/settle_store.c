/*
 * settle_store.c
 *		Gives the groups of identifiers their profiles, and writes what changes.
 *
 * Groups keep the profile ids they had: a profile goes with the group that
 * holds most of its identifiers; of several profiles that meet in a group the
 * one with most events stays, then the oldest; a group that none goes with
 * gets a new one.  What an operator decided (forced) comes first.
 */
#include "core/core.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/rowset.h"
#include "identity/settle.h"

/* A vote of a profile for the group that holds some of its identifiers. */
typedef struct Vote
{
	int64		profile_id;
	int64		event_count;
	int			root;
	int			count;
	int			first;			/* smallest node of the profile in the group */
} Vote;

static int
CompareVoteByProfile(const void *a, const void *b)
{
	const Vote *x = a;
	const Vote *y = b;

	if (x->profile_id != y->profile_id)
		return x->profile_id < y->profile_id ? -1 : 1;
	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return x->first - y->first;
}

static int
CompareVoteByRoot(const void *a, const void *b)
{
	const Vote *x = a;
	const Vote *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	if (x->event_count != y->event_count)
		return x->event_count > y->event_count ? -1 : 1;
	return x->profile_id < y->profile_id ? -1 : x->profile_id > y->profile_id;
}

/*
 * Which profile goes with which group; the votes that remain, one a profile,
 * sorted by group with the one that stays in front.
 */
static int
CountVotes(Settler *s, Vote **result)
{
	Vote	   *votes = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Vote) * Max(s->nnodes, 1));
	int			n = 0;
	int			heirs = 0;

	for (int i = 0; i < s->nnodes; i++)
	{
		votes[i].profile_id = s->nodes[i].profile_id;
		votes[i].event_count = s->nodes[i].event_count;
		votes[i].root = FindRoot(s->nodes, i);
		votes[i].count = 1;
		votes[i].first = i;
	}
	qsort(votes, s->nnodes, sizeof(Vote), CompareVoteByProfile);
	for (int i = 0; i < s->nnodes; i++)
	{
		if (n > 0 && votes[n - 1].profile_id == votes[i].profile_id && votes[n - 1].root == votes[i].root)
			votes[n - 1].count++;
		else
			votes[n++] = votes[i];
	}
	for (int i = 0; i < n; i++)
	{
		if (heirs > 0 && votes[heirs - 1].profile_id == votes[i].profile_id)
		{
			Vote	   *best = &votes[heirs - 1];

			if (votes[i].count > best->count || (votes[i].count == best->count && votes[i].first < best->first))
				*best = votes[i];
		}
		else
			votes[heirs++] = votes[i];
	}
	qsort(votes, heirs, sizeof(Vote), CompareVoteByRoot);
	*result = votes;
	return heirs;
}

static void
NoteAffected(Settler *s, int64 profile_id)
{
	if (s->naffected == s->affected_size)
	{
		s->affected_size = Max(64, s->affected_size * 2);
		s->affected = s->affected ? repalloc_huge(s->affected, sizeof(int64) * s->affected_size)
			: palloc(sizeof(int64) * s->affected_size);
	}
	s->affected[s->naffected++] = profile_id;
}

/* Draws ids for groups that no profile goes with. */
static void
NewTargets(Settler *s, TimestampTz now)
{
	int64	   *ids = palloc(sizeof(int64) * Max(s->splits, 1));

	DrawProfiles(s->splits, now, ids);
	for (int i = 0; i < s->nnodes; i++)
		if (FindRoot(s->nodes, i) == i && s->targets[i] == 0)
		{
			s->targets[i] = *ids++;
			NoteAffected(s, s->targets[i]);
		}
}

/*
 * An operator's decision: the group of this identifier has that profile.
 */
void
ForceTarget(Settler *s, const pg_uuid_t *key, int64 profile_id)
{
	int			n = FindSettledNode(s, key);

	if (n < 0)
		return;
	s->forced[n] = profile_id;
	s->has_forced = true;
}

/*
 * Which profile each group has in the end, and which profiles it absorbs.
 * Nothing is written yet: a group without a profile has target 0.
 */
void
DecideTargets(Settler *s)
{
	Vote	   *heirs;
	int			nheirs = CountVotes(s, &heirs);

	s->targets = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int64) * Max(s->nnodes, 1),
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	s->absorbed = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * 2 * Max(nheirs, 1));
	for (int n = 0; n < s->nnodes; n++)
		if (s->forced[n] != 0)
			s->targets[FindRoot(s->nodes, n)] = s->forced[n];
	for (int i = 0; i < nheirs; i++)
	{
		int64		profile_id = heirs[i].profile_id;
		bool		is_forced = false;

		for (int n = 0; n < s->nnodes && s->has_forced && !is_forced; n++)
			is_forced = s->forced[n] == profile_id;
		if (is_forced)
			continue;
		if (s->targets[heirs[i].root] == 0)
		{
			s->targets[heirs[i].root] = profile_id;
			continue;
		}
		s->absorbed[2 * s->merges] = profile_id;
		s->absorbed[2 * s->merges + 1] = s->targets[heirs[i].root];
		s->merges++;
	}
	for (int n = 0; n < s->nnodes; n++)
	{
		int			root = FindRoot(s->nodes, n);

		if (root == n)
		{
			s->largest = Max(s->largest, s->nodes[n].size);
			if (s->targets[n] == 0)
				s->splits++;
		}
		if (s->targets[root] != s->nodes[n].profile_id)
			s->moves++;
	}
}

/* Moves every identifier whose profile changes, and its facts with it. */
static void
MoveToTargets(Settler *s, const char *reason, TimestampTz now)
{
	static const RowsetColumn columns[] = {
		{"identity_key", UUIDOID}, {"from_id", INT8OID}, {"to_id", INT8OID}
	};
	static const RowsetColumn merge_columns[] = {{"absorbed", INT8OID}, {"kept", INT8OID}};
	static Statement record_merges = {
		"SELECT cdp.record_merges(array_agg(absorbed), array_agg(kept), NULL, $1, $2) FROM settled_merge HAVING count(*) > 0",
		{TEXTOID, TIMESTAMPTZOID}
	};
	static Statement move = {
		"SELECT cdp.move_identities(array_agg(identity_key), array_agg(from_id), array_agg(to_id))"
		" FROM settled_move HAVING count(*) > 0"
	};
	static Statement retire = {
		"SELECT cdp.retire_profiles(array_agg(absorbed), array_agg(kept)) FROM settled_merge HAVING count(*) > 0"
	};
	Rowset	   *moves = RowsetCreate("settled_move", columns, lengthof(columns));
	Rowset	   *merges = RowsetCreate("settled_merge", merge_columns, lengthof(merge_columns));
	Datum		args[2] = {CStringGetTextDatum(reason), TimestampTzGetDatum(now)};

	for (int i = 0; i < s->merges; i++)
	{
		RowsetSet(merges, 0, Int64GetDatum(s->absorbed[2 * i]));
		RowsetSet(merges, 1, Int64GetDatum(s->absorbed[2 * i + 1]));
		RowsetAdd(merges);
		NoteAffected(s, s->absorbed[2 * i]);
		NoteAffected(s, s->absorbed[2 * i + 1]);
	}
	for (int i = 0; i < s->nnodes; i++)
	{
		s->nodes[i].target = s->targets[FindRoot(s->nodes, i)];
		if (s->nodes[i].target == s->nodes[i].profile_id)
			continue;
		RowsetSet(moves, 0, UUIDPGetDatum(&s->nodes[i].key));
		RowsetSet(moves, 1, Int64GetDatum(s->nodes[i].profile_id));
		RowsetSet(moves, 2, Int64GetDatum(s->nodes[i].target));
		RowsetAdd(moves);
		NoteAffected(s, s->nodes[i].profile_id);
		NoteAffected(s, s->nodes[i].target);
	}
	RowsetRegister(moves);
	RowsetRegister(merges);
	StatementRun(&record_merges, args, NULL);
	StatementRun(&move, NULL, NULL);
	StatementRun(&retire, NULL, NULL);
	RowsetDrop(moves);
	RowsetDrop(merges);
}

/* Writes the states that changed. */
static void
StoreStates(Settler *s)
{
	static const RowsetColumn node_columns[] = {{"identity_key", UUIDOID}, {"profile_id", INT8OID}, {"state", TEXTOID}};
	static const RowsetColumn edge_columns[] = {
		{"key_a", UUIDOID}, {"key_b", UUIDOID}, {"rule", TEXTOID}, {"state", TEXTOID}
	};
	static Statement update_identities = {
		"UPDATE cdp.profile_identity p SET state = s.state FROM settled_identity s"
		" WHERE p.profile_id = s.profile_id AND p.identity_key = s.identity_key"
	};
	static Statement update_links = {
		"UPDATE cdp.identity_link l SET state = s.state FROM settled_link s"
		" WHERE l.key_a = s.key_a AND l.key_b = s.key_b AND l.rule = s.rule AND l.state IN ('active', 'demoted')"
	};
	Rowset	   *identities = RowsetCreate("settled_identity", node_columns, lengthof(node_columns));
	Rowset	   *links = RowsetCreate("settled_link", edge_columns, lengthof(edge_columns));

	for (int i = 0; i < s->nnodes; i++)
	{
		SettledNode	   *node = &s->nodes[i];

		if (node->state == node->stored_state && node->is_retired == node->was_retired)
			continue;
		RowsetSet(identities, 0, UUIDPGetDatum(&node->key));
		RowsetSet(identities, 1, Int64GetDatum(node->target));
		RowsetSet(identities, 2, CStringGetTextDatum(StateName(node->state, node->is_retired)));
		RowsetAdd(identities);
	}
	for (int e = 0; e < s->nedges; e++)
	{
		SettledEdge	   *edge = &s->edges[e];
		LinkState	state = s->nodes[edge->a].state != IDENTIFIER_SHARED &&
			s->nodes[edge->b].state != IDENTIFIER_SHARED &&
			FindRoot(s->nodes, edge->a) == FindRoot(s->nodes, edge->b) ? LINK_ACTIVE : LINK_DEMOTED;

		if (edge->is_apart || edge->is_cut || edge->is_pin || state == edge->stored_state)
			continue;
		RowsetSet(links, 0, UUIDPGetDatum(&s->nodes[edge->a].key));
		RowsetSet(links, 1, UUIDPGetDatum(&s->nodes[edge->b].key));
		RowsetSet(links, 2, CStringGetTextDatum(edge->is_alias ? "alias" : "message"));
		RowsetSet(links, 3, CStringGetTextDatum(state == LINK_ACTIVE ? "active" : "demoted"));
		RowsetAdd(links);
	}
	RowsetRegister(identities);
	RowsetRegister(links);
	if (identities->rows > 0)
		StatementRun(&update_identities, NULL, NULL);
	if (links->rows > 0)
		StatementRun(&update_links, NULL, NULL);
	RowsetDrop(identities);
	RowsetDrop(links);
}

/* Derives anew what depends on the facts that moved. */
static void
RefoldAffected(Settler *s)
{
	static Statement refold = {"SELECT cdp.refold_profiles($1)", {INT8ARRAYOID}};
	Datum	   *ids;
	Datum		args[1];

	if (s->naffected == 0)
		return;
	ids = palloc(sizeof(Datum) * s->naffected);
	for (int i = 0; i < s->naffected; i++)
		ids[i] = Int64GetDatum(s->affected[i]);
	args[0] = BigintArray(ids, s->naffected);
	StatementRun(&refold, args, NULL);
}

/*
 * Writes what the graph decided: moves, merges, states, and what is derived
 * from facts.
 */
void
StoreGraph(Settler *s, const char *reason, TimestampTz now)
{
	static const RowsetColumn columns[] = {{"identity_key", UUIDOID}};
	static Statement unqueue = {
		"DELETE FROM cdp.resolve_queue q USING settled_key k WHERE q.identity_key = k.identity_key"
	};
	Rowset	   *keys = RowsetCreate("settled_key", columns, lengthof(columns));

	NewTargets(s, now);
	MoveToTargets(s, reason, now);
	StoreStates(s);
	RefoldAffected(s);
	for (int n = 0; n < s->nnodes; n++)
	{
		RowsetSet(keys, 0, UUIDPGetDatum(&s->nodes[n].key));
		RowsetAdd(keys);
	}
	RowsetRegister(keys);
	StatementRun(&unqueue, NULL, NULL);
	RowsetDrop(keys);
}
