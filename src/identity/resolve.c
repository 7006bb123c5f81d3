/*
 * resolve.c
 *		Union-find over the identifiers of a batch, with guards checked at each
 *		union, in the order of the messages.
 *
 * A message's identifiers are taken strongest first.  The first one names the
 * person; each further one joins, unless the joined person would break a
 * rule:
 *
 *   uniqueness	two values of a unique type would meet.  The identifier at
 *				hand is then of several persons: it becomes "shared", leaves
 *				the person it was with and gets a profile of its own.
 *   limit		too many values of a type.  The identifier is left out of this
 *				message only; the link is kept as "demoted".
 *
 * Both can depend on the order of arrival, so the identifier is marked, and
 * settle.c decides it again from all evidence in one fixed order.
 *
 * An alias is an explicit order: it joins whatever the rules say, and the
 * previous identifier retires, which means that it no longer counts.
 */
#include "core/core.h"

#include "common/hashfn.h"

#include "core/hash.h"
#include "identity/resolve.h"

typedef struct IdentifierEntry
{
	pg_uuid_t	key;
	int			index;
	char		status;
} IdentifierEntry;

#define SH_PREFIX IdentifierTable
#define SH_ELEMENT_TYPE IdentifierEntry
#define SH_KEY_TYPE pg_uuid_t
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_bytes(key.data, UUID_LEN)
#define SH_EQUAL(tb, a, b) (memcmp(a.data, b.data, UUID_LEN) == 0)
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

typedef struct LinkEntry
{
	uint64		pair;			/* a << 32 | b << 1 | is_alias */
	int			index;
	char		status;
} LinkEntry;

#define SH_PREFIX LinkTable
#define SH_ELEMENT_TYPE LinkEntry
#define SH_KEY_TYPE uint64
#define SH_KEY pair
#define SH_HASH_KEY(tb, key) ((uint32) hash_bytes((const unsigned char *) &key, sizeof(key)))
#define SH_EQUAL(tb, a, b) (a == b)
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct IdentifierHash
{
	IdentifierTable_hash *table;
};

struct LinkHash
{
	LinkTable_hash *table;
};

Resolver *
ResolverCreate(IdentifierRules *rules)
{
	Resolver   *r = palloc0(sizeof(Resolver));

	r->context = CurrentMemoryContext;
	r->rules = rules;
	r->identifiers_size = r->persons_size = r->links_size = 256;
	r->identifiers = palloc(sizeof(Identifier) * r->identifiers_size);
	r->persons = palloc(sizeof(Person) * r->persons_size);
	r->links = palloc(sizeof(Link) * r->links_size);
	r->actions_size = 16;
	r->actions = palloc(sizeof(GuardAction) * r->actions_size);
	r->by_key = palloc0(sizeof(struct IdentifierHash));
	r->by_key->table = IdentifierTable_create(CurrentMemoryContext, 256, NULL);
	r->link_by_pair = palloc0(sizeof(struct LinkHash));
	r->link_by_pair->table = LinkTable_create(CurrentMemoryContext, 256, NULL);
	return r;
}

/* The number of an identifier in this batch; the value is copied when new. */
int
ResolverIdentifier(Resolver *r, int type, const char *value, int len)
{
	pg_uuid_t	key;
	IdentifierEntry *entry;
	Identifier *identifier;
	bool		found;

	IdentityKey(&key, &r->rules->types[type], value, len);
	entry = IdentifierTable_insert(r->by_key->table, key, &found);
	if (found)
		return entry->index;
	if (r->nidentifiers == r->identifiers_size)
	{
		r->identifiers_size *= 2;
		r->identifiers = repalloc_huge(r->identifiers, sizeof(Identifier) * r->identifiers_size);
	}
	entry->index = r->nidentifiers;
	identifier = &r->identifiers[r->nidentifiers];
	memset(identifier, 0, sizeof(Identifier));
	identifier->key = key;
	identifier->type = type;
	identifier->value = MemoryContextStrdup(r->context, pnstrdup(value, len));
	identifier->value_len = len;
	identifier->person = -1;
	identifier->first_seen = DATEVAL_NOEND;
	identifier->last_seen = DATEVAL_NOBEGIN;
	return r->nidentifiers++;
}

/* The number of an identifier in the batch, or -1. */
int
ResolverFindKey(Resolver *r, const pg_uuid_t *key)
{
	IdentifierEntry *entry = IdentifierTable_lookup(r->by_key->table, *key);

	return entry ? entry->index : -1;
}

