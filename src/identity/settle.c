/*
 * settle.c
 *		Who is who from the evidence, by the rules.
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
 * Pins of an operator come before everything: identifiers pinned together are
 * one person and never shared, groups with identifiers pinned apart never meet, and a link that
 * was cut does not count.
 *
 * An identifier that is directly named with two values of a unique type is
 * shared from the start, and so is a hub, one that is named with more people
 * than its type allows.  The outcome depends on the evidence alone, so it
 * does not matter in which order or in which batches the evidence arrived.
 *
 * Memory: about 64 bytes an identifier and 48 a link.
 */
#include "core/core.h"

#include "core/hash.h"
#include "identity/settle.h"

/* in one group, after so many turns all conflicts are settled at once */
#define MAX_TURNS 100

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
	if (a->is_pin != b->is_pin)
		return a->is_pin ? -1 : 1;
	if (a->is_alias != b->is_alias)
		return a->is_alias ? -1 : 1;
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
			if (s->nodes[n].type >= 0 && s->nodes[n].state == IDENTIFIER_ACTIVE && !s->nodes[n].is_retired)
				counts[s->nodes[n].type] = 1;
		}
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
 * Identifiers named together with two different values of a unique type are
 * shared, unless an order made these values one person.
 */
static void
MarkDirectlyShared(Settler *s, int from, int to)
{
	for (int e = from; e < to; e++)
	{
		SettledEdge *edge = &s->edges[e];

		s->home[edge->a] = s->home[edge->b] = -1;
		if (IsOrder(edge) && !edge->is_cut && FindRoot(s->nodes, edge->a) != FindRoot(s->nodes, edge->b))
			JoinRoots(s, FindRoot(s->nodes, edge->a), FindRoot(s->nodes, edge->b));
	}
	for (int e = from; e < to; e++)
	{
		SettledEdge *edge = &s->edges[e];
		int			unique;
		int			other;
		int			root;

		if (IsOrder(edge) || edge->is_apart || edge->is_cut || IsUnique(s, edge->a) == IsUnique(s, edge->b))
			continue;
		unique = IsUnique(s, edge->a) ? edge->a : edge->b;
		other = unique == edge->a ? edge->b : edge->a;
		root = FindRoot(s->nodes, unique);
		if (s->nodes[unique].is_retired || s->nodes[other].is_pinned || s->nodes[other].state == IDENTIFIER_SHARED ||
			FindRoot(s->nodes, other) == root)
			continue;
		if (s->home[other] < 0)
			s->home[other] = root;
		else if (s->home[other] != root && s->nodes[s->home[other]].type == s->nodes[root].type)
			s->nodes[other].state = IDENTIFIER_SHARED;
	}
}

/*
 * Identifiers named together with more people (values of one stronger, personal
 * type) than their own type allows are hubs, and shared.  Uses the counters of the group.
 */
static void
MarkHubs(Settler *s, int from, int to)
{
	int			ntypes = s->rules->ntypes;

	for (int e = from; e < to; e++)
		for (int end = 0; end < 2; end++)
			memset(s->counts + (size_t) (end ? s->edges[e].b : s->edges[e].a) * ntypes, 0, sizeof(uint16) * ntypes);
	for (int e = from; e < to; e++)
	{
		SettledEdge *edge = &s->edges[e];
		int			weaker = TypeRank(s, edge->a) > TypeRank(s, edge->b) ? edge->a : edge->b;
		int			stronger = weaker == edge->a ? edge->b : edge->a;
		const IdentifierType *type;
		uint16	   *count;

		if (IsOrder(edge) || edge->is_apart || edge->is_cut || s->nodes[weaker].type < 0 ||
			TypeRank(s, weaker) == TypeRank(s, stronger) || s->nodes[weaker].is_pinned ||
			!s->rules->types[s->nodes[stronger].type].is_personal)
			continue;
		type = &s->rules->types[s->nodes[weaker].type];
		count = s->counts + (size_t) weaker * ntypes + s->nodes[stronger].type;
		if (*count < PG_UINT16_MAX)
			(*count)++;
		if (type->max_people > 0 && *count > type->max_people)
			s->nodes[weaker].state = IDENTIFIER_SHARED;
	}
}

typedef enum EdgeVerdict
{
	EDGE_JOINS,
	EDGE_BREAKS_UNIQUENESS,
	EDGE_BREAKS_LIMIT
} EdgeVerdict;

/* Has an operator pinned these groups apart?  Pins are few. */
static bool
ArePinnedApart(Settler *s, int root_a, int root_b)
{
	for (int i = 0; i < s->napart; i++)
	{
		int			a = FindRoot(s->nodes, s->edges[s->apart[i]].a);
		int			b = FindRoot(s->nodes, s->edges[s->apart[i]].b);

		if ((a == root_a && b == root_b) || (a == root_b && b == root_a))
			return true;
	}
	return false;
}

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

		if (edge->is_apart || edge->is_cut ||
			s->nodes[edge->a].state == IDENTIFIER_SHARED || s->nodes[edge->b].state == IDENTIFIER_SHARED)
			continue;
		a = FindRoot(s->nodes, edge->a);
		b = FindRoot(s->nodes, edge->b);
		if (a == b)
			continue;
		if (!edge->is_pin && s->napart > 0 && ArePinnedApart(s, a, b))
			continue;
		if (IsOrder(edge) || JudgeEdge(s, a, b) == EDGE_JOINS)
		{
			JoinRoots(s, a, b);
			continue;
		}
		if (JudgeEdge(s, a, b) == EDGE_BREAKS_LIMIT)
			continue;
		weaker = TypeRank(s, edge->a) > TypeRank(s, edge->b) ||
			(TypeRank(s, edge->a) == TypeRank(s, edge->b) && edge->a > edge->b) ? edge->a : edge->b;
		if (IsUnique(s, weaker) || s->nodes[weaker].is_pinned)
			continue;			/* not joined, but not shared either */
		s->nodes[weaker].state = IDENTIFIER_SHARED;
		again = true;
		if (!settle_all)
			break;
	}
	return again;
}

/* The edges of a group that keep apart; they are few and may be anywhere. */
static void
FindApart(Settler *s, int from, int to)
{
	s->napart = 0;
	for (int e = from; e < to; e++)
		if (s->edges[e].is_apart)
		{
			s->apart = s->apart ? repalloc(s->apart, sizeof(int) * (s->napart + 1)) : palloc(sizeof(int));
			s->apart[s->napart++] = e;
		}
}

/* Groups of all evidence first; then each of them by the rules. */
void
JoinGraph(Settler *s)
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
		FindApart(s, from, to);
		MarkHubs(s, from, to);
		ResetGroup(s, from, to);
		MarkDirectlyShared(s, from, to);
		while (JoinGroup(s, from, to, turn >= MAX_TURNS))
			turn++;
	}
}
