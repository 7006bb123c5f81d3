/*
 * settle.c
 *		Who is who, from all evidence at once: cdp.resolve_identities().
 *
 * Constrained Kruskal.  Identifiers are nodes, links are edges in one fixed
 * order: explicit orders first, then the strongest types, then time, then
 * keys.  An edge joins two groups unless the rules forbid it:
 *
 *   uniqueness	the edge would bring two values of a unique type together:
 *				its weaker end is of several persons and becomes shared.  It
 *				then links nothing, so its group is joined again without it.
 *   limit		too many values of a type: the edge is demoted.
 *
 * An identifier that is directly named with two values of a unique type is
 * shared from the start.  The outcome depends on the evidence alone, so it
 * does not matter in which order or in which batches the evidence arrived.
 *
 * Groups keep the profile ids they had: a profile goes with the group that
 * holds most of its identifiers; of several profiles that meet in a group the
 * one with most events stays, then the oldest; a group that none goes with
 * gets a new one.
 *
 * Memory: about 64 bytes an identifier and 48 a link.
 */
#include "core/core.h"

#include "access/xact.h"
#include "funcapi.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/rowset.h"
#include "identity/resolve.h"

PG_FUNCTION_INFO_V1(cdp_resolve_identities);

#define FETCH_ROWS 10000
/* in one group, after so many turns all conflicts are settled at once */
#define MAX_TURNS 100

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
	int64		target;			/* profile it belongs to in the end */
} SettledNode;

typedef struct SettledEdge
{
	int			a;
	int			b;
	bool		is_order;		/* alias or pin: joins whatever the rules say */
	bool		is_apart;		/* cut or pinned apart: never joins */
	bool		is_alias;
	LinkState	stored_state;
	TimestampTz first_seen_at;
} SettledEdge;

typedef struct Settler
{
	IdentifierRules *rules;
	SettledNode	   *nodes;			/* sorted by key */
	int			nnodes;
	int			nodes_size;
	SettledEdge	   *edges;
	int			nedges;
	int			edges_size;
	uint16	   *counts;			/* nnodes × ntypes, at roots */
	int64		merges;
	int64		splits;
	int64	   *affected;
	int			naffected;
	int			affected_size;
} Settler;

static int
FindRoot(SettledNode *nodes, int n)
{
	while (nodes[n].parent != n)
	{
		nodes[n].parent = nodes[nodes[n].parent].parent;
		n = nodes[n].parent;
	}
	return n;
}

static int
FindEvidence(SettledNode *nodes, int n)
{
	while (nodes[n].evidence != n)
	{
		nodes[n].evidence = nodes[nodes[n].evidence].evidence;
		n = nodes[n].evidence;
	}
	return n;
}

static int
CompareNode(const void *a, const void *b)
{
	return CompareUuid(&((const SettledNode *) a)->key, &((const SettledNode *) b)->key);
}