int
ResolverNewPerson(Resolver *r, int64 profile_id, int64 event_count)
{
	Person	   *person;

	if (r->npersons == r->persons_size)
	{
		r->persons_size *= 2;
		r->persons = repalloc_huge(r->persons, sizeof(Person) * r->persons_size);
	}
	person = &r->persons[r->npersons];
	person->parent = r->npersons;
	person->profile_id = profile_id;
	person->is_stored = profile_id != 0;
	person->event_count = event_count;
	person->reason = -1;
	person->counts = MemoryContextAllocZero(r->context, sizeof(uint16) * Max(r->rules->ntypes, 1));
	return r->npersons++;
}

int
ResolverFind(Resolver *r, int person)
{
	while (r->persons[person].parent != person)
	{
		r->persons[person].parent = r->persons[r->persons[person].parent].parent;
		person = r->persons[person].parent;
	}
	return person;
}

/* Does an identifier count for uniqueness and limits of its person? */
static inline bool
Counts(const Identifier *i)
{
	return i->state == IDENTIFIER_ACTIVE && !i->is_retired;
}

/* Does the person with one more value of a type keep within the limits? */
static bool
HasRoom(const Resolver *r, const Person *person, int type)
{
	int			limit = r->rules->types[type].max_per_profile;

	return limit == 0 || person->counts[type] + 1 <= limit;
}

/* Has an operator pinned these persons apart?  Pins are few. */
static bool
ArePinnedApart(Resolver *r, int a, int b)
{
	for (int i = 0; i < r->napart; i++)
	{
		int			x = ResolverFind(r, r->apart[i].a);
		int			y = ResolverFind(r, r->apart[i].b);

		if ((x == a && y == b) || (x == b && y == a))
			return true;
	}
	return false;
}

/*
 * Does the message name the identifier with one of those before it by a link
 * that no operator cut?
 */
static bool
HasUncutLink(const Resolver *r, const ResolveMessageInput *m, const bool *joined, int n)
{
	if (r->ncuts == 0)
		return true;
	for (int i = 0; i < n; i++)
	{
		bool		is_cut = false;

		if (!joined[i])
			continue;
		for (int c = 0; c < r->ncuts && !is_cut; c++)
			is_cut = (r->cuts[c].a == m->identifiers[i] && r->cuts[c].b == m->identifiers[n]) ||
				(r->cuts[c].b == m->identifiers[i] && r->cuts[c].a == m->identifiers[n]);
		if (!is_cut)
			return true;
	}
	return false;
}

typedef enum UnionVerdict
{
	UNION_ALLOWED,
	UNION_PINNED_APART,
	UNION_BREAKS_UNIQUENESS,
	UNION_BREAKS_LIMIT
} UnionVerdict;

static UnionVerdict
JudgeUnion(Resolver *r, int a, int b)
{
	UnionVerdict verdict = UNION_ALLOWED;

	if (ArePinnedApart(r, a, b))
		return UNION_PINNED_APART;

	for (int t = 0; t < r->rules->ntypes; t++)
	{
		const IdentifierType *type = &r->rules->types[t];
		int			sum = r->persons[a].counts[t] + r->persons[b].counts[t];

		if (type->max_per_profile == 0 || sum <= type->max_per_profile ||
			r->persons[a].counts[t] == 0 || r->persons[b].counts[t] == 0)
			continue;
		if (type->is_unique)
			return UNION_BREAKS_UNIQUENESS;
		verdict = UNION_BREAKS_LIMIT;
	}
	return verdict;
}

/*
 * Joins two persons; the one with more events is kept, then the older id;
 * a stored profile before a new one.  Returns the one kept.
 */
static int
Unite(Resolver *r, int a, int b, int message)
{
	const Person *pa = &r->persons[a];
	const Person *pb = &r->persons[b];
	bool		keep_b;

	if ((pa->profile_id == 0) != (pb->profile_id == 0))
		keep_b = pa->profile_id == 0;
	else if (pa->event_count != pb->event_count)
		keep_b = pb->event_count > pa->event_count;
	else if (pa->profile_id != pb->profile_id)
		keep_b = pb->profile_id < pa->profile_id;
	else
		keep_b = b < a;
	if (keep_b)
	{
		int			swap = a;

		a = b;
		b = swap;
	}
	r->persons[b].parent = a;
	r->persons[b].reason = message;
	for (int t = 0; t < r->rules->ntypes; t++)
		r->persons[a].counts[t] = Min(r->persons[a].counts[t] + r->persons[b].counts[t], PG_UINT16_MAX);
	return a;
}

