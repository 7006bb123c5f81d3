/*
 * suppress.c
 *		Identifiers that must not come back: those of erased persons.
 *
 * What is suppressed is known by salted hashes only.  When the strongest
 * identifier of a message is suppressed, the message is about that person and
 * is refused, and nothing of it is kept.  Another suppressed identifier is
 * left out, and its value blanked wherever the message has it.
 */
#include "core/core.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/rowset.h"
#include "event/batch.h"

#define BLANKED "[suppressed]"

typedef struct SaltedKey
{
	pg_uuid_t	key;
	int			identifier;
} SaltedKey;

static Statement select_suppressed = {
	"SELECT suppression_key FROM cdp.suppression WHERE suppression_key = ANY ($1)",
	{UUIDARRAYOID}
};

static int
CompareSaltedKey(const void *a, const void *b)
{
	return CompareUuid(&((const SaltedKey *) a)->key, &((const SaltedKey *) b)->key);
}

/* Which identifiers of the batch are suppressed; NULL: none. */
static bool *
FindSuppressed(Batch *batch)
{
	Resolver   *r = batch->resolver;
	bytea	   *salt = batch->rules->suppression_salt;
	SaltedKey  *salted = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(SaltedKey) * Max(r->nidentifiers, 1));
	Datum	   *keys = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * Max(r->nidentifiers, 1));
	Datum		args[1];
	bool	   *suppressed = NULL;

	for (int i = 0; i < r->nidentifiers; i++)
	{
		Sha256		sha;
		uint8		digest[SHA256_LENGTH];

		Sha256Init(&sha);
		Sha256Update(&sha, VARDATA_ANY(salt), VARSIZE_ANY_EXHDR(salt));
		Sha256Update(&sha, r->identifiers[i].key.data, UUID_LEN);
		Sha256Final(&sha, digest);
		memcpy(salted[i].key.data, digest, UUID_LEN);
		salted[i].identifier = i;
	}
	qsort(salted, r->nidentifiers, sizeof(SaltedKey), CompareSaltedKey);
	for (int i = 0; i < r->nidentifiers; i++)
		keys[i] = UUIDPGetDatum(&salted[i].key);
	args[0] = UuidArray(keys, r->nidentifiers);
	StatementRun(&select_suppressed, args, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		SaltedKey	wanted = {.identifier = -1};
		SaltedKey  *found;

		wanted.key = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull));
		found = bsearch(&wanted, salted, r->nidentifiers, sizeof(SaltedKey), CompareSaltedKey);
		if (found == NULL)
			continue;
		if (suppressed == NULL)
			suppressed = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(bool) * r->nidentifiers,
													MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		suppressed[found->identifier] = true;
	}
	pfree(salted);
	pfree(keys);
	return suppressed;
}

/* Is that the identifier, in some spelling? */
static bool
IsIdentifier(Batch *batch, const JsonNode *node, const Identifier *identifier, StringInfo canonical)
{
	const char *reason;

	return NormalizeIdentifier(batch->rules->identifiers, identifier->type, node->text, node->len, NULL,
							   canonical, &reason) == IDENTIFIER_OK &&
		canonical->len == identifier->value_len &&
		memcmp(canonical->data, identifier->value, canonical->len) == 0;
}

/* Blanks every value in the tree that is one of these identifiers. */
static void
Blank(Batch *batch, JsonNode *node, const int *identifiers, int count, StringInfo canonical)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (node->kind == JSON_NODE_STRING || node->kind == JSON_NODE_NUMBER)
		for (int i = 0; i < count; i++)
			if (IsIdentifier(batch, node, &batch->resolver->identifiers[identifiers[i]], canonical))
			{
				node->kind = JSON_NODE_STRING;
				node->text = BLANKED;
				node->len = strlen(BLANKED);
				break;
			}
	for (JsonNode *child = node->first; child; child = child->next)
		Blank(batch, child, identifiers, count, canonical);
}

/* Takes the suppressed identifiers out of a message; false when none is left. */
static bool
LeaveOut(Batch *batch, Message *m, const bool *suppressed)
{
	int			out[MAX_MESSAGE_IDENTIFIERS];
	int			nout = 0;
	int			kept = 0;
	bool		previous_out = false;
	StringInfoData canonical;

	/* previousId was read as an account and as a cookie: both or none */
	for (int i = 0; i < 2; i++)
		previous_out |= m->alias_previous[i] >= 0 && suppressed[m->alias_previous[i]];
	for (int i = 0; i < m->nidentifiers; i++)
	{
		int			n = m->identifiers[i];

		if (!suppressed[n])
		{
			if (!previous_out || (n != m->alias_previous[0] && n != m->alias_previous[1]))
				m->identifiers[kept++] = n;
			continue;
		}
		out[nout++] = n;
		NoteIssue(batch, m->source->source_id, "suppressed_identifier", NULL, "%s",
				  batch->rules->identifiers->types[batch->resolver->identifiers[n].type].name);
	}
	if (nout == 0)
		return true;
	if (kept == 0)
		return false;
	m->nidentifiers = kept;
	if (previous_out || (m->alias_current >= 0 && suppressed[m->alias_current]))
		m->alias_current = m->alias_previous[0] = m->alias_previous[1] = -1;
	initStringInfo(&canonical);
	Blank(batch, (JsonNode *) m->node, out, nout, &canonical);
	/* the envelope's own context, which the message inherits */
	if (m->envelope && JsonMember(m->envelope, "context"))
		Blank(batch, JsonMember(m->envelope, "context"), out, nout, &canonical);
	pfree(canonical.data);
	return true;
}

/*
 * Before anybody is resolved: refuses messages of suppressed persons, and
 * leaves suppressed identifiers out of the others.
 */
void
ApplySuppressions(Batch *batch)
{
	bool	   *suppressed;
	int			kept = 0;

	if (batch->rules->suppression_salt == NULL || batch->nmessages == 0)
		return;
	suppressed = FindSuppressed(batch);
	if (suppressed == NULL)
		return;
	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];

		if (suppressed[m->identifiers[0]] || !LeaveOut(batch, m, suppressed))
		{
			batch->payload = m->payload;
			batch->counts.received--;	/* Reject() counts it again */
			Reject(batch, m->node, m->envelope, ERRCODE_CDP_SUPPRESSED,
				   "the person was erased or suppressed");
			continue;
		}
		if (kept != n)
			batch->messages[kept] = *m;
		kept++;
	}
	batch->nmessages = kept;
}