static int
FindNode(const Settler *s, const pg_uuid_t *key)
{
	int			low = 0;
	int			high = s->nnodes - 1;

	while (low <= high)
	{
		int			middle = low + (high - low) / 2;
		int			order = CompareUuid(key, &s->nodes[middle].key);

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

/* Runs a query through a cursor and hands each row over. */
static void
ReadRows(Settler *s, const char *sql, void (*read_row) (Settler *, HeapTuple, TupleDesc))
{
	Portal		portal = SPI_cursor_parse_open(NULL, sql, &(SPIParseOpenOptions) {.read_only = false});

	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		CHECK_FOR_INTERRUPTS();
		for (uint64 row = 0; row < SPI_processed; row++)
			read_row(s, SPI_tuptable->vals[row], SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
}

static void
ReadNode(Settler *s, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	char	   *type = SPI_getvalue(tuple, desc, 3);
	char	   *state = SPI_getvalue(tuple, desc, 4);
	SettledNode	   *node;

	if (s->nnodes == s->nodes_size)
	{
		s->nodes_size *= 2;
		s->nodes = repalloc_huge(s->nodes, sizeof(SettledNode) * s->nodes_size);
	}
	node = &s->nodes[s->nnodes++];
	node->key = *DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull));
	node->profile_id = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
	node->type = FindIdentifierType(s->rules, type, strlen(type));
	node->stored_state = strcmp(state, "shared") == 0 ? IDENTIFIER_SHARED :
		strcmp(state, "retired") == 0 ? IDENTIFIER_RETIRED : IDENTIFIER_ACTIVE;
	node->state = node->stored_state == IDENTIFIER_RETIRED ? IDENTIFIER_RETIRED : IDENTIFIER_ACTIVE;
	node->event_count = DatumGetInt64(SPI_getbinval(tuple, desc, 5, &isnull));
	pfree(type);
	pfree(state);
}

static void
ReadEdge(Settler *s, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	int			a = FindNode(s, DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull)));
	int			b = FindNode(s, DatumGetUUIDP(SPI_getbinval(tuple, desc, 2, &isnull)));
	char	   *rule = SPI_getvalue(tuple, desc, 3);
	char	   *state = SPI_getvalue(tuple, desc, 4);
	Datum		seen = SPI_getbinval(tuple, desc, 5, &isnull);
	SettledEdge	   *edge;

	if (a >= 0 && b >= 0)
	{
		if (s->nedges == s->edges_size)
		{
			s->edges_size *= 2;
			s->edges = repalloc_huge(s->edges, sizeof(SettledEdge) * s->edges_size);
		}
		edge = &s->edges[s->nedges++];
		edge->a = a;
		edge->b = b;
		edge->is_alias = strcmp(rule, "alias") == 0;
		edge->is_order = edge->is_alias || strcmp(state, "pinned_together") == 0;
		edge->is_apart = strcmp(state, "cut") == 0 || strcmp(state, "pinned_apart") == 0;
		edge->stored_state = strcmp(state, "demoted") == 0 ? LINK_DEMOTED : LINK_ACTIVE;
		edge->first_seen_at = isnull ? DT_NOEND : DatumGetTimestampTz(seen);
	}
	pfree(rule);
	pfree(state);
}

/* A type that is gone from the rules ranks last and has no limit. */
static int
TypeRank(const Settler *s, int node)
{
	return s->nodes[node].type < 0 ? s->rules->ntypes : s->nodes[node].type;
}

static int
CompareEdge(const void *x, const void *y, void *arg)
{
	const Settler *s = arg;
	const SettledEdge *a = x;
	const SettledEdge *b = y;
	int			group_a = FindEvidence(s->nodes, a->a);
	int			group_b = FindEvidence(s->nodes, b->a);
	int			strong_a;
	int			strong_b;

	if (group_a != group_b)
		return group_a < group_b ? -1 : 1;
	if (a->is_order != b->is_order)
		return a->is_order ? -1 : 1;
	strong_a = Min(TypeRank(s, a->a), TypeRank(s, a->b));
	strong_b = Min(TypeRank(s, b->a), TypeRank(s, b->b));
	if (strong_a != strong_b)
		return strong_a - strong_b;
	strong_a = Max(TypeRank(s, a->a), TypeRank(s, a->b));
	strong_b = Max(TypeRank(s, b->a), TypeRank(s, b->b));
	if (strong_a != strong_b)
		return strong_a - strong_b;
	if (a->first_seen_at != b->first_seen_at)
		return a->first_seen_at < b->first_seen_at ? -1 : 1;
	if (a->a != b->a)
		return a->a - b->a;		/* nodes are sorted by key */
	return a->b - b->b;
}

static bool
IsUnique(const Settler *s, int node)
{
	return s->nodes[node].type >= 0 && s->rules->types[s->nodes[node].type].is_unique;
}

/* Every identifier alone, as far as edges from..to reach. */
static void
ResetGroup(Settler *s, int from, int to)
{
	int			ntypes = s->rules->ntypes;

	for (int e = from; e < to; e++)
		for (int end = 0; end < 2; end++)
		{
			int			n = end ? s->edges[e].b : s->edges[e].a;
			uint16	   *counts = s->counts + (size_t) n * ntypes;

			s->nodes[n].parent = n;
			s->nodes[n].size = 1;
			memset(counts, 0, sizeof(uint16) * ntypes);
			if (s->nodes[n].type >= 0 && s->nodes[n].state == IDENTIFIER_ACTIVE)
				counts[s->nodes[n].type] = 1;
		}
}