static void
NoteAction(Resolver *r, int message, int identifier, const char *kind)
{
	GuardAction *action;

	if (r->nactions == r->actions_size)
	{
		r->actions_size *= 2;
		r->actions = repalloc_huge(r->actions, sizeof(GuardAction) * r->actions_size);
	}
	action = &r->actions[r->nactions++];
	action->message = message;
	action->identifier = identifier;
	action->kind = kind;
	r->identifiers[identifier].needs_settling = true;
}

/* Puts an identifier that has no person yet on one. */
static void
Place(Resolver *r, int identifier, int person)
{
	Identifier *i = &r->identifiers[identifier];

	i->person = person;
	if (Counts(i) && r->persons[person].counts[i->type] < PG_UINT16_MAX)
		r->persons[person].counts[i->type]++;
}

static void
PlaceAlone(Resolver *r, int identifier)
{
	int			person = ResolverNewPerson(r, 0, 0);

	Place(r, identifier, person);
}

/* The identifier is of several persons: it leaves the one it was with. */
static void
MakeShared(Resolver *r, int identifier, int message)
{
	Identifier *i = &r->identifiers[identifier];

	if (i->person >= 0)
	{
		Person	   *person = &r->persons[ResolverFind(r, i->person)];

		if (Counts(i) && person->counts[i->type] > 0)
			person->counts[i->type]--;
	}
	i->state = IDENTIFIER_SHARED;
	PlaceAlone(r, identifier);
	NoteAction(r, message, identifier, "shared_identifier");
}

/* An alias replaced it: it stays with its person but no longer counts. */
static void
Retire(Resolver *r, int identifier)
{
	Identifier *i = &r->identifiers[identifier];

	if (i->is_retired)
		return;
	if (i->person >= 0)
	{
		Person	   *person = &r->persons[ResolverFind(r, i->person)];

		if (Counts(i) && person->counts[i->type] > 0)
			person->counts[i->type]--;
	}
	i->is_retired = true;
}

/*
 * Lets one more identifier of a message join the person; returns whether it
 * did, with the person that came out of it in *person.
 */
static bool
Join(Resolver *r, int *person, int identifier, bool forced, int message)
{
	Identifier *i = &r->identifiers[identifier];
	int			other;

	if (i->state == IDENTIFIER_SHARED)
	{
		if (i->person < 0)
			PlaceAlone(r, identifier);
		return false;
	}
	if (i->person < 0)
	{
		if (!forced && Counts(i) && !HasRoom(r, &r->persons[*person], i->type))
		{
			PlaceAlone(r, identifier);
			NoteAction(r, message, identifier, "demoted_identifier");
			return false;
		}
		Place(r, identifier, *person);
		return true;
	}
	other = ResolverFind(r, i->person);
	if (other == *person)
		return true;
	if (forced)
	{
		if (ArePinnedApart(r, *person, other))
			return false;
	}
	else
	{
		switch (JudgeUnion(r, *person, other))
		{
			case UNION_PINNED_APART:
				return false;
			case UNION_BREAKS_UNIQUENESS:
				if (r->rules->types[i->type].is_unique || i->is_pinned)
					NoteAction(r, message, identifier, "demoted_identifier");
				else
					MakeShared(r, identifier, message);
				return false;
			case UNION_BREAKS_LIMIT:
				NoteAction(r, message, identifier, "demoted_identifier");
				return false;
			case UNION_ALLOWED:
				break;
		}
	}
	*person = Unite(r, *person, other, message);
	return true;
}

/*
 * Is the identifier on the way to be a hub?  That depends on all evidence, so
 * it is only marked here for settle.c, which counts.
 */
static void
SuspectHub(Resolver *r, int person, int identifier, int message)
{
	const Identifier *i = &r->identifiers[identifier];
	int			limit = r->rules->types[i->type].max_people;

	if (limit == 0 || i->needs_settling || i->state == IDENTIFIER_SHARED)
		return;
	for (int t = 0; t < i->type; t++)
		if (r->rules->types[t].is_personal && r->persons[person].counts[t] > limit)
		{
			NoteAction(r, message, identifier, "suspected_hub");
			return;
		}
}

/* Records that a message named two identifiers together. */
static void
AddLink(Resolver *r, int x, int y, bool is_alias, LinkState state, const ResolveMessageInput *m)
{
	DateADT		day = DatumGetDateADT(DirectFunctionCall1(timestamp_date, TimestampGetDatum(m->occurred_at)));
	uint64		pair;
	LinkEntry  *entry;
	Link	   *link;
	bool		found;

	if (CompareUuid(&r->identifiers[x].key, &r->identifiers[y].key) > 0)
	{
		int			swap = x;

		x = y;
		y = swap;
	}
	pair = ((uint64) x << 32) | ((uint64) y << 1) | is_alias;
	entry = LinkTable_insert(r->link_by_pair->table, pair, &found);
	if (!found)
	{
		if (r->nlinks == r->links_size)
		{
			r->links_size *= 2;
			r->links = repalloc_huge(r->links, sizeof(Link) * r->links_size);
		}
		entry->index = r->nlinks++;
		link = &r->links[entry->index];
		link->a = x;
		link->b = y;
		link->is_alias = is_alias;
		link->first_seen_at = DT_NOEND;
		link->last_seen = DATEVAL_NOBEGIN;
	}
	link = &r->links[entry->index];
	link->state = state;
	link->last_seen = Max(link->last_seen, day);
	if (m->occurred_at < link->first_seen_at ||
		(m->occurred_at == link->first_seen_at && CompareUuid(&m->message_key, &link->message_key) < 0))
	{
		link->first_seen_at = m->occurred_at;
		link->source_id = m->source_id;
		link->message_id = m->message_id;
		link->message_key = m->message_key;
	}
}

/* Is this pair the explicit order of an alias? */
static bool
IsAliasPair(const ResolveMessageInput *m, int x, int y)
{
	if (!m->is_alias)
		return false;
	for (int p = 0; p < 2; p++)
		if (m->previous[p] >= 0 &&
			((x == m->current && y == m->previous[p]) || (y == m->current && x == m->previous[p])))
			return true;
	return false;
}

/*
 * Resolves one message.  Its first identifier decides the person; each
 * further one joins or is left out.
 */
void
ResolveMessage(Resolver *r, const ResolveMessageInput *m)
{
	bool		joined[MAX_MESSAGE_IDENTIFIERS];
	int			person = -1;
	int			named = -1;		/* the identifier that named the person */

	Assert(m->count > 0 && m->count <= MAX_MESSAGE_IDENTIFIERS);

	/* an alias first: it is an order */
	if (m->is_alias)
	{
		named = m->current;
		if (r->identifiers[named].person < 0)
			PlaceAlone(r, named);
		person = ResolverFind(r, r->identifiers[named].person);
		if (m->previous[0] >= 0)
			Retire(r, m->previous[0]);
		for (int p = 0; p < 2; p++)
			if (m->previous[p] >= 0)
				Join(r, &person, m->previous[p], true, m->number);
	}
	for (int n = 0; n < m->count; n++)
	{
		int			identifier = m->identifiers[n];
		Identifier *i = &r->identifiers[identifier];

		joined[n] = true;
		if (identifier == named || (m->is_alias && (identifier == m->previous[0] || identifier == m->previous[1])))
			joined[n] = i->state != IDENTIFIER_SHARED;
		else if (person < 0 && i->state != IDENTIFIER_SHARED)
		{
			if (i->person < 0)
				PlaceAlone(r, identifier);
			person = ResolverFind(r, i->person);
			named = identifier;
		}
		else if (person < 0)
		{
			joined[n] = false;
			if (i->person < 0)
				PlaceAlone(r, identifier);
		}
		else if (!HasUncutLink(r, m, joined, n))
		{
			joined[n] = i->person >= 0 && i->state != IDENTIFIER_SHARED && ResolverFind(r, i->person) == person;
			if (i->person < 0)
				PlaceAlone(r, identifier);
		}
		else
			joined[n] = Join(r, &person, identifier, false, m->number);
	}
	for (int n = 1; n < m->count; n++)
		if (joined[n])
			SuspectHub(r, ResolverFind(r, person), m->identifiers[n], m->number);
	for (int x = 0; x < m->count; x++)
		for (int y = x + 1; y < m->count; y++)
		{
			int			a = m->identifiers[x];
			int			b = m->identifiers[y];

			/* beyond a few identifiers a star round the strongest says the same */
			if (x > 0 && m->count > MAX_PAIRED_IDENTIFIERS && !m->is_alias)
				return;
			AddLink(r, a, b, IsAliasPair(m, a, b), joined[x] && joined[y] ? LINK_ACTIVE : LINK_DEMOTED, m);
		}
}