/*
 * Identifiers named together with two different values of a unique type are
 * shared.  Edges with a unique end come first in the order, so joining along
 * them alone finds these.
 */
static void
MarkDirectlyShared(Settler *s, int from, int to)
{
	for (int e = from; e < to; e++)
	{
		SettledEdge	   *edge = &s->edges[e];
		int			unique;
		int			other;

		if (edge->is_order || edge->is_apart || IsUnique(s, edge->a) == IsUnique(s, edge->b))
			continue;
		unique = IsUnique(s, edge->a) ? edge->a : edge->b;
		other = unique == edge->a ? edge->b : edge->a;
		if (s->nodes[unique].state != IDENTIFIER_ACTIVE || s->nodes[other].state != IDENTIFIER_ACTIVE)
			continue;
		if (s->nodes[other].parent == other)
			s->nodes[other].parent = unique;
		else if (s->nodes[other].parent != unique &&
				 s->nodes[unique].type == s->nodes[s->nodes[other].parent].type)
			s->nodes[other].state = IDENTIFIER_SHARED;
	}
}

typedef enum EdgeVerdict
{
	EDGE_JOINS,
	EDGE_BREAKS_UNIQUENESS,
	EDGE_BREAKS_LIMIT
} EdgeVerdict;

static EdgeVerdict
JudgeEdge(const Settler *s, int root_a, int root_b)
{
	int			ntypes = s->rules->ntypes;
	const uint16 *a = s->counts + (size_t) root_a * ntypes;
	const uint16 *b = s->counts + (size_t) root_b * ntypes;
	EdgeVerdict verdict = EDGE_JOINS;

	for (int t = 0; t < ntypes; t++)
	{
		const IdentifierType *type = &s->rules->types[t];

		if (type->max_per_profile == 0 || a[t] + b[t] <= type->max_per_profile || a[t] == 0 || b[t] == 0)
			continue;
		if (type->is_unique)
			return EDGE_BREAKS_UNIQUENESS;
		verdict = EDGE_BREAKS_LIMIT;
	}
	return verdict;
}

static void
JoinRoots(Settler *s, int a, int b)
{
	int			ntypes = s->rules->ntypes;
	int			root = s->nodes[a].size >= s->nodes[b].size ? a : b;
	int			child = root == a ? b : a;
	uint16	   *to = s->counts + (size_t) root * ntypes;
	uint16	   *from = s->counts + (size_t) child * ntypes;

	s->nodes[child].parent = root;
	s->nodes[root].size += s->nodes[child].size;
	for (int t = 0; t < ntypes; t++)
		to[t] = Min(to[t] + from[t], PG_UINT16_MAX);
}

/*
 * One turn over the edges of a group.  Returns true when an identifier turned
 * out to be shared, so that the group must be joined again.
 */
static bool
JoinGroup(Settler *s, int from, int to, bool settle_all)
{
	bool		again = false;

	ResetGroup(s, from, to);
	for (int e = from; e < to; e++)
	{
		SettledEdge	   *edge = &s->edges[e];
		int			a;
		int			b;
		int			weaker;

		if (edge->is_apart ||
			s->nodes[edge->a].state == IDENTIFIER_SHARED || s->nodes[edge->b].state == IDENTIFIER_SHARED)
			continue;
		a = FindRoot(s->nodes, edge->a);
		b = FindRoot(s->nodes, edge->b);
		if (a == b)
			continue;
		if (edge->is_order || JudgeEdge(s, a, b) == EDGE_JOINS)
		{
			JoinRoots(s, a, b);
			continue;
		}
		if (JudgeEdge(s, a, b) == EDGE_BREAKS_LIMIT)
			continue;
		weaker = TypeRank(s, edge->a) > TypeRank(s, edge->b) ||
			(TypeRank(s, edge->a) == TypeRank(s, edge->b) && edge->a > edge->b) ? edge->a : edge->b;
		if (IsUnique(s, weaker))
			continue;			/* two accounts named together: not joined, neither shared */
		s->nodes[weaker].state = IDENTIFIER_SHARED;
		again = true;
		if (!settle_all)
			break;
	}
	return again;
}

/* Groups of all evidence first; then each of them by the rules. */
static void
JoinAll(Settler *s)
{
	for (int n = 0; n < s->nnodes; n++)
	{
		s->nodes[n].evidence = s->nodes[n].parent = n;
		s->nodes[n].size = 1;
	}
	for (int e = 0; e < s->nedges; e++)
	{
		int			a = FindEvidence(s->nodes, s->edges[e].a);
		int			b = FindEvidence(s->nodes, s->edges[e].b);

		if (a != b)
			s->nodes[Max(a, b)].evidence = Min(a, b);
	}
	qsort_arg(s->edges, s->nedges, sizeof(SettledEdge), CompareEdge, s);
	for (int from = 0, to; from < s->nedges; from = to)
	{
		int			group = FindEvidence(s->nodes, s->edges[from].a);
		int			turn = 0;

		for (to = from + 1; to < s->nedges && FindEvidence(s->nodes, s->edges[to].a) == group; to++)
			 /* next */ ;
		CHECK_FOR_INTERRUPTS();
		ResetGroup(s, from, to);
		MarkDirectlyShared(s, from, to);
		while (JoinGroup(s, from, to, turn >= MAX_TURNS))
			turn++;
	}
}

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
NewTargets(Settler *s, int64 *target, TimestampTz now)
{
	static Statement insert_profiles = {
		"WITH new AS (INSERT INTO cdp.profile (profile_id, created_at)"
		"  SELECT nextval('cdp.profile_id_seq'), $2 FROM generate_series(1, $1) RETURNING profile_id),"
		" counter AS (INSERT INTO cdp.profile_counter (profile_id) SELECT profile_id FROM new)"
		" SELECT profile_id FROM new ORDER BY profile_id",
		{INT4OID, TIMESTAMPTZOID}
	};
	Datum		args[2];
	int			wanted = 0;
	uint64		row = 0;

	for (int i = 0; i < s->nnodes; i++)
		if (FindRoot(s->nodes, i) == i && target[i] == 0)
			wanted++;
	s->splits = wanted;
	if (wanted == 0)
		return;
	args[0] = Int32GetDatum(wanted);
	args[1] = TimestampTzGetDatum(now);
	StatementRun(&insert_profiles, args, NULL);
	for (int i = 0; i < s->nnodes; i++)
		if (FindRoot(s->nodes, i) == i && target[i] == 0)
		{
			bool		isnull;

			target[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row++], SPI_tuptable->tupdesc, 1, &isnull));
			NoteAffected(s, target[i]);
		}
}

/*
 * Decides each identifier's profile, and moves what has to move.
 */
static void
MoveToTargets(Settler *s, TimestampTz now)
{
	static const RowsetColumn columns[] = {
		{"identity_key", UUIDOID}, {"from_id", INT8OID}, {"to_id", INT8OID}
	};
	static const RowsetColumn merge_columns[] = {{"absorbed", INT8OID}, {"kept", INT8OID}};
	static Statement record_merges = {
		"INSERT INTO cdp.profile_merge (kept, absorbed, kept_keys, absorbed_keys, reason, merged_by, merged_at)"
		" SELECT m.kept, m.absorbed,"
		"  coalesce((SELECT array_agg(identity_key ORDER BY identity_key) FROM cdp.profile_identity i WHERE i.profile_id = m.kept), '{}'),"
		"  coalesce((SELECT array_agg(identity_key ORDER BY identity_key) FROM cdp.profile_identity i WHERE i.profile_id = m.absorbed), '{}'),"
		"  'resolve', session_user, $1 FROM settled_merge m",
		{TIMESTAMPTZOID}
	};
	static Statement move = {
		"SELECT cdp.move_identities(array_agg(identity_key), array_agg(from_id), array_agg(to_id))"
		" FROM settled_move HAVING count(*) > 0"
	};
	static Statement retire = {
		"SELECT cdp.retire_profiles(array_agg(absorbed), array_agg(kept)) FROM settled_merge HAVING count(*) > 0"
	};
	int64	   *target = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int64) * Max(s->nnodes, 1),
													MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Vote	   *heirs;
	int			nheirs = CountVotes(s, &heirs);
	Rowset	   *moves = RowsetCreate("settled_move", columns, lengthof(columns));
	Rowset	   *merges = RowsetCreate("settled_merge", merge_columns, lengthof(merge_columns));
	Datum		args[1] = {TimestampTzGetDatum(now)};

	for (int i = 0; i < nheirs; i++)
	{
		if (target[heirs[i].root] == 0)
		{
			target[heirs[i].root] = heirs[i].profile_id;
			continue;
		}
		RowsetSet(merges, 0, Int64GetDatum(heirs[i].profile_id));
		RowsetSet(merges, 1, Int64GetDatum(target[heirs[i].root]));
		RowsetAdd(merges);
		NoteAffected(s, heirs[i].profile_id);
		NoteAffected(s, target[heirs[i].root]);
		s->merges++;
	}
	NewTargets(s, target, now);
	for (int i = 0; i < s->nnodes; i++)
	{
		s->nodes[i].target = target[FindRoot(s->nodes, i)];
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
	if (merges->rows > 0)
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

		if (node->state == node->stored_state)
			continue;
		RowsetSet(identities, 0, UUIDPGetDatum(&node->key));
		RowsetSet(identities, 1, Int64GetDatum(node->target));
		RowsetSet(identities, 2, CStringGetTextDatum(node->state == IDENTIFIER_SHARED ? "shared" :
													 node->state == IDENTIFIER_RETIRED ? "retired" : "active"));
		RowsetAdd(identities);
	}
	for (int e = 0; e < s->nedges; e++)
	{
		SettledEdge	   *edge = &s->edges[e];
		LinkState	state = s->nodes[edge->a].state != IDENTIFIER_SHARED &&
			s->nodes[edge->b].state != IDENTIFIER_SHARED &&
			FindRoot(s->nodes, edge->a) == FindRoot(s->nodes, edge->b) ? LINK_ACTIVE : LINK_DEMOTED;

		if (edge->is_apart || state == edge->stored_state || (edge->is_order && !edge->is_alias))
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
 * resolve_identities() → (profiles, merges, splits)
 */
Datum
cdp_resolve_identities(PG_FUNCTION_ARGS)
{
	static Statement lock_resolver = {
		"SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('cdp.resolver', 0))"
	};
	MemoryContext caller = CurrentMemoryContext;
	Settler		s = {0};
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	SPI_connect();
	StatementRun(&lock_resolver, NULL, NULL);
	s.rules = LoadIdentifierRules();
	s.nodes_size = s.edges_size = 1024;
	s.nodes = palloc(sizeof(SettledNode) * s.nodes_size);
	s.edges = palloc(sizeof(SettledEdge) * s.edges_size);
	ReadRows(&s, "SELECT i.identity_key, i.profile_id, i.type, i.state, coalesce(c.event_count, 0)"
			 " FROM cdp.profile_identity i LEFT JOIN cdp.profile_counter c USING (profile_id)", ReadNode);
	qsort(s.nodes, s.nnodes, sizeof(SettledNode), CompareNode);
	ReadRows(&s, "SELECT key_a, key_b, rule, state, first_seen_at FROM cdp.identity_link", ReadEdge);
	s.counts = MemoryContextAllocExtended(CurrentMemoryContext,
										  sizeof(uint16) * Max(s.rules->ntypes, 1) * (Size) Max(s.nnodes, 1),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	JoinAll(&s);
	MoveToTargets(&s, GetCurrentTransactionStartTimestamp());
	StoreStates(&s);
	RefoldAffected(&s);
	RunSql("DELETE FROM cdp.resolve_queue");
	RunSql("SELECT count(*) FROM cdp.profile WHERE merged_into IS NULL AND erased_at IS NULL");
	values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &nulls[0]);
	values[1] = Int64GetDatum(s.merges);
	values[2] = Int64GetDatum(s.splits);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}
